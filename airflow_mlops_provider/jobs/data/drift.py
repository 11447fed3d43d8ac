"""Drift: is a current batch drawn from another distribution than its reference?"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow_mlops_provider.analysis.drift import EXACT_ROWS, Precision, measure_drift
from airflow_mlops_provider.analysis.drift.columns import latest_window, plan_columns
from airflow_mlops_provider.analysis.drift.profile import LevelProfile
from airflow_mlops_provider.analysis.drift.profile_file import ProfiledDataset
from airflow_mlops_provider.analysis.drift.scan import Profiles, edges_of, profile_rows
from airflow_mlops_provider.analysis.drift.sides import given_profiles
from airflow_mlops_provider.decisions.drift import DriftRule, judge_drift
from airflow_mlops_provider.decisions.drift.judge import is_unusual
from airflow_mlops_provider.decisions.lineage import name_writers
from airflow_mlops_provider.exceptions import BadInputError, one_line
from airflow_mlops_provider.jobs.data.drift_watch import judged_once
from airflow_mlops_provider.jobs.data.kept_profiles import stored_profile
from airflow_mlops_provider.jobs.data.profile import read_profile
from airflow_mlops_provider.jobs.data.window_profiles import WindowProfiles, read_windows, window_label
from airflow_mlops_provider.jobs.job import Job, writers_detail
from airflow_mlops_provider.records.html_report import HtmlReport
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.drift import DriftReport
from airflow_mlops_provider.records.requests.drift import DriftRequest
from airflow_mlops_provider.records.requests.profile import SUFFIX
from airflow_mlops_provider.records.verdict import Status, Verdict
from airflow_mlops_provider.records.window_label import window_order
from airflow_mlops_provider.secrets_in_text import masked
from airflow_mlops_provider.stores.chains.reference import is_model_uri, reference_dataset, reference_profile
from airflow_mlops_provider.stores.chains.windows import JudgedWindow, WindowLog
from airflow_mlops_provider.stores.datasets.csv_dataset import CsvDataset
from airflow_mlops_provider.stores.datasets.dataset import Dataset, open_dataset, open_like

Side = Dataset | ProfiledDataset
"""One side of the comparison: rows, or their profile alone."""

log = logging.getLogger(__name__)

KEEP_FROM_ROWS = 100_000
"""Rows from which a reference's profile is kept for the next check; below, making it costs nothing."""


