"""Iceberg tables: a snapshot is what the table's metadata say, read by ``pyiceberg``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.records.codec import digest
from airflow_mlops_provider.records.table_version import (
    CATALOGUE_SCHEME,
    TableVersion,
    catalogue_of,
    is_catalogue_uri,
)
from airflow_mlops_provider.stores.aws_access import s3_credentials
from airflow_mlops_provider.stores.datasets.filesystems import filesystem, is_local
from airflow_mlops_provider.stores.datasets.table_formats.logged_table import telling_format
from airflow_mlops_provider.stores.datasets.table_formats.missing_table import MissingTableError


class IcebergSnapshot:
    """One snapshot of an Iceberg table, under the columns that the table had then.

    :param asked: the table, by its catalogue or its metadata file, and the snapshot when one is named.
    :raises BadInputError: when there is no such table or snapshot, or it has deletes that cannot be read.
    :raises BackendError: when the extra is not installed, or catalogue or storage cannot be reached.
    """

    identified_by = "snapshot"

    def __init__(self, asked: TableVersion) -> None:
        doing = f"dataset {asked.uri} cannot be read"
        with telling_format(doing):
            self._table = _opened(asked)
            snapshot = self._snapshot(asked)
            number = None if snapshot is None else snapshot.snapshot_id
            self._scan = self._table.scan(snapshot_id=number)
            self._projection = self._scan.projection()
            self.schema = _arrow_schema(self._projection)
            tasks = [] if snapshot is None else list(self._scan.plan_files())
        self._tasks = {task.file.file_path: task for task in tasks}
        self.files = tuple(sorted(self._tasks))
        self.uri = TableVersion(place=asked.place, snapshot=number).uri
        self.fingerprint = digest([str(self._table.metadata.table_uuid), number])

    def count_rows(self) -> int:
        """Number of rows, without those that were deleted."""
        return int(self._scan.count()) if self._tasks else 0

    def batches(self, file: str, columns: Sequence[str], batch_size: int) -> Iterator[pa.RecordBatch]:
        """The rows of a data file that no delete names; the file's columns are found by their ids."""
        from pyiceberg.expressions import AlwaysTrue
        from pyiceberg.io.pyarrow import ArrowScan

        scan = ArrowScan(
            self._table.metadata, self._table.io, self._projection.select(*columns, case_sensitive=True), AlwaysTrue()
        )
        for batch in scan.to_record_batches([self._tasks[file]]):
            for start in range(0, batch.num_rows, batch_size):
                yield batch.slice(start, batch_size)

    def _snapshot(self, asked: TableVersion) -> Any:
        if asked.snapshot is None:
            return self._table.current_snapshot()
        found = self._table.snapshot_by_id(asked.snapshot)
        if found is None:
            raise BadInputError(
                f"dataset {asked.uri}: the table has no snapshot {asked.snapshot}; old ones may have been expired"
            )
        return found


def _opened(asked: TableVersion) -> Any:
    try:
        import pyiceberg.table  # noqa: F401  # asked for once, before anything else of it
    except ImportError as error:
        raise BackendError(
            f"dataset {asked.uri} is an Iceberg table, which needs pyiceberg: "
            "pip install 'airflow-mlops-provider[iceberg]'"
        ) from error
    return _of_catalogue(asked) if is_catalogue_uri(asked.place) else _of_file(asked)


def _of_catalogue(asked: TableVersion) -> Any:
    from pyiceberg.catalog import load_catalog
    from pyiceberg.exceptions import NoSuchTableError
    from pyiceberg.utils.config import Config

    name = catalogue_of(asked.place)
    identifier = asked.place.removeprefix(f"{CATALOGUE_SCHEME}{name}/")
    # Read now: pyiceberg keeps what the environment said when it was imported.
    config = Config()
    # In names of variables pyiceberg takes _ for -.
    known = config.get_catalog_config(name) or config.get_catalog_config(name.replace("_", "-"))
    if not known:
        raise BadInputError(
            f"dataset {asked.uri}: catalogue {name!r} is not known here: no variable PYICEBERG_CATALOG__... "
            "and no .pyiceberg.yaml names it; a task sets it from the Airflow Connection of that name"
        )
    catalogue = load_catalog(name, **{**_s3_properties(), **{key: str(value) for key, value in known.items()}})
    try:
        return catalogue.load_table(identifier)
    except NoSuchTableError as error:
        raise MissingTableError(f"dataset {asked.uri}: the catalogue has no table {identifier!r}") from error


def _of_file(asked: TableVersion) -> Any:
    from pyiceberg.table import StaticTable

    fs, path = filesystem(asked.place)
    if not fs.exists(path):
        raise MissingTableError(f"dataset {asked.uri}: no such file")
    return StaticTable.from_metadata(path if is_local(fs) else asked.place, properties=_s3_properties())


def _arrow_schema(projection: Any) -> pa.Schema:
    from pyiceberg.io.pyarrow import schema_to_pyarrow

    found: pa.Schema = schema_to_pyarrow(projection, include_field_ids=False)
    return found


def _s3_properties() -> dict[str, str]:
    """How pyiceberg reaches S3, as everything else here reaches it."""
    known = s3_credentials()
    names = {
        "s3.access-key-id": known.get("AWS_ACCESS_KEY_ID"),
        "s3.secret-access-key": known.get("AWS_SECRET_ACCESS_KEY"),
        "s3.session-token": known.get("AWS_SESSION_TOKEN"),
        "s3.region": known.get("AWS_DEFAULT_REGION") or known.get("AWS_REGION"),
        "s3.endpoint": known.get("AWS_ENDPOINT_URL_S3") or known.get("AWS_ENDPOINT_URL"),
    }
    return {name: value for name, value in names.items() if value}
