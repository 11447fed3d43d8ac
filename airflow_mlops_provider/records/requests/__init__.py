"""Requests: the keys of each job, one record a job; operators build it, and the job is the request plus ``run``."""

from __future__ import annotations

import importlib

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.requests.request import JobRequest

REQUESTS: dict[str, str] = {
    "ingest": "IngestRequest",
    "validate": "ValidateRequest",
    "drift": "DriftRequest",
    "profile": "ProfileRequest",
    "merge": "MergeRequest",
    "train": "TrainRequest",
    "evaluate": "EvaluateRequest",
    "bias": "BiasRequest",
    "decay": "DecayRequest",
    "card": "CardRequest",
    "promote": "PromoteRequest",
    "predict": "PredictRequest",
    "rollback": "RollbackRequest",
    "rollback_dataset": "RollbackDatasetRequest",
    "verify": "VerifyRequest",
    "replay": "ReplayRequest",
    "reproduce": "ReproduceRequest",
    "purge": "PurgeRequest",
    "close": "CloseRequest",
    "mirror": "MirrorRequest",
}
"""Job name to its request, in the module of the job's name in this package; imported when it is asked for."""


def request_type(job: str) -> type[JobRequest]:
    """The class of the keys of ``job``; raises ``BadInputError`` for a name that is none."""
    if job not in REQUESTS:
        raise BadInputError(f"unknown job {job!r}; jobs are {', '.join(REQUESTS)}")
    found: type[JobRequest] = getattr(importlib.import_module(f"{__name__}.{job}"), REQUESTS[job])
    return found
