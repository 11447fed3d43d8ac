"""Python's regular expressions inside the scan.

DuckDB matches with RE2. On ASCII the two agree wherever RE2 accepts a pattern at all, but for two spellings, ``$``
before a last line break and a few control characters that only Python calls space. Python itself matches everything
else: look-around, and texts in other alphabets, on which ``\\w`` and its like differ.
"""

from __future__ import annotations

import re

import duckdb

from airflow_mlops_provider.analysis.validation.sql_columns import text_literal

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
    guards = [f"strlen({value}) = length({value})"]  # as many bytes as letters: ASCII
    if "$" in pattern:
        guards.append(f"NOT ends_with({value}, chr(10))")
    if "\\s" in pattern or "\\S" in pattern:
        guards.append(f"NOT regexp_matches({value}, '[\\x0b\\x1c-\\x1f]')")
    fast = f"regexp_matches({value}, {text_literal(pattern)})"
    return f"CASE WHEN {' AND '.join(guards)} THEN {fast} ELSE {python} END"


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
