"""Whole steps: load, measure, judge, record. ``run(name, spec)`` or ``python -m airflow_mlops_provider.jobs``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.jobs.job_classes import JOBS, job_class
from airflow_mlops_provider.jobs.packing import require_same_version
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.request_identity import request_identity
from airflow_mlops_provider.records.requests import request_type
from airflow_mlops_provider.stores.evidence.outcomes import RequestOutcomes
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, default_evidence_root

__all__ = ["JOBS", "job_class", "outcomes_of", "run"]


def run(name: str, spec: Mapping[str, Any], *, job_type: type[Job] | None = None) -> Outcome:
    """Run one job.

    :param name: one of :data:`JOBS`.
    :param spec: the job's keys, as plain JSON or records; short forms and former names of keys are read too.
    :param job_type: the class of a place that does the job in a way of its own; by default the job's class.
    :returns: the Outcome, whatever its verdict.
    :raises BadInputError: when the spec or what it points at cannot be used; names the key, file or column. Also when
        another version of this package has packed it.
    :raises BackendError: when a store cannot be reached or written.
    """
    job, outcome = _run(name, spec, job_type)
    if job.run_key is not None and outcome.evidence_uri:
        _left_by(job).leave(outcome)
    return outcome


def run_and_leave(name: str, spec: Mapping[str, Any]) -> tuple[Outcome, str]:
    """As :func:`run`, for whoever is told of the Outcome by its address alone.

    :returns: the Outcome, and its URI in the evidence root.
    :raises BackendError: also when the Outcome cannot be written there.
    """
    job, outcome = _run(name, spec)
    return outcome, _left_by(job).leave(outcome)


def _run(name: str, spec: Mapping[str, Any], job_type: type[Job] | None = None) -> tuple[Job, Outcome]:
    require_same_version(name, spec)
    job = (job_type or job_class(name)).from_spec(spec)
    if job.needs_writable_root:
        job.evidence_store.require_writable()
    else:
        job.evidence_store.require_readable()
    return job, job.run()


def _left_by(job: Job) -> RequestOutcomes:
    return RequestOutcomes(store=job.evidence_store, request=request_identity(job.job, job.to_spec()))


def outcomes_of(name: str, spec: Mapping[str, Any]) -> RequestOutcomes:
    """Where the runs of this request leave their Outcomes; for whoever started one and lost sight of it.

    :param name: one of :data:`JOBS`.
    :param spec: the job's keys as they were given to :func:`run`, a ``run_key`` among them.
    :raises BadInputError: when its evidence root cannot be one.
    """
    request = request_type(name).from_spec(spec)
    store = EvidenceStore(request.evidence_root or default_evidence_root())
    return RequestOutcomes(store=store, request=request_identity(name, request.to_spec()))
