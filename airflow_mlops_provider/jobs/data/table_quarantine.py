"""Writes the clean rows of a validated table and its quarantine to tables of the same database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from airflow_mlops_provider.analysis.validation import REASONS, Measurement
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.data.quarantine import CLEAN, QUARANTINED
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.table_source import is_table_uri, table_source
from airflow_mlops_provider.stores.datasets.dataset import Dataset
from airflow_mlops_provider.stores.datasets.file_dataset import schema_hash
from airflow_mlops_provider.stores.datasets.tables.divided_table import DividedTable, require_table_outputs
from airflow_mlops_provider.stores.datasets.tables.failing_rows_query import MOST_ROWS, query_of_keys, query_of_table
from airflow_mlops_provider.stores.datasets.tables.rows_fingerprint import RowsFingerprint, rows_fingerprint
from airflow_mlops_provider.stores.datasets.tables.sessions import rows_in, writing_session
from airflow_mlops_provider.stores.datasets.tables.table_dataset import BY_ROWS, TableDataset, open_table


@dataclass(frozen=True, slots=True)
class TableOutputs:
    """A table whose clean and failing rows go to tables, in the transaction that read it.

    :param data: its rows.
    :param division: writes the tables.
    :param outputs: key of the spec to the name of its table.
    """

    data: TableDataset
    division: DividedTable
    outputs: dict[str, str]

    def write(
        self, measurement: Measurement, *, clean_uri: str | None, quarantine_uri: str | None
    ) -> dict[str, DatasetRef]:
        """Write every row to its table; all of it appears at once.

        :param clean_uri: where the rows without fault go; ``None`` to leave them.
        :param quarantine_uri: where the others go, with their reasons.
        :returns: what was written, as ``quarantine.CLEAN`` and ``quarantine.QUARANTINED``.
        :raises BadInputError: when the tables would not hold each row once.
        """
        key, report = table_source(self.data.uri).key, measurement.report
        self._make_tables(clean_uri, quarantine_uri)
        self.division.mark(_failing(measurement, self.data.batches(key)))
        written: dict[str, tuple[str, str, pa.Schema]] = {}
        if quarantine_uri is not None:
            table = self.outputs["quarantine_uri"]
            written[QUARANTINED] = (
                quarantine_uri,
                table,
                self.division.write_failing(table, expected=report.failing_rows),
            )
        if clean_uri is not None:
            table = self.outputs["clean_uri"]
            written[CLEAN] = clean_uri, table, self.division.write_clean(table, expected=report.clean_rows)
        refs = {name: self._ref(name, measurement, *each) for name, each in written.items()}
        self.data.confirm()
        self.division.commit()
        return refs

    def _make_tables(self, clean_uri: str | None, quarantine_uri: str | None) -> None:
        for key, uri in (("quarantine_uri", quarantine_uri), ("clean_uri", clean_uri)):
            if uri is not None:
                self.division.make_table(self.outputs[key], with_reasons=key == "quarantine_uri")

    def _ref(self, part: str, measurement: Measurement, uri: str, table: str, schema: pa.Schema) -> DatasetRef:
        judged = self._judged(part, measurement, uri, schema)
        if part == QUARANTINED or not self.division.is_one_state:
            self._require_judged(judged, table, schema)
        if not self.division.tells_types:
            return open_table(DatasetRef(uri=uri), self.division.rows_of(table)).reference
        return judged

    def _require_judged(self, judged: DatasetRef, table: str, schema: pa.Schema) -> None:
        """What was written is read again and held against what was judged.

        Of one state of the database, the failing rows are enough: the others are the clean ones.
        """
        expected = self._typed(schema)
        rows = (batch.select(expected.names).cast(expected) for batch in self.division.rows_of(table))
        if rows_fingerprint(expected, rows) != judged.fingerprint:
            raise self.division.mismatch(f"table {table}: the rows that the key names are not those that were judged")

    def _typed(self, schema: pa.Schema) -> pa.Schema:
        """The columns of a table that was written, with the types that they had when they were judged."""
        known = self.data.schema
        return pa.schema([known.field(each.name) if each.name in known.names else each for each in schema])

    def _judged(self, part: str, measurement: Measurement, uri: str, schema: pa.Schema) -> DatasetRef:
        """The reference of a part as it was judged, with its columns in the order of the table."""
        found, rows = RowsFingerprint(self._typed(schema)), 0
        parts = measurement.failing.separate(self.data.batches(), clean=part == CLEAN, as_scanned=False)
        for clean, failing in parts:
            batch = clean if part == CLEAN else failing
            if batch is not None:
                found.add(batch.select(schema.names))
                rows += batch.num_rows
        return DatasetRef(
            uri=uri,
            fingerprint=found.value(),
            rows=rows,
            schema_hash=self._schema_hash(schema),
            identified_by=BY_ROWS,
        )

    def _schema_hash(self, schema: pa.Schema) -> str | None:
        """Of the columns of a table that was written; ``None`` where its rows will tell how many digits they need."""
        known = [field for field in schema if field.name in self.data.columns]
        is_told = all(field.type == self.data.schema.field(field.name).type for field in known)
        return schema_hash(schema) if is_told else None


def _failing(measurement: Measurement, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for _, failing in measurement.failing.separate(batches, clean=False, as_scanned=False):
        if failing is not None:
            yield failing


def failing_rows_query(data: Dataset, measurement: Measurement, quarantine_uri: str | None) -> str | None:
    """SQL that selects the failing rows of a table in its database; see its report.

    :param quarantine_uri: where the failing rows are to be written, if anywhere.
    """
    report = measurement.report
    if not report.failing_rows or not is_table_uri(data.uri):
        return None
    if quarantine_uri is not None and is_table_uri(quarantine_uri):
        return query_of_table(table_source(quarantine_uri).table or "")
    source = table_source(data.uri)
    if not source.key or report.failing_rows > MOST_ROWS or set(source.key) & set(report.sensitive):
        return None
    batches = list(_failing(measurement, data.batches(source.key)))
    keys = (key for batch in batches for key in zip(*(c.to_pylist() for c in batch.columns[:-1]), strict=True))
    return query_of_keys(source, keys)


@contextmanager
def table_outputs(ref: DatasetRef, outputs: dict[str, str | None]) -> Iterator[TableOutputs]:
    """Open a table whose clean and failing rows are to be tables of its database; without a commit, nothing stays.

    :param outputs: key of the spec to URI; ``None`` where nothing is written.
    :raises BadInputError: when the dataset is no table with a key, or an output is no table of its database.
    """
    if not is_table_uri(ref.uri) or not all(is_table_uri(uri) for uri in outputs.values() if uri is not None):
        raise BadInputError(
            f"keys {', '.join(map(repr, outputs))}: a table is written beside the table of its database that is read, "
            "and files apart from tables"
        )
    source = table_source(ref.uri)
    tables = require_table_outputs(source, outputs)
    with writing_session(source) as (session, address):
        data = open_table(ref, rows_in(session, source, address))
        division = DividedTable(source, data.schema, session=session, address=address, reasons=REASONS)
        yield TableOutputs(data, division, tables)


def are_tables(*uris: str | None) -> bool:
    """Whether one of the outputs is a table."""
    return any(uri is not None and is_table_uri(uri) for uri in uris)
