"""Parameters of Great Expectations suites, filled in with the values that the suite itself gives.

``{"$PARAMETER": "max_amount"}`` is a name, or arithmetic over names such as ``"2 * max_amount"``. Values stand in the
suite's ``suite_parameters`` (``evaluation_parameters`` of older versions) or beside the name, as
``{"$PARAMETER": "rows", "$PARAMETER.rows": 10}``.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError

_MARK = "$PARAMETER"
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def parameters_of(suite: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The values of a suite's parameters.

    :param name: of the suite, for messages.
    """
    found: dict[str, Any] = {}
    for key in ("evaluation_parameters", "suite_parameters"):
        values = suite.get(key) or {}
        if not isinstance(values, Mapping):
            raise BadInputError(f"suite {name}: {key!r} must be a JSON object, not {type(values).__name__}")
        found |= values
    return found


def filled_in(value: Any, parameters: Mapping[str, Any], where: str) -> Any:
    """``value`` with every parameter in it replaced by its value.

    :param where: the argument it stands in, for messages.
    :raises BadInputError: naming a parameter that has no value.
    """
    if isinstance(value, list | tuple):
        return [filled_in(item, parameters, where) for item in value]
    if not isinstance(value, Mapping):
        return value
    if _MARK not in value:
        return {key: filled_in(item, parameters, where) for key, item in value.items()}
    text = str(value[_MARK])
    beside = {key.removeprefix(f"{_MARK}."): item for key, item in value.items() if key.startswith(f"{_MARK}.")}
    known = {**parameters, **beside}
    return known[text] if text in known else _computed(text, known, where)


def _computed(text: str, known: Mapping[str, Any], where: str) -> Any:
    try:
        return _value(ast.parse(text, mode="eval").body, known)
    except KeyError as error:
        told = f"{where}: suite parameter {error.args[0]!r} has no value in the suite; write it there"
        raise BadInputError(told) from error
    except (SyntaxError, TypeError, ValueError, ArithmeticError) as error:
        raise BadInputError(f"{where}: {text!r} is no name of a suite parameter and no arithmetic over some") from error


def _value(node: ast.expr, known: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.Name):
        return known[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, known)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.left, known), _value(node.right, known))
    raise ValueError("neither a number, a name nor arithmetic")
