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
    :param params: replace keyword arguments of the trainer.
    """

    job = "train"
    keys = ("model", "dataset", "params")
    template_fields: Sequence[str] = ("model", "dataset", "params", "evidence_root")

    def __init__(
        self,
        *,
        model: str | ModelSpec | Any,
        dataset: str | DatasetRef | Any,
        params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.dataset = dataset
        self.params = params
