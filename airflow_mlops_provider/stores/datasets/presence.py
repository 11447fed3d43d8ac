"""Whether a dataset is there yet, and marks that change with it, for whoever waits for a batch; no rows are read.

Of files and Delta tables it needs fsspec alone, so that a triggerer needs no extra.
"""

from __future__ import annotations

from airflow_mlops_provider.records.table_source import is_table_uri
from airflow_mlops_provider.stores.datasets.stamps import Stamps, stamps
from airflow_mlops_provider.stores.datasets.table_formats.opening import format_of_table, logged_stamps


def dataset_stamps(uri: str) -> Stamps | None:
    """The marks of what lies at ``uri``: files, a table of a database, a Delta or Iceberg table.

    :returns: ``None`` while there is nothing.
    :raises BadInputError: when nothing there can be a dataset.
    :raises BackendError: when it cannot be reached.
    """
    if is_table_uri(uri):
        from airflow_mlops_provider.stores.datasets.tables.presence import table_stamps

        return table_stamps(uri)
    kind = format_of_table(uri)
    return stamps(uri) if kind is None else logged_stamps(uri, kind)
