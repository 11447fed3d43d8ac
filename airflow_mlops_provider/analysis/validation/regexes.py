"""Python's regular expressions in the SQL of the scan.

DuckDB uses RE2, which is faster. For ASCII text, RE2 and Python agree on patterns that RE2 accepts, with three
exceptions: the spellings ``[[:`` and ``{,``, ``$`` before a final line break, and a few control characters that only
Python takes for spaces. In these cases, for patterns that RE2 does not accept and for other text, Python matches.
"""

from __future__ import annotations

import re

import duckdb

from airflow_mlops_provider.analysis.validation.sql_columns import text_literal

FUNCTION = "python_regex_search"
# In RE2, `[[:` starts a POSIX class and `{,3}` is a literal.
_DIFFERENT_IN_RE2 = ("[[:", "{,")


def regex_search_sql(value: str, pattern: str, connection: duckdb.DuckDBPyConnection) -> str:
    """Return the SQL condition that Python's ``re.search(pattern, value)`` finds a match.

    :param value: SQL of a text value.
    :param pattern: a regular expression of Python.
    :param connection: used to find out whether RE2 accepts the pattern.
    """
    python = f"{FUNCTION}({text_literal(pattern)}, {value})"
    if not _re2_accepts(pattern, connection):
        return python
    guards = [f"strlen({value}) = length({value})"]  # as many bytes as characters, which is ASCII
    if "$" in pattern:
        guards.append(f"NOT ends_with({value}, chr(10))")
    if "\\s" in pattern or "\\S" in pattern:
        guards.append(f"NOT regexp_matches({value}, '[\\x0b\\x1c-\\x1f]')")
    fast = f"regexp_matches({value}, {text_literal(pattern)})"
    return f"CASE WHEN {' AND '.join(guards)} THEN {fast} ELSE {python} END"


def register_regex_function(connection: duckdb.DuckDBPyConnection) -> None:
    """Register Python's ``re.search`` as a SQL function of ``connection``."""
    connection.create_function(FUNCTION, _search, ["VARCHAR", "VARCHAR"], "BOOLEAN")


def _search(pattern: str, value: str) -> bool:
    return re.search(pattern, value) is not None


def _re2_accepts(pattern: str, connection: duckdb.DuckDBPyConnection) -> bool:
    if any(spelling in pattern for spelling in _DIFFERENT_IN_RE2):
        return False
    try:
        connection.execute("SELECT regexp_matches('', $1)", [pattern]).fetchall()
    except duckdb.Error:
        return False
    return True
