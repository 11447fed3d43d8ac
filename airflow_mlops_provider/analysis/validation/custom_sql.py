"""SQL that people write in rules: is it one plain query, which columns does it read, can it be judged row by row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import duckdb

from airflow_mlops_provider.analysis.validation.check_time import BARE_NAMES
from airflow_mlops_provider.exceptions import BadInputError, one_line

BATCH = "batch"
"""The name under which rules in SQL see the batch."""

_ROW_QUERY = re.compile(
    r'\s*SELECT\s+(?:\*|COUNT\s*\(\s*(?:\*|1)\s*\))\s+FROM\s+"?batch"?\s+WHERE\s+(?P<condition>.+?)\s*;?\s*',
    re.IGNORECASE | re.DOTALL,
)


def batch_query(query: str) -> str:
    """A query in which Great Expectations' ``{batch}`` is the batch's name."""
    return query.replace("{batch}", BATCH)


def condition_of(query: str) -> str | None:
    """The WHERE condition of ``SELECT * (or COUNT(*)) FROM batch WHERE ...``, or ``None`` for any other query."""
    match = _ROW_QUERY.fullmatch(batch_query(query))
    if match is None:
        return None
    node = _parse(f"SELECT * FROM {BATCH} WHERE {match['condition']}")["node"]
    if node["type"] != "SELECT_NODE" or _goes_beyond_rows(node):
        return None
    return match["condition"]


def check_query(query: str, source: str) -> None:
    """Raise ``BadInputError`` unless ``query`` is one SELECT."""
    try:
        _parse(batch_query(query))
    except BadInputError as error:
        raise BadInputError(f"{source}: {error}") from error


def check_condition(condition: str, source: str) -> None:
    """Raise ``BadInputError`` unless ``condition`` is one expression over the columns of one row."""
    try:
        node = _parse(f"SELECT * FROM {BATCH} WHERE ({condition})")["node"]
    except BadInputError as error:
        raise BadInputError(f"{source}: condition {error}") from error
    if node["type"] != "SELECT_NODE" or _goes_beyond_rows(node):
        raise BadInputError(f"{source}: condition {condition!r} must speak of the columns of one row")


def columns_in(condition: str, available: Iterable[str]) -> tuple[str, ...]:
    """The columns that a condition reads, in order, spelled as in ``available`` where they are there.

    :param available: the batch's columns; as in SQL, upper and lower case are the same.
    """
    known = {name.lower(): name for name in available}
    tree = _parse(f"SELECT * FROM {BATCH} WHERE ({condition})")
    found = []
    for node in _nodes(tree):
        if node.get("class") == "COLUMN_REF":
            # A name may be qualified by the table in front or by a field behind.
            parts = node["column_names"]
            here = next((known[part.lower()] for part in parts if part.lower() in known), None)
            if here is None and len(parts) == 1 and parts[0].lower() in BARE_NAMES:
                continue  # the present, which SQL writes like a column
            found.append(here or parts[-1])
    return tuple(dict.fromkeys(found))


def with_columns(query: str, renamed: Mapping[str, str]) -> str:
    """The query with other columns for some names; the text itself when it uses none of them.

    :param renamed: name, in any case, to the column that it means.
    """
    wanted = {name.lower(): column for name, column in renamed.items()}
    text = batch_query(query)
    tree = _parse_all(text)
    found = False
    for node in _nodes(tree):
        # A table or a field may stand around the column's name.
        for position, part in enumerate(node.get("column_names") or ()):
            if node.get("class") == "COLUMN_REF" and part.lower() in wanted:
                node["column_names"][position] = wanted[part.lower()]
                found = True
                break
    return _unparse(tree) if found else query


def may_quote(query: str, available: Iterable[str], hidden: Iterable[str]) -> bool:
    """Whether what a query gives may be a value of a hidden column: it names one, or something that may stand for it.

    :param available: the batch's columns.
    :param hidden: those whose values are left out.
    """
    secret, known = {name.lower() for name in hidden}, {name.lower() for name in available}
    for node in _nodes(_parse(batch_query(query))):
        parts = [part.lower() for part in node.get("column_names") or ()]
        # A name that is no column is an alias, or the whole row; a star is every column, and may rename it.
        if secret & set(parts) or (parts and not (known | BARE_NAMES) & set(parts)):
            return True
        if node.get("class") == "STAR" or node.get("column_name_alias"):
            return True
    return False


def _goes_beyond_rows(node: dict[str, Any]) -> bool:
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
