"""Whether a table or query has rows yet, for whoever waits for a batch; which rows they are is not read."""

from __future__ import annotations

import hashlib

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.table_source import TableSource, table_source
from airflow_mlops_provider.stores.datasets.stamps import Stamps
from airflow_mlops_provider.stores.datasets.tables.sessions import has_rows, reading_rows


def table_stamps(uri: str) -> Stamps | None:
    """Marks of the rows behind ``sql://...``; ``None`` while there are none.

    A database has no cheap mark of its rows. Where the dataset has a ``version``, its answer is the mark. Without one
    the marks are always the same, and never settled: whoever looks again reads again.

    :raises BadInputError: when there is no such table, or the login is wrong.
    :raises BackendError: when the database cannot be reached.
    """
    source = table_source(uri)
    if not has_rows(source):
        return None
    said = [uri] if source.version is None else [uri, *_answer(source.conn_id, source.version, uri)]
    mark = hashlib.sha256("\n".join(said).encode()).hexdigest()
    return Stamps(delivery=mark, state=mark, is_settled=source.version is not None)


def _answer(conn_id: str, version: str, uri: str) -> list[str]:
    """What the statement of a version says, as text."""
    answer: list[str] = []
    with reading_rows(TableSource(conn_id=conn_id, query=version)) as batches:
        for batch in batches:
            answer += map(repr, batch.to_pylist())
            if len(answer) > _LONGEST_ANSWER:
                raise BadInputError(
                    f"dataset {uri}: key 'version' gives more than {_LONGEST_ANSWER:,} rows; let it count them"
                )
    return answer


_LONGEST_ANSWER = 1_000
"""Rows beyond which a version is the rows themselves, which a sensor is not to read."""
