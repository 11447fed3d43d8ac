"""Whether a table or query has rows yet, for whoever waits for a batch; which rows they are is not read."""

from __future__ import annotations

import hashlib

from airflow_mlops_provider.records.table_source import table_source
from airflow_mlops_provider.stores.datasets.listing import Stamps
from airflow_mlops_provider.stores.datasets.tables.sessions import has_rows


def table_stamps(uri: str) -> Stamps | None:
    """Marks of the rows behind ``sql://...``; ``None`` while there are none.

    A database has no cheap mark of its rows, so the marks are always the same, and never settled: whoever looks again
    reads again. A batch that is to be told from the one before has a ``where`` of its own.

    :raises BadInputError: when there is no such table, or the login is wrong.
    :raises BackendError: when the database cannot be reached.
    """
    if not has_rows(table_source(uri)):
        return None
    mark = hashlib.sha256(uri.encode()).hexdigest()
    return Stamps(delivery=mark, state=mark, is_settled=False)
