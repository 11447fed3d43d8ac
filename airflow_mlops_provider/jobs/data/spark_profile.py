"""The ``profile`` job in Spark: each partition is profiled where its rows are, with the same edges, and merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from airflow_mlops_provider.analysis.drift.columns import columns_to_profile
from airflow_mlops_provider.analysis.drift.profile_file import ProfiledDataset, decode_profile, merge_profiles
from airflow_mlops_provider.analysis.drift.scan import SAMPLE_VALUES, edges_of, numeric_columns, sample_edges
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.data.profile import ProfileJob, read_profile
from airflow_mlops_provider.jobs.data.spark_partition import FOUND, PARTITION, ProfiledPartition
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.stores.datasets.held_outputs import held_back
from airflow_mlops_provider.stores.datasets.spark.session import telling_spark
from airflow_mlops_provider.stores.datasets.spark.spark_rows import SparkRows, open_spark, quoted


class SparkProfileJob(ProfileJob):
    """Profile rows that lie in Spark into one file.

    Without ``edges`` they are chosen from a sample of the rows; nothing is kept for the next time.
    """

    partitions: int | None = None
    """At most so many partitions; set by the runner."""

    def run(self) -> Outcome:
        """Profile each partition, merge, write, record."""
        rows = open_spark(self.dataset, partitions=self.partitions)
        columns = columns_to_profile(rows, columns=self.columns, leave_out=self.sensitive)
        parts = _profiled(rows, columns, self._edges(rows, columns))
        merged = merge_profiles(parts, uri=rows.uri)
        with held_back():
            return self.written(
                merged,
                source=DatasetRef(uri=rows.uri),
                detail=f"{len(parts):,} partition{'s' * (len(parts) > 1)}, read now",
                read={"partitions": len(parts)},
            )

    def _edges(self, rows: SparkRows, columns: Sequence[str]) -> dict[str, Any]:
        numeric = numeric_columns(rows, columns)
        if self.edges is None:
            return (
                dict(sample_edges(_Sample(rows.uri, rows.sample(numeric, SAMPLE_VALUES)), numeric)) if numeric else {}
            )
        known = edges_of(read_profile(self.edges)[0].profiles)
        missing = next((name for name in numeric if name not in known), None)
        if missing is not None:
            raise BadInputError(
                f"key 'edges': profile {self.edges.uri} has no edges of column {missing!r} of {rows.uri}"
            )
        return {name: edges for name, edges in known.items() if name in columns}


def _profiled(rows: SparkRows, columns: Sequence[str], edges: dict[str, Any]) -> list[ProfiledDataset]:
    from pyspark.sql.types import BinaryType, LongType, StructField, StructType

    chosen = SparkRows(uri=rows.uri, frame=rows.frame.select(*map(quoted, columns)))
    profile = ProfiledPartition(uri=rows.uri, schema=chosen.schema, edges=edges)
    made = StructType([StructField(PARTITION, LongType()), StructField(FOUND, BinaryType())])
    with telling_spark(f"dataset {rows.uri} cannot be profiled in Spark"):
        told = chosen.made_of_partitions(profile, made).collect()
    return [decode_profile(bytes(found), uri=rows.uri) for _, found in sorted((row[0], row[1]) for row in told)]


@dataclass(frozen=True)
class _Sample:
    """Some rows, as what edges are chosen from."""

    uri: str
    table: pa.Table

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.table.column_names)

    @property
    def rows(self) -> int:
        return int(self.table.num_rows)

    def batches(self, columns: Sequence[str] | None = None, **_: Any) -> Iterator[pa.RecordBatch]:
        yield from self.table.select(columns or self.table.column_names).to_batches()
