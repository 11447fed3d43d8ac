"""What runs where Spark keeps the rows: one partition is held to its rules, or profiled, as a dataset of its own."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from airflow_mlops_provider.analysis.drift.profile_file import ProfiledDataset, encode_profile
from airflow_mlops_provider.analysis.drift.scan import profile_rows
from airflow_mlops_provider.analysis.validation import REASONS, Measurement, Source, measure_validation
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.rules import Rule
from airflow_mlops_provider.stores.datasets.tables.arrow_columns import as_dataset_types
from airflow_mlops_provider.stores.datasets.tables.rows_fingerprint import RowsFingerprint
from airflow_mlops_provider.stores.datasets.tables.spilled_rows import SpilledRows
from airflow_mlops_provider.stores.datasets.tables.table_dataset import TableDataset

PARTITION, FOUND = "mlops_partition", "mlops_found"
"""Columns beside those of the rows: the partition's number, and in its last row what was found of it."""


@dataclass(frozen=True, kw_only=True)
class CheckedPartition:
    """Holds the rows of one partition to rules: called by Spark with its batches.

    It gives the rows back, those that are set aside with their reasons, and then one row more with the report as JSON.

    :param uri: of the whole, for messages.
    :param schema: of the rows, as datasets have it.
    :param rules: the rules.
    :param name: of the suite or contract.
    :param sensitive: columns whose values must not be told.
    :param unchecked: what is declared and not checked.
    :param now: the time of the check, the same in every partition.
    :param clean: whether the rows without fault are wanted.
    :param aside: whether the others are.
    """

    uri: str
    schema: pa.Schema
    rules: tuple[Rule, ...]
    name: str
    sensitive: frozenset[str]
    unchecked: tuple[str, ...]
    now: dt.datetime
    clean: bool
    aside: bool

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows, and what was found."""
        number = _number()
        try:
            with _spilled(batches, self.schema, self.uri) as (spilled, data), data.in_place() as files:
                source = Source(schema=data.schema, batches=data.batches, frame=data.frame, files=files, name=data.uri)
                with measure_validation(
                    source,
                    self.rules,
                    name=self.name,
                    sensitive=self.sensitive,
                    now=self.now,
                    unchecked=self.unchecked,
                ) as measurement:
                    sums = _Sums(self.schema)
                    yield from self._divided(data, measurement, number, sums)
                    report = {"report": encode(measurement.report), "rows": spilled.sums, **sums.found()}
                    yield _found_row(self.schema, number, json.dumps(report, allow_nan=False))
        except BadInputError as error:  # for the driver to raise: Spark would try the partition again
            yield _found_row(self.schema, number, json.dumps({"error": str(error)}))

    def _divided(
        self, data: TableDataset, measurement: Measurement, number: int, sums: _Sums
    ) -> Iterator[pa.RecordBatch]:
        if not self.clean and not (self.aside and measurement.report.failing_rows):
            return
        for clean, aside in measurement.failing.separate(data.batches(), clean=self.clean):
            if clean is not None and clean.num_rows:
                sums.clean.add(clean)
                yield _marked(clean, None, number)
            if aside is not None and self.aside:
                rows = aside.select(self.schema.names)
                sums.aside.add(aside)
                yield _marked(rows, aside.column(REASONS), number)


class _Sums:
    """The fingerprints of the rows that go on and of those that are set aside, as sums that add up."""

    def __init__(self, schema: pa.Schema) -> None:
        self.clean = RowsFingerprint(schema)
        self.aside = RowsFingerprint(schema.append(pa.field(REASONS, pa.string())))

    def found(self) -> dict[str, tuple[int, ...]]:
        return {"clean": self.clean.sums, "aside": self.aside.sums}


@dataclass(frozen=True, kw_only=True)
class ProfiledPartition:
    """Profiles the rows of one partition: called by Spark with its batches; gives one row with the profile's bytes.

    :param uri: of the whole, for messages.
    :param schema: of the columns that are profiled.
    :param edges: column to its edges, the same in every partition.
    """

    uri: str
    schema: pa.Schema
    edges: Mapping[str, Any]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The profile, with the partition's number."""
        columns = self.schema.names
        with _spilled(batches, self.schema, self.uri) as (_, data):
            profiles = profile_rows(data, columns, self.edges)
            found = ProfiledDataset(uri=self.uri, schema=self.schema, rows=data.rows, profiles=profiles)
        yield pa.RecordBatch.from_pydict({PARTITION: [_number()], FOUND: [encode_profile(found)]})


@contextmanager
def _spilled(
    batches: Iterator[pa.RecordBatch], schema: pa.Schema, uri: str
) -> Iterator[tuple[SpilledRows, TableDataset]]:
    """The rows of a partition as a dataset, which can be read more than once, in constant memory."""
    spilled = SpilledRows(name=uri)
    try:
        spilled.add(pa.RecordBatch.from_arrays([pa.array([], kind) for kind in schema.types], schema=schema))
        for batch in batches:
            spilled.add(as_dataset_types(batch.select(schema.names), name=uri).cast(schema))
        spilled.finish()
        yield spilled, TableDataset(DatasetRef(uri=uri), spilled)
    finally:
        spilled.close()


def _number() -> int:
    """The number of the partition that this process works on."""
    spark = sys.modules.get("pyspark")  # where it is not imported, nothing of Spark's runs
    context = None if spark is None else spark.TaskContext.get()
    return 0 if context is None else int(context.partitionId())


def _marked(rows: pa.RecordBatch, reasons: pa.Array | None, number: int) -> pa.RecordBatch:
    count = rows.num_rows
    return pa.RecordBatch.from_arrays(
        [
            *rows.columns,
            pa.nulls(count, pa.string()) if reasons is None else reasons,
            pa.array([number] * count, pa.int64()),
            pa.nulls(count, pa.string()),
        ],
        names=[*rows.schema.names, REASONS, PARTITION, FOUND],
    )


def _found_row(schema: pa.Schema, number: int, found: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [
            *(pa.nulls(1, kind) for kind in schema.types),
            pa.nulls(1, pa.string()),
            pa.array([number]),
            pa.array([found]),
        ],
        names=[*schema.names, REASONS, PARTITION, FOUND],
    )


def own_names(columns: Collection[str] | Sequence[str], uri: str) -> None:
    """Raise ``BadInputError`` when a column has a name that is needed beside the rows."""
    taken = next((name for name in (REASONS, PARTITION, FOUND) if name in columns), None)
    if taken is not None:
        raise BadInputError(f"dataset {uri} has a column {taken!r}, a name that a validation in Spark needs")
