"""What every job shares: where its evidence goes, who asked, and how a verdict is recorded."""

from __future__ import annotations

import platform
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, ClassVar

from airflow_mlops_provider.decisions.dataset_fallback import note_fallbacks
from airflow_mlops_provider.jobs.evidence_of_tries import Tries
from airflow_mlops_provider.records.codec import encode, without_secrets
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.evidence_name import attachment_name
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef, Writer
from airflow_mlops_provider.records.request_identity import request_identity
from airflow_mlops_provider.records.requests.request import JobRequest
from airflow_mlops_provider.records.verdict import Verdict
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, default_evidence_root

_VERSIONED = ("airflow-mlops-provider", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "mlflow", "duckdb")


class Job(JobRequest):
    """A request that can be run: each job is ``class SomeJob(Job, SomeRequest)``."""

    needs_writable_root: ClassVar[bool] = True
    """Whether the work is worth nothing when its evidence cannot be kept; so it is asked for before the work."""

    def run(self) -> Outcome:
        """Load, measure, judge, record; returns the Outcome."""
        raise NotImplementedError

    @property
    def evidence_store(self) -> EvidenceStore:
        """The store that this job's evidence goes to."""
        return EvidenceStore(self.evidence_root or default_evidence_root())

    def record(
        self,
        kind: Kind,
        *,
        report: Any,
        policy: Any,
        verdict: Verdict,
        inputs: dict[str, DatasetRef],
        dataset: DatasetRef | None = None,
        model: ModelRef | None = None,
        attachments: dict[str, bytes] | None = None,
        details: dict[str, Any] | None = None,
    ) -> Outcome:
        """Write the evidence, with its ``attachments`` beside it, and return the Outcome that points at it.

        Its verdict is ``verdict``, with a notice for every input that was read at its fallback revision. With a run
        key, evidence of an earlier try that says the same stands, and nothing is written.

        :param attachments: file name such as ``report.html`` to content.
        :raises BackendError: when it cannot be written.
        """
        verdict = note_fallbacks(kind, verdict, inputs)
        store, now = self.evidence_store, datetime.now(UTC)
        made = Evidence(
            kind=kind,
            created_at=now.isoformat(),
            inputs=inputs,
            report=encode(report),
            policy=encode(policy),
            verdict=verdict,
            dataset=dataset,
            model=model,
            origin=self.origin,
            versions=installed_versions(),
            details=details or {},
        )
        evidence, tries = without_secrets(made), self._tries
        standing = tries.standing(evidence) if tries else None
        if standing is not None:
            return _outcome(*standing)
        attached = {
            file: store.attach_hashed(attachment_name(kind, now, file), data)
            for file, data in (attachments or {}).items()
        }
        evidence = replace(evidence, attachments=attached)
        return _outcome(*(tries.write(evidence) if tries else (store.write(kind, evidence), evidence)))

    @property
    def _tries(self) -> Tries | None:
        if self.run_key is None:
            return None
        return Tries(self.evidence_store, request_identity(self.job, self.to_spec()))


def _outcome(uri: str, evidence: Evidence) -> Outcome:
    return Outcome(
        kind=evidence.kind,
        verdict=evidence.verdict,
        evidence_uri=uri,
        dataset=evidence.dataset,
        model=evidence.model,
    )


def writers_detail(writers: tuple[Writer, ...]) -> dict[str, Any]:
    """Who wrote the data, as a detail of the evidence; nothing when nobody is known."""
    return {"written_by": encode(writers)} if writers else {}


def installed_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that compute verdicts, those that are installed."""
    found = {"python": platform.python_version()}
    for name in _VERSIONED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
