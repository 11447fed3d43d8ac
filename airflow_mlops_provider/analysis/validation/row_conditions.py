"""Translate row conditions of Great Expectations to SQL.

There are two forms: the structured one (``{"type": "comparison", ...}``) and the older text for ``DataFrame.query``.
They have the meaning of pandas: a comparison with a missing value is false, except ``!=`` and ``not in``, which are
true.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from airflow_mlops_provider.analysis.validation.check_time import current_time_sql
from airflow_mlops_provider.analysis.validation.sql_checks import NotInScanError, UnfitDataError
from airflow_mlops_provider.analysis.validation.sql_columns import Column, Family

_COMPARISONS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_AST_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "IN",
    ast.NotIn: "NOT_IN",
}


def row_condition(condition: Any, columns: Mapping[str, Column]) -> str | None:
    """Return a row condition as SQL that is true or false, never NULL; ``None`` without a condition.

    :param condition: the value of the argument ``row_condition``.
    :param columns: columns of the batch, by name.
    :raises NotInScanError: when only pandas can evaluate it.
    :raises UnfitDataError: when the batch lacks one of its columns.
    """
    if condition is None or condition == "":
        return None
    if isinstance(condition, str):
        return _Query(columns).sql(condition)
    return _structured(condition, columns)


def _structured(condition: Any, columns: Mapping[str, Column]) -> str:
    if not isinstance(condition, Mapping):
        raise NotInScanError
    kind = condition.get("type")
    if kind in ("and", "or"):
        parts = [_structured(part, columns) for part in condition.get("conditions") or ()]
        if not parts:
            raise NotInScanError
        return f"({f' {kind.upper()} '.join(parts)})"
    if kind == "pass_through":
        return _Query(columns).sql(str(condition.get("pass_through_filter", "")))
    column = _column(condition.get("column"), columns)
    if kind == "nullity":
        return column.missing if condition.get("is_null") else f"(NOT {column.missing})"
    if kind == "comparison":
        return _comparison(column, str(condition.get("operator")), condition.get("parameter"))
    raise NotInScanError


def _column(named: Any, columns: Mapping[str, Column]) -> Column:
    name = named.get("name") if isinstance(named, Mapping) else named
    if name not in columns:
        raise UnfitDataError(f"column {name!r} of its row condition is missing")
    return columns[str(name)]


def _comparison(column: Column, operator: str, parameter: Any) -> str:
    if operator in ("IN", "NOT_IN"):
        if not isinstance(parameter, list | tuple | set):
            raise NotInScanError
        found = column.literals(parameter)
        inside = f"coalesce({column.value} IN ({', '.join(found)}), false)" if found else "false"
        return inside if operator == "IN" else f"(NOT {inside})"
    literal = _literal(column, parameter)
    if operator not in _COMPARISONS or literal is None:
        raise NotInScanError
    otherwise = "true" if operator == "!=" else "false"
    return f"coalesce({column.value} {_COMPARISONS[operator]} {literal}, {otherwise})"


def _literal(column: Column, parameter: Any) -> str | None:
    """Return the parameter as SQL; for dates and timestamps also ``current_date``, ``now()`` and the like."""
    is_time = column.family in (Family.DATE, Family.TIMESTAMP)
    present = current_time_sql(parameter) if is_time else None
    return present or column.literal(parameter)


class _Query:
    """Translates a subset of ``DataFrame.query``: columns compared with literals, combined by and, or and not."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = columns

    def sql(self, text: str) -> str:
        # Backticks and @ have a meaning in pandas only.
        if any(mark in text for mark in "`@"):
            raise NotInScanError
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except SyntaxError as error:
            raise NotInScanError from error
        return self._condition(tree.body)

    def _condition(self, node: ast.expr) -> str:
        for kind, translate in self._translations().items():
            if isinstance(node, kind):
                return translate(node)
        raise NotInScanError

    def _translations(self) -> dict[type[ast.expr], Callable[[Any], str]]:
        return {ast.BoolOp: self._joined, ast.UnaryOp: self._negated, ast.Compare: self._compared}

    def _joined(self, node: ast.BoolOp) -> str:
        word = " AND " if isinstance(node.op, ast.And) else " OR "
        return f"({word.join(self._condition(part) for part in node.values)})"

    def _negated(self, node: ast.UnaryOp) -> str:
        if not isinstance(node.op, ast.Not | ast.Invert):
            raise NotInScanError
        return f"(NOT {self._condition(node.operand)})"

    def _compared(self, node: ast.Compare) -> str:
        if len(node.ops) != 1 or not isinstance(node.left, ast.Name):
            raise NotInScanError
        operator = _AST_COMPARISONS.get(type(node.ops[0]))
        if operator is None:
            raise NotInScanError
        compared = node.comparators[0]
        parameter: Any = ast.unparse(compared)
        if isinstance(compared, ast.Constant) or current_time_sql(parameter) is None:
            try:
                parameter = ast.literal_eval(compared)
            except ValueError as error:
                raise NotInScanError from error
        return _comparison(_column(node.left.id, self._columns), operator, parameter)
