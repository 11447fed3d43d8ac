"""Delta tables: a version is what its log says, read by ``deltalake`` and pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pds

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.records.codec import digest
from airflow_mlops_provider.records.table_version import TableVersion
from airflow_mlops_provider.stores.aws_access import s3_credentials
from airflow_mlops_provider.stores.datasets.filesystems import filesystem, is_local
from airflow_mlops_provider.stores.datasets.table_formats.logged_table import plain, telling_format
from airflow_mlops_provider.stores.datasets.table_formats.missing_table import MissingTableError

_COLUMN_MAPPING = "delta.columnMapping.mode"
_READ_FEATURES = frozenset({"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"})
"""Features of tables that say nothing of which rows and columns there are, or that pyarrow reads as any other."""


class DeltaVersion:
    """One version of a Delta table.

    :param asked: the table, and the version when one is named.
    :raises BadInputError: when there is no such table or version, or it has a feature that cannot be read; names it.
    :raises BackendError: when the extra is not installed, or the storage cannot be reached.
    """

    identified_by = "version"

    def __init__(self, asked: TableVersion) -> None:
        doing = f"dataset {asked.uri} cannot be read"
        with telling_format(doing):
            table = _opened(asked)
        _require_readable(table, doing)
        self.uri = TableVersion(place=asked.place, version=table.version()).uri
        with telling_format(doing):
            added = (
                plain(table.get_add_actions(flatten=True)).select(["path", "size_bytes"]).sort_by("path").to_pydict()
            )
            rows = table.to_pyarrow_dataset()
            # Files hold statistics of NaN and text that are cut; they decide nothing here.
            self._fragments = {fragment.path: fragment for fragment in rows.get_fragments()}
        self.schema: pa.Schema = rows.schema
        self.files = tuple(sorted(self._fragments))
        self.fingerprint = digest([str(table.metadata().id), table.version(), added])

    def count_rows(self) -> int:
        """Number of rows, by the footers of the files."""
        return sum(fragment.count_rows() for fragment in self._fragments.values())

    def batches(self, file: str, columns: Sequence[str], batch_size: int) -> Iterator[pa.RecordBatch]:
        """The rows of a data file; a column that came later is missing in it."""
        yield from self._fragments[file].to_batches(
            schema=self.schema,
            columns=list(columns),
            batch_size=batch_size,
            batch_readahead=1,
            # Or whole files would be held.
            fragment_scan_options=pds.ParquetFragmentScanOptions(use_buffered_stream=True, pre_buffer=False),
        )


def _opened(asked: TableVersion) -> Any:
    try:
        import deltalake
    except ImportError as error:
        raise BackendError(
            f"dataset {asked.uri} is a Delta table, which needs deltalake: pip install 'airflow-mlops-provider[delta]'"
        ) from error
    fs, path = filesystem(asked.place)
    place = path if is_local(fs) else asked.place
    try:
        return deltalake.DeltaTable(place, version=asked.version, storage_options=_storage_options(asked.place))
    except deltalake.exceptions.TableNotFoundError as error:
        raise MissingTableError(f"dataset {asked.uri}: there is no Delta table") from error
    except deltalake.exceptions.DeltaError as error:
        if asked.version is None:
            raise
        newest = deltalake.DeltaTable(place, storage_options=_storage_options(asked.place)).version()
        raise BadInputError(
            f"dataset {asked.uri}: version {asked.version} cannot be read; the newest is {newest}, and the log of old "
            "ones may have been cleaned up"
        ) from error


def _storage_options(place: str) -> dict[str, str]:
    """How deltalake reaches the storage, as everything else here reaches it."""
    if not place.startswith(("s3://", "s3a://")):
        return {}
    found = {name: value for name, value in s3_credentials().items() if name != "AWS_CA_BUNDLE"}
    endpoint = found.pop("AWS_ENDPOINT_URL_S3", None) or found.get("AWS_ENDPOINT_URL", "")
    region = found.pop("AWS_DEFAULT_REGION", None) or found.get("AWS_REGION")
    return (
        found
        | ({"AWS_ENDPOINT_URL": endpoint} if endpoint else {})
        | ({"AWS_REGION": region} if region else {})
        | ({"AWS_ALLOW_HTTP": "true"} if endpoint.startswith("http://") else {})
    )


def _require_readable(table: Any, doing: str) -> None:
    """Raise ``BadInputError`` for a feature under which the files alone hold other rows or columns than the table."""
    protocol, configuration = table.protocol(), table.metadata().configuration
    features = set(protocol.reader_features or ()) - _READ_FEATURES
    # A table of reader version 2 has this feature without naming it.
    if _mapping(configuration) != "none":
        features.add("columnMapping")
    if features:
        raise BadInputError(
            f"{doing}: the Delta table uses {', '.join(sorted(features))}, which cannot be read here; {_WAY_OUT}"
        )


def _mapping(configuration: Mapping[str, str]) -> str:
    return str(configuration.get(_COLUMN_MAPPING) or "none").lower()


_WAY_OUT = "write its rows to Parquet with the engine that keeps it, or drop the feature"
