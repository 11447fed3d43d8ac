"""The class of each job, imported when the job runs."""

from __future__ import annotations

from collections.abc import Callable

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.job import Job


def job_class(name: str) -> type[Job]:
    """The class of job ``name``.

    :param name: one of :data:`JOBS`.
    :raises BadInputError: for a name that is none.
    """
    if name not in JOBS:
        raise BadInputError(f"unknown job {name!r}; jobs are {', '.join(JOBS)}")
    return JOBS[name]()


def _ingest() -> type[Job]:
    from airflow_mlops_provider.jobs.data.ingest import IngestJob

    return IngestJob


def _validate() -> type[Job]:
    from airflow_mlops_provider.jobs.data.validate import ValidateJob

    return ValidateJob


def _drift() -> type[Job]:
    from airflow_mlops_provider.jobs.data.drift import DriftJob

    return DriftJob


def _profile() -> type[Job]:
    from airflow_mlops_provider.jobs.data.profile import ProfileJob

    return ProfileJob


def _merge() -> type[Job]:
    from airflow_mlops_provider.jobs.data.merge import MergeJob

    return MergeJob


def _train() -> type[Job]:
    from airflow_mlops_provider.jobs.models.train import TrainJob

    return TrainJob


def _evaluate() -> type[Job]:
    from airflow_mlops_provider.jobs.models.evaluate import EvaluateJob

    return EvaluateJob


def _bias() -> type[Job]:
    from airflow_mlops_provider.jobs.models.bias import BiasJob

    return BiasJob


def _decay() -> type[Job]:
    from airflow_mlops_provider.jobs.models.decay import DecayJob

    return DecayJob


def _card() -> type[Job]:
    from airflow_mlops_provider.jobs.models.card import ModelCardJob

    return ModelCardJob


def _promote() -> type[Job]:
    from airflow_mlops_provider.jobs.decisions.promote import PromoteJob

    return PromoteJob


def _predict() -> type[Job]:
    from airflow_mlops_provider.jobs.models.predict import PredictJob

    return PredictJob


def _rollback() -> type[Job]:
    from airflow_mlops_provider.jobs.decisions.rollback import RollbackJob

    return RollbackJob


def _rollback_dataset() -> type[Job]:
    from airflow_mlops_provider.jobs.data.rollback_dataset import RollbackDatasetJob

    return RollbackDatasetJob


def _verify() -> type[Job]:
    from airflow_mlops_provider.jobs.decisions.verify import VerifyJob

    return VerifyJob


def _replay() -> type[Job]:
    from airflow_mlops_provider.jobs.decisions.replay import ReplayJob

    return ReplayJob


def _reproduce() -> type[Job]:
    from airflow_mlops_provider.jobs.models.reproduce import ReproduceJob

    return ReproduceJob


def _purge() -> type[Job]:
    from airflow_mlops_provider.jobs.decisions.purge import PurgeJob

    return PurgeJob


def _close() -> type[Job]:
    from airflow_mlops_provider.jobs.decisions.incident import CloseIncidentJob

    return CloseIncidentJob


def _mirror() -> type[Job]:
    from airflow_mlops_provider.jobs.decisions.mirror import MirrorJob

    return MirrorJob


# Functions and not names of modules, so that an editor and the type checker can follow a job to its class.
JOBS: dict[str, Callable[[], type[Job]]] = {
    "ingest": _ingest,
    "validate": _validate,
    "drift": _drift,
    "profile": _profile,
    "merge": _merge,
    "train": _train,
    "evaluate": _evaluate,
    "bias": _bias,
    "decay": _decay,
    "card": _card,
    "promote": _promote,
    "predict": _predict,
    "rollback": _rollback,
    "rollback_dataset": _rollback_dataset,
    "verify": _verify,
    "replay": _replay,
    "reproduce": _reproduce,
    "purge": _purge,
    "close": _close,
    "mirror": _mirror,
}
"""Job name to what imports its class."""
