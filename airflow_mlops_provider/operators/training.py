"""Training as a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.policies.training import TrainingPolicy
from airflow_mlops_provider.records.refs import DatasetRef


class TrainOperator(JobOperator):
    """Trains the declared model and registers it in MLflow as a new version with the alias ``challenger``.

    A retry in the same Dag run goes on with the same MLflow run and never registers a second version.

    :param model: path or URI of the model's YAML, or a :class:`ModelSpec`.
    :param dataset: URI, :class:`DatasetRef` or the Outcome of an upstream task.
    :param trainer_params: replace keyword arguments of the trainer.
    :param experiment: the last part of the version label; the start of the tracking run's id by default.
    :param policy: limits of the symmetry check and of the time that training may take.
    """

    job = "train"
    keys = ("model", "dataset", "experiment", "policy")
    template_fields: Sequence[str] = ("model", "dataset", "trainer_params", "experiment", "evidence_root")

    def __init__(
        self,
        *,
        model: str | ModelSpec | Any,
        dataset: str | DatasetRef | Any,
        trainer_params: Mapping[str, Any] | None = None,
        experiment: str | None = None,
        policy: TrainingPolicy = TrainingPolicy(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.dataset = dataset
        self.trainer_params = trainer_params
        self.experiment = experiment
        self.policy = policy

    def spec(self) -> dict[str, Any]:
        """The keys of the job; ``params`` means another thing to every Airflow operator."""
        return {**super().spec(), "params": self.trainer_params}