class DriftJob(Job, DriftRequest):
    """Compare ``current`` with ``reference`` and judge the difference."""

    def run(self) -> Outcome:
        """Load, measure, judge, record; returns the Outcome whatever the verdict."""
        reference, pinned = self._open_reference()
        current, batch = self._open_current(reference)
        windows = read_windows(self.windows, batch) if self.windows else None
        inputs = {"reference": pinned, "current": batch} | (windows.inputs if windows else {})
        if not self.once:
            return self._judged((reference, current), inputs, windows)
        return judged_once(
            self,
            inputs,
            store=self.evidence_store,
            judge=lambda identity: self._judged((reference, current), inputs, windows, {"judgement": identity}),
        )

    def _judged(
        self,
        sides: tuple[Side, Side],
        inputs: dict[str, DatasetRef],
        windows: WindowProfiles | None,
        identity: dict[str, str] | None = None,
    ) -> Outcome:
        window = self._window_label(*sides)
        report, details = self._measure(*sides, windows), dict[str, Any](identity or {})
        rows = _rows_of(sides)
        if self.policy.rule is DriftRule.EVIDENTLY and rows is not None:
            report = _with_evidently(report, *rows)
        # What the log of windows keeps must be known to be of this content, too.
        _confirm(*sides)
        if report.windows is not None and min(report.reference_rows, report.current_rows) >= self.policy.min_rows:
            report, details["previous_window"] = self._with_previous_window(report, inputs, window)
        verdict = name_writers(judge_drift(report, self.policy), self.written_by)
        details |= writers_detail(self.written_by) | _misfits_detail(sides[1])
        if windows is not None:
            details["windows"] = list(windows.profiles)
        attachments, failed = self._pictures(rows, report, verdict)
        _confirm(*sides)
        return self.record(
            Kind.DRIFT,
            report=report,
            policy=self.policy,
            verdict=verdict,
            inputs=inputs,
            dataset=inputs["current"],
            attachments=attachments,
            details=details | failed,
        )

    def _open_current(self, reference: Side) -> tuple[Side, DatasetRef]:
        if self.current.uri.endswith(SUFFIX):
            return read_profile(self.current)
        current = open_like(self.current, reference.schema)
        return current, current.ref

    def _open_reference(self) -> tuple[Side, DatasetRef]:
        ref = self._of_model() if is_model_uri(self.reference.uri) else self.reference
        if ref.uri.endswith(SUFFIX):
            return read_profile(ref)
        try:
            dataset = open_dataset(ref)
            return dataset, dataset.ref
        except BadInputError as error:
            kept = self._profile_of_model()
            if kept is None:
                raise
            log.warning("The reference is the profile that was kept at the promotion: %s", error)
            return read_profile(kept)

    def _profile_of_model(self) -> DatasetRef | None:
        """The profile that the promotion kept of the reference's rows, which are gone or overwritten."""
        uri = self.reference.uri
        named = is_model_uri(uri) and "@" in uri
        return reference_profile(uri, self.evidence_store.root) if named else None

    def _of_model(self) -> DatasetRef:
        uri = self.reference.uri
        if "@" in uri:
            # The reference moves with a promotion because the record moves, never because a file is overwritten.
            return reference_dataset(uri, self.evidence_store.root)
        from airflow_mlops_provider.stores.models import ModelStore

        models = ModelStore(self.tracking_uri, evidence_root=self.evidence_root)
        found: DatasetRef = models.run_dataset(models.resolve(uri))
        return found

    def _measure(self, reference: Side, current: Side, windows: WindowProfiles | None) -> DriftReport:
        default = self.policy.rule is DriftRule.DEFAULT
        profiles = None if windows is None or not default else windows.profiles
        return measure_drift(
            reference,
            current,
            columns=self.columns,
            target=self.label_column,
            prediction=self.prediction_column,
            window_column=self.window_column if default else None,
            group_column=self.group_column,
            sensitive=self.sensitive,
            column_kinds=self.column_kinds,
            joint=self.policy.joint and default,
            precision=Precision(
                limits=(self.policy.min_ks_d, self.policy.severe_ks_d),
                level=self.policy.level,
                # A named rule holds every p-value against a level of its own.
                exact_rows=EXACT_ROWS if default else sys.maxsize,
                wasserstein=self.policy.rule is DriftRule.WASSERSTEIN,
            ),
            profiles=self._profiles(reference, current, given_profiles(current, profiles)),
            windows=profiles,
        )

    def _profiles(self, reference: Side, current: Side, given: Profiles | None) -> Profiles | None:
        """The reference's profile from an earlier check, or made now and kept, when it is worth it."""
        if isinstance(reference, ProfiledDataset) or not self.keep_profile or reference.rows < KEEP_FROM_ROWS:
            return None
        plans = plan_columns(
            reference,
            current,
            columns=self.columns,
            target=self.label_column,
            prediction=self.prediction_column,
            not_compared=[name for name in (self.window_column, self.group_column) if name],
            column_kinds=self.column_kinds,
        )
        levels = [plan.column for plan in plans if plan.problem is None and plan.is_by_level]
        names = [plan.column for plan in plans if plan.problem is None]
        public = [name for name in names if name not in self.sensitive]
        if given is not None and any(name not in given for name in names):
            return None  # refused where the profiles are compared
        levels = levels if given is None else [name for name in names if isinstance(given[name], LevelProfile)]
        edges = None if given is None else edges_of(given)
        by_level = set(levels) & set(public)
        kept, _ = stored_profile(
            reference, public, self.evidence_store, by_content=True, by_level=by_level, edges=_of(edges, public)
        )
        private = [name for name in names if name in self.sensitive]
        return kept.profiles | profile_rows(reference, private, _of(edges, private), by_level=levels)

    def _window_label(self, reference: Side, current: Side) -> str:
        if self.windows and isinstance(current, ProfiledDataset):
            label = window_label(current.uri)
            return label if window_order(label) is not None else ""
        if isinstance(reference, ProfiledDataset) or isinstance(current, ProfiledDataset):
            return ""
        # A day of birth, say, is not kept; then the order of the checks is that of the windows.
        if self.window_column is None or self.window_column in self.sensitive:
            return ""
        return latest_window(current, self.window_column) if self.policy.rule is DriftRule.DEFAULT else ""

    def _with_previous_window(
        self, report: DriftReport, inputs: dict[str, DatasetRef], label: str
    ) -> tuple[DriftReport, Any]:
        """The report with what the window before this one was found to be."""
        assert report.windows is not None  # noqa: S101  # for the type checker; the caller looked
        reference = inputs["reference"]
        # A folder that gains a day stays the same stream; another model's training data starts a new one.
        moved = reference.fingerprint if is_model_uri(self.reference.uri) else None
        stream = [reference.uri, moved, self.columns, self.window_column, self.label_column, self.prediction_column]
        # The windows of one folder stay one stream as well.
        stream += [masked(each.uri) for each in self.windows]
        window = JudgedWindow(
            fingerprint=inputs["current"].fingerprint or "",
            unusual=is_unusual(report.windows),
            label=label,
        )
        previous = WindowLog(self.evidence_store, stream).enter(window)
        windows = replace(report.windows, previous_alarm=previous.unusual if previous else None)
        named = previous and ((window.label and previous.label) or previous.fingerprint)
        return replace(report, windows=windows), named

    def _is_drawn(self, status: Status) -> bool:
        if self.html_report is HtmlReport.ON_DRIFT:
            return status in (Status.FAIL, Status.NOTICE)
        return self.html_report is HtmlReport.ALWAYS

    def _pictures(
        self, rows: tuple[Dataset, Dataset] | None, report: DriftReport, verdict: Verdict
    ) -> tuple[dict[str, bytes], dict[str, Any]]:
        """Evidently's page; the verdict stands without it, so its failure is recorded and not raised."""
        shown = [c.column for c in report.columns if c.problem is None and c.column not in self.sensitive]
        if rows is None or not (self._is_drawn(verdict.status) and shown):
            return {}, {}
        from airflow_mlops_provider.analysis.drift import evidently_report

        try:
            return {"evidently.html": evidently_report.render_evidently(*rows, shown, verdict)}, {}
        except Exception as error:  # noqa: BLE001  # a third party's picture must not cost the verdict
            log.warning("Evidently drew no report: %s", error)
            return {}, {"evidently_error": f"{type(error).__name__}: {one_line(error)}"}


