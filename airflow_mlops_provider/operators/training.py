"""Training as a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.refs import DatasetRef


class TrainOperator(JobOperator):
    """Trains the declared model and registers it in MLflow as a new version with the alias ``challenger``.

    A retry in the same Dag run goes on with the same MLflow run and never registers a second version.

    :param model: path or URI of the model's YAML, or a :class:`ModelSpec`.
    :param dataset: URI, :class:`DatasetRef` or the Outcome of an upstream task.
    :param trainer_params: replace keyword arguments of the trainer.
    """

    job = "train"
    keys = ("model", "dataset")
    template_fields: Sequence[str] = ("model", "dataset", "trainer_params", "evidence_root")

    def __init__(
        self,
        *,
        model: str | ModelSpec | Any,
        dataset: str | DatasetRef | Any,
        trainer_params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.dataset = dataset
        self.trainer_params = trainer_params

    def spec(self) -> dict[str, Any]:
        """The keys of the job; ``params`` means another thing to every Airflow operator."""
        return {**super().spec(), "params": self.trainer_params}
