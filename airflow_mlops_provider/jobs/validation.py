"""The ``validate`` job: hold a dataset to its rules, write the clean rows on and the others aside."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from airflow_mlops_provider.analysis.validation import (
    Measurement,
    Source,
    great_expectations_json,
    measure_validation,
    quarantine_schema,
    validation_html,
)
from airflow_mlops_provider.decisions.fallbacks import note_fallbacks
from airflow_mlops_provider.decisions.validation import ValidationPolicy, judge_validation
from airflow_mlops_provider.decisions.writers import name_writers
from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs.base import Job, told_of
from airflow_mlops_provider.jobs.validation_rules import Declared, read_contract, read_suite
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef, Writer
from airflow_mlops_provider.records.reports.validation import ValidationReport
from airflow_mlops_provider.records.verdict import Status, Verdict
from airflow_mlops_provider.stores.datasets import Dataset, appending, open_dataset, require_outputs, write_dataset

_GOES_ON = (Status.PASS, Status.NOTICE)


@dataclass(frozen=True, kw_only=True)
class ValidateJob(Job):
    """Hold a dataset to a suite or a contract.

    Rows that break a failed rule go to ``quarantine_uri`` with all their reasons; the others go to ``clean_uri`` when
    the verdict is a pass or a notice, in one step: a reader of the clean dataset never sees rows that were not judged.
    Both outputs depend on the input alone: a retry after a crash writes the same files again.

    :param dataset: the batch.
    :param suite: Great Expectations suite: a JSON object, or the path or URI of a JSON file.
    :param contract: data contract (ODCS v3): path or URI of a YAML file, with ``#object`` when it describes several.
    :param clean_uri: where the rows without fault go; the Outcome then speaks of that dataset.
    :param quarantine_uri: where the others go; without it, any failing row fails the batch.
    :param sensitive: columns whose values appear in no message, report or attachment.
    :param written_by: who wrote ``dataset``, the last one first; named in the verdict as where to look for the cause.
    :param policy: how many rows may be set aside.
    """

    dataset: DatasetRef
    suite: dict[str, Any] | str | None = None
    contract: dict[str, Any] | str | None = None
    clean_uri: str | None = None
    quarantine_uri: str | None = None
    sensitive: tuple[str, ...] = ()
    written_by: tuple[Writer, ...] = ()
    policy: ValidationPolicy = field(default_factory=ValidationPolicy)

    def run(self) -> Outcome:
        """Measure, judge, set rows aside, promote the clean ones, record."""
        declared = self._declared()
        data = open_dataset(self.dataset)
        self._check_places(data)
        sensitive = {*self.sensitive, *declared.sensitive}
        measuring = measure_validation(
            _source(data), declared.rules, name=declared.name, sensitive=sensitive, unchecked=declared.unchecked
        )
        with measuring as measurement:
            place = None if self.quarantine_uri is None else DatasetRef(uri=self.quarantine_uri)
            report = replace(measurement.report, quarantine=place)
            verdict = name_writers(judge_validation(report, self.policy), self.written_by)
            pinned = data.ref
            clean = self._write(data, measurement, promote=verdict.status in _GOES_ON)
        report = replace(report, quarantine=place and open_dataset(place).ref)
        return self.record(
            Kind.VALIDATION,
            report=report,
            policy=self.policy,
            verdict=verdict,
            inputs={"dataset": pinned},
            dataset=clean or pinned,
            attachments=_attachments(report, note_fallbacks(Kind.VALIDATION, verdict, {"dataset": pinned}), pinned),
            details={"clean_rows": report.clean_rows, "quarantined_rows": report.failing_rows}
            | told_of(self.written_by),
        )

    def _write(self, data: Dataset, measurement: Measurement, *, promote: bool) -> DatasetRef | None:
        """Write the quarantine and, to ``promote`` them, the clean rows; returns the clean dataset.

        Neither appears before both are whole. The quarantine is written also when it is empty: an older one must not
        be taken for this batch's.
        """
        clean_uri, failing = self.clean_uri if promote else None, measurement.report.failing_rows
        with ExitStack() as outputs:
            # Entered first, the clean rows appear last.
            add_clean = outputs.enter_context(_adding(clean_uri if failing else None, data.schema))
            add_aside = outputs.enter_context(_adding(self.quarantine_uri, self._aside_schema(data)))
            if failing and (add_clean or add_aside):
                _divide(data, measurement, add_clean, add_aside)
        if clean_uri is None:
            return None
        if failing:
            return open_dataset(clean_uri).ref
        return data.copy_to(clean_uri) or write_dataset(data.batches(), clean_uri, schema=data.schema)

    def _aside_schema(self, data: Dataset) -> pa.Schema:
        return data.schema if self.quarantine_uri is None else quarantine_schema(data.schema)

    def _declared(self) -> Declared:
        if (self.suite is None) == (self.contract is None):
            raise BadInputError("validate spec: give one of 'suite' and 'contract'")
        return read_suite(self.suite) if self.suite is not None else read_contract(self.contract)

    def _check_places(self, data: Dataset) -> None:
        """No output may be the input, lie inside it, or be the other output."""
        if self.quarantine_uri is not None:
            quarantine_schema(data.schema)
        require_outputs({"clean_uri": self.clean_uri, "quarantine_uri": self.quarantine_uri}, data)


Add = Callable[[pa.RecordBatch], None]


def _adding(uri: str | None, schema: pa.Schema) -> AbstractContextManager[Add | None]:
    return nullcontext() if uri is None else appending(uri, schema)


def _divide(data: Dataset, measurement: Measurement, add_clean: Add | None, add_aside: Add | None) -> None:
    """Every row to its place; raises ``IntegrityError`` when these are not the rows that were counted."""
    report = measurement.report
    expected = {"clean": report.clean_rows if add_clean else 0, "failing": report.failing_rows if add_aside else 0}
    written = dict.fromkeys(expected, 0)
    for clean, aside in measurement.failing.halves(data.batches(), clean=add_clean is not None):
        for half, name, add in ((clean, "clean", add_clean), (aside, "failing", add_aside)):
            if half is not None and add is not None:
                add(half)
                written[name] += half.num_rows
    if written != expected:
        raise IntegrityError(f"dataset {data.uri} changed while it was read: rows {written} instead of {expected}")


def _source(data: Dataset) -> Source:
    in_place = data.is_local and data.format == "parquet"
    return Source(
        schema=data.schema,
        batches=data.batches,
        frame=data.frame,
        files=data.files if in_place else (),
        name=data.uri,
    )


def _attachments(report: ValidationReport, verdict: Verdict, dataset: DatasetRef) -> dict[str, bytes]:
    text = json.dumps(great_expectations_json(report), indent=1, allow_nan=False, ensure_ascii=False)
    html = validation_html(report, verdict, dataset)
    return {"validation_result.json": text.encode(), "report.html": html.encode()}
