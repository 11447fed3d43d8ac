"""Whole steps: load, measure, judge, record. ``run(name, spec)`` or ``python -m airflow_mlops_provider.jobs``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.jobs.packing import require_same_version
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.request_identity import request_identity
from airflow_mlops_provider.records.requests import request_type
from airflow_mlops_provider.stores.evidence.outcomes import RequestOutcomes
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, default_evidence_root

JOBS: dict[str, str] = {
    "validate": "data.validate:ValidateJob",
    "drift": "data.drift:DriftJob",
    "profile": "data.profile:ProfileJob",
    "train": "models.train:TrainJob",
    "evaluate": "models.evaluate:EvaluateJob",
    "bias": "models.bias:BiasJob",
    "decay": "models.decay:DecayJob",
    "card": "models.card:ModelCardJob",
    "promote": "decisions.promote:PromoteJob",
    "predict": "models.predict:PredictJob",
    "rollback": "decisions.rollback:RollbackJob",
    "verify": "decisions.verify:VerifyJob",
    "replay": "decisions.replay:ReplayJob",
    "reproduce": "models.reproduce:ReproduceJob",
    "purge": "decisions.purge:PurgeJob",
    "close": "decisions.incident:CloseIncidentJob",
    "mirror": "decisions.mirror:MirrorJob",
}
"""Job name to ``module:class`` in this package; a class is imported when its job runs."""


def load(name: str) -> type[Job]:
    """The class of job ``name``; raises ``BadInputError`` for a name that is none."""
    if name not in JOBS:
        raise BadInputError(f"unknown job {name!r}; jobs are {', '.join(JOBS)}")
    module, _, attribute = JOBS[name].partition(":")
    job: type[Job] = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    return job


def run(name: str, spec: Mapping[str, Any]) -> Outcome:
    """Run one job.

    :param name: one of :data:`JOBS`.
    :param spec: the job's keys, as plain JSON or records; short forms and former names of keys are read too.
    :returns: the Outcome, whatever its verdict.
    :raises BadInputError: when the spec or what it points at cannot be used; names the key, file or column. Also when
        another version of this package has packed it.
    :raises BackendError: when a store cannot be reached or written.
    """
    job, outcome = _run(name, spec)
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


def _run(name: str, spec: Mapping[str, Any]) -> tuple[Job, Outcome]:
    require_same_version(name, spec)
    job = load(name).from_spec(spec)
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
