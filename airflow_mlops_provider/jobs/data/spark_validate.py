"""The ``validate`` job in Spark: each partition is a part, checked where its rows are, and the parts are merged."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pyarrow as pa

from airflow_mlops_provider.analysis.validation import REASONS
from airflow_mlops_provider.analysis.validation.merge import merge_validations
from airflow_mlops_provider.decisions.lineage import name_writers
from airflow_mlops_provider.decisions.validation import judge_validation
from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs.data.rules import Declared
from airflow_mlops_provider.jobs.data.spark_partition import FOUND, PARTITION, CheckedPartition, own_names
from airflow_mlops_provider.jobs.data.validate import GOES_ON, ValidateJob
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.validation import ValidationReport
from airflow_mlops_provider.secrets_in_text import masked
from airflow_mlops_provider.stores.datasets.file_dataset import schema_hash
from airflow_mlops_provider.stores.datasets.spark.session import telling_spark
from airflow_mlops_provider.stores.datasets.spark.spark_rows import SparkRows, open_spark, quoted, write_spark
from airflow_mlops_provider.stores.datasets.tables.rows_fingerprint import RowsFingerprint
from airflow_mlops_provider.stores.datasets.tables.table_dataset import BY_ROWS


class SparkValidateJob(ValidateJob):
    """Hold rows that lie in Spark to a suite or a contract; Spark writes the clean rows and the quarantine.

    The verdict is that of the rows as one dataset. Rules that do not add up over parts are refused by name, unless
    Spark has all rows in one partition.
    """

    partitions: int | None = None
    """At most so many partitions; set by the runner."""

    def run(self) -> Outcome:
        """Check each partition, merge, judge, let Spark write, record."""
        declared = self._declared()
        rows = open_spark(self.dataset, partitions=self.partitions)
        own_names(rows.columns, rows.uri)
        with self._checked(rows, declared) as (frame, found):
            report = _merged([part.report for part in found])
            pinned = self._input(rows, found)
            place = None if self.quarantine_uri is None else DatasetRef(uri=self.quarantine_uri)
            report = replace(report, quarantine=place)
            verdict = name_writers(judge_validation(report, self.policy), self.written_by)
            write = partial(_written, frame, rows, found)
            aside = write(self.quarantine_uri, name="aside", count=report.failing_rows)
            clean = write(self.clean_uri if verdict.status in GOES_ON else None, name="clean", count=report.clean_rows)
        return self.recorded(replace(report, quarantine=aside), verdict, pinned=pinned, clean=clean)

    @contextmanager
    def _checked(self, rows: SparkRows, declared: Declared) -> Iterator[tuple[Any, list[_Part]]]:
        """The rows with their reasons, kept while the block runs, and what was found of each partition."""
        check = CheckedPartition(
            uri=rows.uri,
            schema=rows.schema,
            rules=tuple(declared.rules),
            name=declared.name,
            sensitive=frozenset(self.sensitive_columns(rows, declared)),
            unchecked=tuple(declared.unchecked),
            now=dt.datetime.now(dt.UTC),
            clean=self.clean_uri is not None,
            aside=self.quarantine_uri is not None,
        )
        with telling_spark(f"dataset {rows.uri} cannot be validated in Spark"):
            from pyspark import StorageLevel

            frame = rows.made_of_partitions(check, _spark_schema(rows.frame.schema))
            if check.clean or check.aside:
                frame = frame.persist(StorageLevel.DISK_ONLY)  # or they would be checked again for each output
            told = frame.filter(f"{FOUND} IS NOT NULL").select(PARTITION, FOUND).collect()
            try:
                yield frame, _parts([(row[0], row[1]) for row in told])
            finally:
                if check.clean or check.aside:
                    frame.unpersist()

    def _input(self, rows: SparkRows, found: Sequence[_Part]) -> DatasetRef:
        """What was read: files by their bytes, which other jobs know them by; a table by its rows."""
        if rows.files is None:
            return _pinned(self.dataset, rows, found, "rows")
        rows.files.confirm()
        return rows.files.ref


def _merged(reports: Sequence[ValidationReport]) -> ValidationReport:
    """The report of all partitions; that of one alone is whole already."""
    return reports[0] if len(reports) == 1 else merge_validations(reports)


def _written(
    frame: Any, rows: SparkRows, found: Sequence[_Part], uri: str | None, *, name: str, count: int
) -> DatasetRef | None:
    """Let Spark write the ``clean`` rows or those that are set ``aside``; ``None`` without a place for them."""
    if uri is None:
        return None
    chosen = frame.filter(f"{FOUND} IS NULL AND {REASONS} IS {'NULL' if name == 'clean' else 'NOT NULL'}")
    columns = [*rows.columns, *((REASONS,) if name == "aside" else ())]
    known = _pinned(DatasetRef(uri=uri), rows, found, name)
    written = write_spark(chosen.select(*map(quoted, columns)), uri, of_rows=known)
    if written.rows != count:
        raise IntegrityError(f"dataset {rows.uri} changed while it was read: {written.rows} {name} rows, not {count}")
    return replace(written, left_out=None)


@dataclass(frozen=True)
class _Part:
    """What was found of one partition."""

    report: ValidationReport
    sums: Mapping[str, Sequence[int]]


def _parts(told: Sequence[tuple[int, str]]) -> list[_Part]:
    found = [json.loads(text) for _, text in sorted(told)]
    wrong = next((part["error"] for part in found if "error" in part), None)
    if wrong is not None:
        raise BadInputError(wrong)
    return [_Part(decode(ValidationReport, part["report"], where="partition"), part) for part in found]


def _pinned(asked: DatasetRef, rows: SparkRows, found: Sequence[_Part], name: str) -> DatasetRef:
    """The reference of the rows by what they are, in whatever order and partitions.

    :raises IntegrityError: when ``asked`` pins other rows.
    """
    schema = rows.schema.append(pa.field(REASONS, pa.string())) if name == "aside" else rows.schema
    total = RowsFingerprint(schema)
    for part in found:
        total.add_sums(part.sums[name])
    value = total.value()
    if asked.fingerprint not in (None, value):
        raise IntegrityError(f"dataset {rows.uri} changed: its content is {value}, {asked.fingerprint} was expected")
    return replace(
        asked,
        uri=masked(asked.uri),
        fingerprint=value,
        rows=total.sums[0],
        schema_hash=schema_hash(schema),
        identified_by=BY_ROWS,
    )


def _spark_schema(schema: Any) -> Any:
    """The columns, and those beside them; any may be missing in the row of what was found."""
    from pyspark.sql.types import LongType, StringType, StructField, StructType

    beside = [
        StructField(REASONS, StringType()),
        StructField(PARTITION, LongType()),
        StructField(FOUND, StringType()),
    ]
    return StructType([*(StructField(each.name, each.dataType, nullable=True) for each in schema.fields), *beside])
