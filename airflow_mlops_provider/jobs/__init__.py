"""Whole steps: load, measure, judge, record. ``run(name, spec)`` or ``python -m airflow_mlops_provider.jobs``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.base import Job
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.outcome import Outcome

JOBS: dict[str, str] = {
    "validate": "validation:ValidateJob",
    "drift": "drift:DriftJob",
    "train": "training:TrainJob",
    "evaluate": "evaluation:EvaluateJob",
    "bias": "bias:BiasJob",
    "card": "model_card:ModelCardJob",
    "promote": "promotion:PromoteJob",
    "predict": "prediction:PredictJob",
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
    :param spec: the job's keys, as plain JSON or records.
    :returns: the Outcome, whatever its verdict.
    :raises BadInputError: when the spec or what it points at cannot be used; names the key, file or column.
    :raises BackendError: when a store cannot be reached or written.
    """
    return decode(load(name), spec, where=f"{name} spec").run()
