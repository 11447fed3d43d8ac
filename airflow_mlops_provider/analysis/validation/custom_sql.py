"""Parse the SQL of rules: whether it is one query, which columns it reads, and whether it can be checked by row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import duckdb

from airflow_mlops_provider.analysis.validation.check_time import NAMES_WITHOUT_PARENTHESES
from airflow_mlops_provider.exceptions import BadInputError, one_line

BATCH = "batch"
"""Name of the batch in the SQL of rules."""

_ROW_QUERY = re.compile(
    r'\s*SELECT\s+(?:\*|COUNT\s*\(\s*(?:\*|1)\s*\))\s+FROM\s+"?batch"?\s+WHERE\s+(?P<condition>.+?)\s*;?\s*',
    re.IGNORECASE | re.DOTALL,
)


def batch_query(query: str) -> str:
    """Return the query with Great Expectations' ``{batch}`` replaced by the name of the batch."""
    return query.replace("{batch}", BATCH)


def condition_of(query: str) -> str | None:
    """Return the condition of ``SELECT * FROM batch WHERE ...``, or of the same with ``COUNT(*)``.

    :returns: ``None`` for any other query.
    """
    match = _ROW_QUERY.fullmatch(batch_query(query))
    if match is None:
        return None
    node = _parse(f"SELECT * FROM {BATCH} WHERE {match['condition']}")["node"]
    if node["type"] != "SELECT_NODE" or _reads_other_rows(node):
        return None
    return match["condition"]


def check_query(query: str, source: str) -> None:
    """Raise ``BadInputError`` unless ``query`` is one SELECT statement.

    :param source: place of the query, for the message.
    """
    try:
        _parse(batch_query(query))
    except BadInputError as error:
        raise BadInputError(f"{source}: {error}") from error


def check_condition(condition: str, source: str) -> None:
    """Raise ``BadInputError`` unless ``condition`` is one expression over the columns of one row.

    :param source: place of the condition, for the message.
    """
    try:
        node = _parse(f"SELECT * FROM {BATCH} WHERE ({condition})")["node"]
    except BadInputError as error:
        raise BadInputError(f"{source}: condition {error}") from error
    if node["type"] != "SELECT_NODE" or _reads_other_rows(node):
        raise BadInputError(f"{source}: condition {condition!r} must speak of the columns of one row")


def columns_of_condition(condition: str, available: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that a condition reads, in order, spelled as in ``available`` if they are there.

    :param condition: one SQL expression.
    :param available: columns of the batch, compared without case as in SQL.
    """
    known = {name.lower(): name for name in available}
    tree = _parse(f"SELECT * FROM {BATCH} WHERE ({condition})")
    found = []
    for node in _nodes(tree):
        if node.get("class") == "COLUMN_REF":
            # A column name may have the table before it and a field after it.
            parts = node["column_names"]
            column = next((known[part.lower()] for part in parts if part.lower() in known), None)
            if column is None and len(parts) == 1 and parts[0].lower() in NAMES_WITHOUT_PARENTHESES:
                continue  # the current time, which SQL writes like a column
            found.append(column or parts[-1])
    return tuple(dict.fromkeys(found))


def with_renamed_columns(query: str, renamed: Mapping[str, str]) -> str:
    """Return the query with some column names replaced; the same text when it has none of them.

    :param query: one SQL query.
    :param renamed: name, in any case, to its replacement.
    """
    wanted = {name.lower(): column for name, column in renamed.items()}
    text = batch_query(query)
    tree = _parse_all(text)
    found = False
    for node in _nodes(tree):
        # A column name may have the table before it and a field after it.
        for position, part in enumerate(node.get("column_names") or ()):
            if node.get("class") == "COLUMN_REF" and part.lower() in wanted:
                node["column_names"][position] = wanted[part.lower()]
                found = True
                break
    return _unparse(tree) if found else query


def may_return_hidden_values(query: str, available: Iterable[str], hidden: Iterable[str]) -> bool:
    """Return whether the result of a query may be a value of a hidden column.

    That is so when the query names a hidden column, or uses a star or an alias, which may stand for one.

    :param query: one SQL query.
    :param available: columns of the batch.
    :param hidden: columns whose values must not be shown.
    """
    hidden_names, known = {name.lower() for name in hidden}, {name.lower() for name in available}
    for node in _nodes(_parse(batch_query(query))):
        parts = [part.lower() for part in node.get("column_names") or ()]
        # A name that is not a column is an alias or the whole row. A star is every column, possibly renamed.
        if hidden_names & set(parts) or (parts and not (known | NAMES_WITHOUT_PARENTHESES) & set(parts)):
            return True
        if node.get("class") == "STAR" or node.get("column_name_alias"):
            return True
    return False


def _reads_other_rows(node: dict[str, Any]) -> bool:
    clauses = ("group_expressions", "group_sets", "having", "qualify", "sample", "modifiers")
    kinds = {inner.get("class") for inner in _nodes(node["where_clause"])}
    return any(node.get(clause) for clause in clauses) or bool(kinds & {"SUBQUERY", "WINDOW"})


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for item in tree:
            yield from _nodes(item)


def _unparse(tree: dict[str, Any]) -> str:
    with duckdb.connect() as connection:
        row = connection.execute("SELECT json_deserialize_sql($1::JSON)", [json.dumps(tree)]).fetchone()
    return str(row[0])


def _parse(query: str) -> dict[str, Any]:
    statement: dict[str, Any] = _parse_all(query)["statements"][0]
    return statement


def _parse_all(query: str) -> dict[str, Any]:
    with duckdb.connect() as connection:
        row = connection.execute("SELECT json_serialize_sql($1)", [query]).fetchone()
    parsed: dict[str, Any] = json.loads(row[0])
    if parsed.get("error"):
        raise BadInputError(f"{query!r} is not a query: {one_line(parsed.get('error_message'))}")
    if len(parsed["statements"]) != 1:
        raise BadInputError(f"{query!r} must be one query")
    return parsed
