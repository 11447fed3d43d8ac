"""The ``validate`` job: hold a dataset to its rules, write the clean rows on and the others aside."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from airflow_mlops_provider.analysis.validation import (
    Measurement,
    Source,
    declared_types,
    great_expectations_json,
    measure_validation,
    quarantine_schema,
)
from airflow_mlops_provider.decisions.dataset_fallback import note_fallbacks
from airflow_mlops_provider.decisions.lineage import name_writers
from airflow_mlops_provider.decisions.validation import judge_validation
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.data.pushdown import PushedTable, is_pushed_down, open_pushed
from airflow_mlops_provider.jobs.data.quarantine import CLEAN, QUARANTINED, write_clean_and_quarantine
from airflow_mlops_provider.jobs.data.rules import Declared, read_contract, read_suite
from airflow_mlops_provider.jobs.data.table_quarantine import (
    TableOutputs,
    are_tables,
    failing_rows_query,
    table_outputs,
)
from airflow_mlops_provider.jobs.job import Job, writers_detail
from airflow_mlops_provider.pages.validation import validation_html
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.validation import ValidationReport
from airflow_mlops_provider.records.requests.validate import ValidateRequest
from airflow_mlops_provider.records.verdict import Status, Verdict
from airflow_mlops_provider.stores.datasets.csv_dataset import CsvDataset
from airflow_mlops_provider.stores.datasets.dataset import Dataset, open_dataset
from airflow_mlops_provider.stores.datasets.held_outputs import held_back
from airflow_mlops_provider.stores.datasets.output_paths import require_outputs
from airflow_mlops_provider.stores.datasets.snapshot_files import is_snapshot_uri

GOES_ON = (Status.PASS, Status.NOTICE)
"""Verdicts by which the clean rows go on."""


class Columns(Protocol):
    """What is to be checked, as far as its columns have names."""

    @property
    def uri(self) -> str:
        """Its name in messages."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names, in order."""


