"""Drift: is a current batch drawn from another distribution than its reference?"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from airflow_mlops_provider.analysis.drift import Precision, measure_drift
from airflow_mlops_provider.decisions.drift import DriftPolicy, judge_drift
from airflow_mlops_provider.jobs.base import Job
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.drift import DriftReport
from airflow_mlops_provider.stores.datasets import Dataset, open_dataset
from airflow_mlops_provider.stores.decisions import is_model_uri, reference_dataset
from airflow_mlops_provider.stores.evidence import default_evidence_root

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DriftJob(Job):
    """Compare ``current`` with ``reference`` and judge the difference.

    :param reference: what the data should look like; ``models:/name@champion`` means the data the champion was
        promoted on.
    :param current: the batch to judge.
    :param columns: features to compare; by default all but target, prediction, window column and time stamps.
    :param window_column: what tells windows (days, shipments) of the reference apart, for calibration on them.
    :param target: judged apart as target drift; the current batch may not have labels yet.
    :param prediction: judged apart as prediction drift.
    :param sensitive: columns whose values never appear in messages or reports.
    :param policy: limits and budget of false alarms.
    :param html_report: attach Evidently's report, drawn from a sample, to look at.
    :param tracking_uri: MLflow, for a ``models:/`` reference.
    """

    reference: DatasetRef
    current: DatasetRef
    columns: tuple[str, ...] | None = None
    window_column: str | None = None
    target: str | None = None
    prediction: str | None = None
    sensitive: tuple[str, ...] = ()
    policy: DriftPolicy = field(default_factory=DriftPolicy)
    html_report: bool = True
    tracking_uri: str | None = None

    def run(self) -> Outcome:
        """Load, measure, judge, record; returns the Outcome whatever the verdict."""
        reference, current = open_dataset(self._reference()), open_dataset(self.current)
        inputs = {"reference": reference.ref, "current": current.ref}
        report = measure_drift(
            reference,
            current,
            columns=self.columns,
            target=self.target,
            prediction=self.prediction,
            window_column=self.window_column,
            sensitive=self.sensitive,
            joint=self.policy.joint,
            precision=Precision(limits=(self.policy.min_ks_d, self.policy.severe_ks_d), level=self.policy.level),
        )
        verdict = judge_drift(report, self.policy)
        attachments, details = self._pictures(reference, current, report)
        return self.record(
            Kind.DRIFT,
            report=report,
            policy=self.policy,
            verdict=verdict,
            inputs=inputs,
            dataset=inputs["current"],
            attachments=attachments,
            details=details,
        )

    def _reference(self) -> DatasetRef:
        if not is_model_uri(self.reference.uri):
            return self.reference
        if "@" in self.reference.uri:
            return reference_dataset(self.reference.uri, self.evidence_root or default_evidence_root())
        from airflow_mlops_provider.stores.models import ModelStore

        store = ModelStore(self.tracking_uri, evidence_root=self.evidence_root)
        found: DatasetRef = store.run_dataset(store.resolve(self.reference.uri))
        return found

    def _pictures(
        self, reference: Dataset, current: Dataset, report: DriftReport
    ) -> tuple[dict[str, bytes], dict[str, Any]]:
        """Evidently's page; the verdict stands without it, so its failure is recorded and not raised."""
        shown = [c.column for c in report.columns if c.problem is None and c.column not in self.sensitive]
        if not self.html_report or not shown:
            return {}, {}
        from airflow_mlops_provider.analysis.drift.evidently_report import render_evidently

        try:
            return {"evidently.html": render_evidently(reference, current, shown)}, {}
        except Exception as error:  # noqa: BLE001  # a third party's picture must not cost the verdict
            log.warning("Evidently drew no report: %s", error)
            return {}, {"evidently_error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
