"""Python's regular expressions inside the scan.

DuckDB matches with RE2. On printable ASCII the two agree wherever RE2 accepts a pattern at all, except for two
spellings; everywhere else (classes such as ``\\w`` on other alphabets, ``$`` before a line break, look-around) Python
itself matches.
"""

from __future__ import annotations

import re

import duckdb

from airflow_mlops_provider.analysis.validation.columns import text_literal

FUNCTION = "python_regex_search"
# `[[:` opens a POSIX class in RE2 only, and `{,3}` is a literal there.
_DIFFERENT_IN_RE2 = ("[[:", "{,")


def matches(value: str, pattern: str, connection: duckdb.DuckDBPyConnection) -> str:
    """A condition: Python's ``re.search(pattern, value)`` finds something.

    :param value: SQL of a string.
    """
    python = f"{FUNCTION}({text_literal(pattern)}, {value})"
    if not _in_re2(pattern, connection):
        return python
    fast = f"regexp_matches({value}, {text_literal(pattern)})"
    return f"CASE WHEN regexp_full_match({value}, '[\\t -~]*') THEN {fast} ELSE {python} END"


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make Python's matcher known to ``connection``."""
    connection.create_function(FUNCTION, _search, ["VARCHAR", "VARCHAR"], "BOOLEAN")


def _search(pattern: str, value: str) -> bool:
    return re.search(pattern, value) is not None


def _in_re2(pattern: str, connection: duckdb.DuckDBPyConnection) -> bool:
    if any(spelling in pattern for spelling in _DIFFERENT_IN_RE2):
        return False
    try:
        connection.execute("SELECT regexp_matches('', $1)", [pattern]).fetchall()
    except duckdb.Error:
        return False
    return True