def _rows_of(sides: tuple[Side, Side]) -> tuple[Dataset, Dataset] | None:
    """Both sides, when both are rows."""
    reference, current = sides
    if isinstance(reference, ProfiledDataset) or isinstance(current, ProfiledDataset):
        return None
    return reference, current


def _of(edges: Mapping[str, Any] | None, names: Sequence[str]) -> dict[str, Any] | None:
    return None if edges is None else {name: edges[name] for name in names if name in edges}


def _confirm(*datasets: Side) -> None:
    for dataset in datasets:
        if not isinstance(dataset, ProfiledDataset):
            dataset.confirm()


def _misfits_detail(current: Side) -> dict[str, Any]:
    """How many cells of a CSV batch do not fit the reference's types and count as missing, by column."""
    found = current.misfits if isinstance(current, CsvDataset) else ()
    return {"cells_of_another_type": {each.column: len(each.rows) for each in found}} if found else {}


def _with_evidently(report: DriftReport, reference: Dataset, current: Dataset) -> DriftReport:
    """The report with the scores of Evidently's preset, which the rule of that name judges by."""
    from airflow_mlops_provider.analysis.drift.evidently_report import measure_evidently

    names = [column.column for column in report.columns if column.problem is None]
    found = measure_evidently(reference, current, names)
    columns = tuple(
        replace(
            column,
            distances=column.distances
            | {"evidently": found.scores[column.column], "evidently_drifted": float(column.column in found.drifted)},
        )
        if column.column in found.scores
        else column
        for column in report.columns
    )
    return replace(report, columns=columns, evidently_share=found.share)
