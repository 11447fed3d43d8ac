"""What a driver's error means: the input is wrong, or the database could not go on, which a retry may help.

Drivers quote values, statements and addresses. What is told is one sentence, without secrets and without values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from airflow_mlops_provider.exceptions import BackendError, BadInputError, MLOpsError
from airflow_mlops_provider.stores.datasets.tables.address import DatabaseAddress

_WRONG_CLASSES = ("0A", "22", "26", "28", "2F", "34", "3D", "3F", "42", "44")
"""Classes of SQLSTATE by which the statement, its names, its values or the login are wrong."""
_OF_VALUES = "22"
_SQLSTATE = re.compile(r"SQLSTATE:? ?\(?([0-9A-Z]{5})\b")
_STATEMENT = re.compile(
    r"\n(?:Query was: |query: |\s*LINE \d+: |(?:DETAIL|HINT|CONTEXT): ).*|\. SQLSTATE: \w{5}.*", re.DOTALL
)
_CODE = re.compile(
    r"^(?:[A-Z_]+: )?(?:\[\w+\] )?(?:(?s:.*?)ERROR: +|Failed to \w+(?: query)?: |Execution error \[\w+\]: )?"
)
"""What a driver puts before the database's own words: a code, its name, what it tried, the statement."""

_MYSQL_WRONG = frozenset(
    {1044, 1045, 1046, 1049, 1051, 1054, 1064, 1103, 1109, 1142, 1143, 1146, 1227, 1305, 1356, 1370}
)
"""Numbers of MySQL and MariaDB: no access, no such database, table, column or function, a broken statement or view."""

_WRONG_WORDS = re.compile(
    r"password authentication failed|no password supplied|role \".*\" does not exist|database \".*\" does not exist"
    r"|no pg_hba\.conf entry|no such table|no such column|no such function|syntax error|has no column"
    r"|(?:Catalog|Binder|Parser|Conversion|Invalid Input|Out of Range|Permission) Error|invalid percent-encoded"
    r"|unexpected spaces found|invalid connection option|invalid URI query parameter|file is not a database"
    r"|database does not exist|unknown database|not a valid DuckDB database|unable to open database file",
    re.IGNORECASE,
)
"""What drivers say without a code: of logins that fail, and of databases that are files."""
_QUOTES_VALUES = re.compile(r"Conversion Error|Invalid Input Error|Out of Range Error|Constraint Error", re.IGNORECASE)


@contextmanager
def telling(address: DatabaseAddress, doing: str) -> Iterator[None]:
    """Turn errors of drivers in the block into ours.

    :param doing: what was being done, for the message: ``sql://shop/orders cannot be read``.
    :raises BadInputError: when the input is wrong: a login, a name, a statement, a value.
    :raises BackendError: for every other error of the driver, as of a connection that was cut.
    """
    try:
        yield
    except (MLOpsError, MemoryError):
        raise
    except ImportError as error:
        raise BackendError(
            f"{doing}: the package {error.name!r} is not installed; see the extras for databases"
        ) from error
    except Exception as error:
        if not _is_of_a_driver(error):
            raise
        # Not the driver's error as the cause: a traceback would print what is left out here.
        raise told(error, address, doing) from None


def told(error: BaseException, address: DatabaseAddress, doing: str) -> MLOpsError:
    """The error of ours that stands for a driver's."""
    text = _CODE.sub("", _STATEMENT.sub("", str(_own_words(error)))).strip().rstrip(".")
    said, state = address.hidden(text), _state(error)
    wrong = _is_wrong(error, state)
    if (state or "").startswith(_OF_VALUES) or _QUOTES_VALUES.search(said):
        said = (
            f"the database met a value that it cannot convert or compute with{f' (SQLSTATE {state})' if state else ''}"
        )
    return (BadInputError if wrong else BackendError)(f"{doing}: {said}")


def _is_of_a_driver(error: Exception) -> bool:
    # DB-API modules have exceptions of their own, which share nothing but their names.
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"Error", "DatabaseError", "InterfaceError"}) or isinstance(error, OSError | pa.ArrowException)


def _own_words(error: BaseException) -> object:
    if error.args and isinstance(error.args[0], int) and len(error.args) > 1:
        return error.args[1]
    return error


def _state(error: BaseException) -> str | None:
    for name in ("sqlstate", "pgcode"):
        found = getattr(error, name, None)
        if found:
            return str(found)
    match = _SQLSTATE.search(str(error))
    return match[1] if match else None


def _is_wrong(error: BaseException, state: str | None) -> bool:
    if state is not None:
        return state[:2] in _WRONG_CLASSES
    if error.args and isinstance(error.args[0], int) and not isinstance(error, OSError):
        return error.args[0] in _MYSQL_WRONG
    return bool(_WRONG_WORDS.search(str(error))) or type(error).__name__ in ("ProgrammingError", "DataError")
