"""Replace parameters in Great Expectations suites by the values that the suite contains.

The value of ``"$PARAMETER"`` is a name, or arithmetic with names such as ``"2 * max_amount"``. Values are under
``suite_parameters`` of the suite (``evaluation_parameters`` in older versions), or next to the name, as in
``{"$PARAMETER": "rows", "$PARAMETER.rows": 10}``.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError

_PARAMETER = "$PARAMETER"
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def parameters_of(suite: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the values of a suite's parameters, by name.

    :param suite: the suite as parsed JSON.
    :param name: name of the suite, for messages.
    :raises BadInputError: when the parameters are not a mapping.
    """
    found: dict[str, Any] = {}
    for key in ("evaluation_parameters", "suite_parameters"):
        values = suite.get(key) or {}
        if not isinstance(values, Mapping):
            raise BadInputError(f"suite {name}: {key!r} must be a JSON object, not {type(values).__name__}")
        found |= values
    return found


def substitute_parameters(value: Any, parameters: Mapping[str, Any], where: str) -> Any:
    """Return ``value`` with every parameter in it replaced.

    :param value: an argument of an expectation.
    :param parameters: values of the suite's parameters, by name.
    :param where: name of the argument, for messages.
    :raises BadInputError: when a parameter has no value; names it.
    """
    if isinstance(value, list | tuple):
        return [substitute_parameters(item, parameters, where) for item in value]
    if not isinstance(value, Mapping):
        return value
    if _PARAMETER not in value:
        return {key: substitute_parameters(item, parameters, where) for key, item in value.items()}
    text = str(value[_PARAMETER])
    local_values = {
        key.removeprefix(f"{_PARAMETER}."): item for key, item in value.items() if key.startswith(f"{_PARAMETER}.")
    }
    known = {**parameters, **local_values}
    return known[text] if text in known else _evaluated(text, known, where)


def _evaluated(text: str, known: Mapping[str, Any], where: str) -> Any:
    try:
        return _value(ast.parse(text, mode="eval").body, known)
    except KeyError as error:
        raise BadInputError(
            f"{where}: suite parameter {error.args[0]!r} has no value in the suite; write it there"
        ) from error
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
