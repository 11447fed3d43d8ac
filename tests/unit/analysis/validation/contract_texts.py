"""Small contracts, and what a batch held to one comes to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pyarrow as pa
import yaml

from airflow_mlops_provider.analysis.validation import Source, measure_validation
from airflow_mlops_provider.analysis.validation.contracts import Contract, read_odcs
from airflow_mlops_provider.records.reports.validation import RuleResult

HEAD = "kind: DataContract\napiVersion: {version}\nid: wages-1\nname: wages\nversion: 1.0.0\nstatus: active\n"


def contract(text: str, *, wanted: str | None = None, version: str = "v3.1.0") -> Contract:
    return read_odcs(yaml.safe_load(HEAD.format(version=version) + text), wanted=wanted)


def results(found: Contract, table: pa.Table, *, now: dt.datetime | None = None) -> Sequence[RuleResult]:
    source = Source(schema=table.schema, batches=lambda: iter(table.to_batches()), frame=lambda _: table.to_pandas())
    with measure_validation(source, found.rules, now=now) as measured:
        return measured.report.results
