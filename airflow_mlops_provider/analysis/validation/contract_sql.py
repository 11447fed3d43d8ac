"""SQL quality rules of data contracts: placeholders, the names under which they know the batch, and their limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_mlops_provider.analysis.validation.contract_names import ContractNames
from airflow_mlops_provider.analysis.validation.contract_operators import operator_limits, operator_tolerances
from airflow_mlops_provider.analysis.validation.custom_sql import BATCH, check_query, condition_of, with_columns
from airflow_mlops_provider.analysis.validation.sql_columns import quote
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.rules import Rule

# The standard's own are object and property; the others are what tools for it write.
_OBJECT_MARKS = ("object", "table", "model", "schema")
_PROPERTY_MARKS = ("property", "column", "field")
_MARK = re.compile(r"\$?\{\s*(\w+)\s*\}")


def sql_rules(quality: Mapping[str, Any], source: str, column: str | None, names: ContractNames) -> tuple[Rule, ...]:
    """A rule of type ``sql``: judged row by row when it counts rows and fewer is better, else as a whole.

    :param quality: the rule as parsed YAML.
    :param source: where it stands, for messages.
    :param column: the property's column; ``None`` for a rule of the whole object.
    :param names: under which SQL knows the batch and its columns.
    :raises BadInputError: when it is no query, or has a placeholder that means nothing, naming it.
    """
    query = quality.get("query")
    if not isinstance(query, str):
        raise BadInputError(f"{source}: a sql rule must have a 'query'")
    query = _of_batch(_filled(query, source, column), names)
    check_query(query, source)
    limits = operator_limits(quality, source, flags=True)
    condition = condition_of(query)
    counts = re.match(r"\s*SELECT\s+COUNT\b", query, re.IGNORECASE) is not None
    if condition is not None and counts and all(each.is_ceiling for each in limits):
        rows = with_columns(f"SELECT * FROM {BATCH} WHERE {condition}", names.renamed)  # the contract's own
        kwargs = {"unexpected_rows_query": rows}
        return tuple(
            Rule(type="unexpected_rows_expectation", kwargs=kwargs, source=source, tolerance=tolerance)
            for tolerance in operator_tolerances(quality, source)
        )
    query = with_columns(query, names.renamed)
    return tuple(query_rule(query, encode(each), source) for each in limits)


def query_rule(query: str, limits: Mapping[str, Any], source: str) -> Rule:
    """A rule that the one value of ``query`` is within ``limits``."""
    return Rule(type="expect_query_value_to_be_within", kwargs={"query": query, "limits": dict(limits)}, source=source)


def _filled(query: str, source: str, column: str | None) -> str:
    """The query with the batch and the property's column for its placeholders."""

    def value(found: re.Match[str]) -> str:
        mark = found[1]
        if mark in _OBJECT_MARKS or found[0] == "{batch}":
            return BATCH
        if mark not in _PROPERTY_MARKS:
            known = ", ".join(f"{{{name}}}" for name in (*_OBJECT_MARKS, *_PROPERTY_MARKS))
            raise BadInputError(f"{source}: its query has {found[0]}, which is none of the placeholders {known}")
        if column is None:
            raise BadInputError(f"{source}: its query has {found[0]}, but the rule belongs to no property")
        return quote(column)

    return _MARK.sub(value, query)


def _of_batch(query: str, names: ContractNames) -> str:
    """The query with the batch for the object's names, also where a database or schema stands in front."""
    for name in names.tables:
        query = re.sub(
            rf'\b(FROM|JOIN)\s+(?:(?:"[^"]+"|\w+)\.)*(?:"{re.escape(name)}"|{re.escape(name)}\b)(?!\.)',
            rf"\1 {BATCH}",
            query,
            flags=re.IGNORECASE,
        )
    return query
