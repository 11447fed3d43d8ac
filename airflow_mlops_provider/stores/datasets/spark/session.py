"""The session of Spark that a job runs in, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from airflow_mlops_provider.exceptions import BackendError, BadInputError, MLOpsError, one_line

_session: ContextVar[Any] = ContextVar("spark session", default=None)
_WRONG = ("AnalysisException", "ParseException", "IllegalArgumentException")
"""What Spark says of names, paths and statements that are wrong."""


@contextmanager
def within_session(session: Any) -> Iterator[None]:
    """Within the block, jobs read and write rows by ``session``."""
    token = _session.set(session)
    try:
        yield
    finally:
        _session.reset(token)


def current_session() -> Any:
    """The session that this job runs in.

    :raises BadInputError: when it runs in none.
    """
    found = _session.get()
    if found is None:
        raise BadInputError("there is no session of Spark here: give the operator a SparkRunner")
    return found


@contextmanager
def telling_spark(doing: str) -> Iterator[None]:
    """Turn errors of Spark in the block into ours.

    :param doing: what was being done, for the message.
    :raises BadInputError: for a name, path or statement that is wrong.
    :raises BackendError: for every other error of Spark.
    """
    try:
        yield
    except (MLOpsError, MemoryError):
        raise
    except Exception as error:
        names = [kind.__name__ for kind in type(error).__mro__]
        modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
        if not modules & {"pyspark", "py4j", "grpc"}:
            raise
        kind = BadInputError if set(names) & set(_WRONG) else BackendError
        raise kind(f"{doing}: {_said(error)}") from error


def _said(error: Exception) -> str:
    """The first sentence, without the JVM's stack; of a failure in Python, its last line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    python = [line for line in lines if not line.startswith(("at ", "File ", "JVM ")) and "Error: " in line]
    return one_line((python or lines or [type(error).__name__])[0])
