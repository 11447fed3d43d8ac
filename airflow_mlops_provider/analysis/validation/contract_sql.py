"""SQL quality rules of data contracts: their placeholders, their names of the batch and columns, and their limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_mlops_provider.analysis.validation.contract_names import ContractNames
from airflow_mlops_provider.analysis.validation.contract_operators import operator_limits, operator_tolerances
from airflow_mlops_provider.analysis.validation.custom_sql import BATCH, check_query, condition_of, with_renamed_columns
from airflow_mlops_provider.analysis.validation.sql_columns import quote
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.rules import Rule

# The standard has only object and property; tools for it write the others.
_OBJECT_PLACEHOLDERS = ("object", "table", "model", "schema")
_PROPERTY_PLACEHOLDERS = ("property", "column", "field")
_PLACEHOLDER = re.compile(r"\$?\{\s*(\w+)\s*\}")


def sql_rules(quality: Mapping[str, Any], source: str, column: str | None, names: ContractNames) -> tuple[Rule, ...]:
    """Read a quality rule of type ``sql``.

    A query that counts the rows of a condition, with upper limits only, becomes a row rule. Any other query becomes a
    rule on its one value.

    :param quality: the rule as parsed YAML.
    :param source: place of the rule, for messages.
    :param column: column of the property; ``None`` for a rule of the whole object.
    :param names: names of the object and its properties in SQL.
    :raises BadInputError: when there is no valid query, or it has an unknown placeholder; names it.
    """
    query = quality.get("query")
    if not isinstance(query, str):
        raise BadInputError(f"{source}: a sql rule must have a 'query'")
    query = _with_batch_name(_with_placeholders_filled(query, source, column), names)
    check_query(query, source)
    limits = operator_limits(quality, source, flags=True)
    condition = condition_of(query)
    counts = re.match(r"\s*SELECT\s+COUNT\b", query, re.IGNORECASE) is not None
    if condition is not None and counts and all(each.is_ceiling for each in limits):
        rows = with_renamed_columns(f"SELECT * FROM {BATCH} WHERE {condition}", names.renamed)  # SQL of the contract
        kwargs = {"unexpected_rows_query": rows}
        return tuple(
            Rule(type="unexpected_rows_expectation", kwargs=kwargs, source=source, tolerance=tolerance)
            for tolerance in operator_tolerances(quality, source)
        )
    query = with_renamed_columns(query, names.renamed)
    return tuple(query_rule(query, encode(each), source) for each in limits)


def query_rule(query: str, limits: Mapping[str, Any], source: str) -> Rule:
    """Return the rule that the one value of ``query`` is within ``limits``."""
    return Rule(type="expect_query_value_to_be_within", kwargs={"query": query, "limits": dict(limits)}, source=source)


def _with_placeholders_filled(query: str, source: str, column: str | None) -> str:
    """Return the query with its placeholders replaced by the batch and the column of the property."""

    def value(found: re.Match[str]) -> str:
        placeholder = found[1]
        if placeholder in _OBJECT_PLACEHOLDERS or found[0] == "{batch}":
            return BATCH
        if placeholder not in _PROPERTY_PLACEHOLDERS:
            known = ", ".join(f"{{{name}}}" for name in (*_OBJECT_PLACEHOLDERS, *_PROPERTY_PLACEHOLDERS))
            raise BadInputError(f"{source}: its query has {found[0]}, which is none of the placeholders {known}")
        if column is None:
            raise BadInputError(f"{source}: its query has {found[0]}, but the rule belongs to no property")
        return quote(column)

    return _PLACEHOLDER.sub(value, query)


def _with_batch_name(query: str, names: ContractNames) -> str:
    """Return the query with the object's names replaced by the batch, also when qualified by a database or schema."""
    for name in names.tables:
        query = re.sub(
            rf'\b(FROM|JOIN)\s+(?:(?:"[^"]+"|\w+)\.)*(?:"{re.escape(name)}"|{re.escape(name)}\b)(?!\.)',
            rf"\1 {BATCH}",
            query,
            flags=re.IGNORECASE,
        )
    return query