class ValidateJob(Job, ValidateRequest):
    """Hold a dataset to a suite or a contract.

    Rows that break a failed rule go to ``quarantine_uri`` with all their reasons; the others go to ``clean_uri`` when
    the verdict is a pass or a notice, in one step: a reader of the clean dataset never sees rows that were not judged.
    Both outputs depend on the input alone: a retry after a crash writes the same again. They are files, snapshots, or
    tables of the database that holds the dataset.
    """

    def run(self) -> Outcome:
        """Measure, judge, set rows aside, record, and let the outputs appear."""
        with held_back():
            return self._recorded()

    def _recorded(self) -> Outcome:
        declared = self._declared()
        if is_pushed_down(self.dataset):
            pushed = open_pushed(self.dataset, declared.rules, outputs=self._outputs)
            require_outputs(self._outputs, pushed.data)
            return self._judged(pushed.data, declared, pushed=pushed)
        if not are_tables(self.clean_uri, self.quarantine_uri):
            data = open_dataset(self.dataset, types=declared_types(declared.rules))
            require_outputs(self._outputs, data)
            return self._judged(data, declared)
        with table_outputs(self.dataset, self._outputs) as parts:
            return self._judged(parts.data, declared, parts)

    def _judged(
        self,
        data: Dataset,
        declared: Declared,
        tables: TableOutputs | None = None,
        pushed: PushedTable | None = None,
    ) -> Outcome:
        if self.quarantine_uri is not None:
            quarantine_schema(data.schema)
        pinned = data.ref if pushed is None else pushed.ref
        with data.in_place() as files, self._measured(data, files, declared, pushed) as measurement:
            data.confirm()  # what the scan read, too, is what was pinned
            place = None if self.quarantine_uri is None else DatasetRef(uri=self.quarantine_uri)
            query = failing_rows_query(data, measurement, self.quarantine_uri)
            report = replace(measurement.report, quarantine=place, failing_rows_query=query)
            if pushed is not None:
                sensitive = self.sensitive_columns(data, declared)
                report = pushed.completed(report, declared.rules, name=declared.name, sensitive=sensitive)
            verdict = name_writers(judge_validation(report, self.policy), self.written_by)
            written = self._write(data, measurement, tables, promote=verdict.status in GOES_ON)
        report = replace(report, quarantine=written.get(QUARANTINED))
        return self.recorded(report, verdict, pinned=pinned, clean=written.get(CLEAN))

    def recorded(
        self, report: ValidationReport, verdict: Verdict, *, pinned: DatasetRef, clean: DatasetRef | None
    ) -> Outcome:
        """Write the evidence of a validation.

        :param pinned: what was read.
        :param clean: the clean rows, where they were written.
        """
        return self.record(
            Kind.VALIDATION,
            report=report,
            policy=self.policy,
            verdict=verdict,
            inputs={"dataset": pinned},
            dataset=clean or pinned,
            attachments=_attachments(report, note_fallbacks(Kind.VALIDATION, verdict, {"dataset": pinned}), pinned),
            details={"clean_rows": report.clean_rows, "quarantined_rows": report.failing_rows}
            | writers_detail(self.written_by),
        )

    def _measured(
        self, data: Dataset, files: tuple[str, ...], declared: Declared, pushed: PushedTable | None
    ) -> AbstractContextManager[Measurement]:
        source = Source(
            schema=data.schema,
            batches=data.batches,
            frame=data.frame,
            files=files,
            name=data.uri,
            misfits=data.misfits if isinstance(data, CsvDataset) else (),
            counted=None if pushed is None else pushed.counted,
        )
        rules = declared.rules if pushed is None else pushed.counted_rules(declared.rules)
        sensitive = self.sensitive_columns(data, declared)
        return measure_validation(
            source,
            rules,
            name=declared.name,
            sensitive=sensitive,
            unchecked=declared.unchecked,
            now=None if pushed is None else pushed.now,
        )

    def _write(
        self, data: Dataset, measurement: Measurement, tables: TableOutputs | None, *, promote: bool
    ) -> dict[str, DatasetRef]:
        """Write the quarantine and, to ``promote`` them, the clean rows; returns what was written.

        Neither appears before both are whole. The quarantine is written also when it is empty: an older one must not
        be taken for this batch's.
        """
        clean_uri = self.clean_uri if promote else None
        where = {"quarantine_uri": self.quarantine_uri, "interval_start": self.interval_start}
        if tables is not None:
            return tables.write(measurement, clean_uri=clean_uri, quarantine_uri=self.quarantine_uri)
        if clean_uri is None or measurement.report.failing_rows or is_snapshot_uri(clean_uri):
            return write_clean_and_quarantine(data, measurement, clean_uri=clean_uri, **where)
        with data.copied_to(clean_uri) as copied:
            target = clean_uri if copied is None else None
            written = write_clean_and_quarantine(data, measurement, clean_uri=target, **where)
        return written if copied is None else written | {CLEAN: copied}

    def _declared(self) -> Declared:
        return read_suite(self.suite) if self.suite is not None else read_contract(self.contract)

    def sensitive_columns(self, data: Columns, declared: Declared) -> set[str]:
        """The columns to hide: the spec's, which must be there, and the declaration's, whatever their case.

        A column that a rule asks for and the batch lacks is for that rule to miss.
        """
        known = {*data.columns, *(column for rule in declared.rules for column in rule.columns)}
        for name in self.sensitive:
            if name not in known:
                raise BadInputError(
                    f"key 'sensitive': dataset {data.uri} has no column {name!r}; it has {', '.join(data.columns)}"
                )
        folded = {name.lower() for name in declared.sensitive}
        spelled = {name for name in data.columns if name.lower() in folded}
        return {*self.sensitive, *declared.sensitive, *spelled}

    @property
    def _outputs(self) -> dict[str, str | None]:
        return {"clean_uri": self.clean_uri, "quarantine_uri": self.quarantine_uri}


def _attachments(report: ValidationReport, verdict: Verdict, dataset: DatasetRef) -> dict[str, bytes]:
    text = json.dumps(great_expectations_json(report), indent=1, allow_nan=False, ensure_ascii=False)
    html = validation_html(report, verdict, dataset)
    return {"validation_result.json": text.encode(), "report.html": html.encode()}
