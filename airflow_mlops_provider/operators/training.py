"""Training as a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.policies.training import TrainingPolicy
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests.short_forms import dataset_ref, given
from airflow_mlops_provider.records.requests.train import TrainRequest
from airflow_mlops_provider.records.verdict import Status


class TrainOperator(JobOperator):
    """Trains the declared model and registers it in MLflow as a new version with the alias ``challenger``.

    A retry in the same Dag run goes on with the same MLflow run and never registers a second version.

    :param model: the declaration: path or URI of its YAML, or the specification itself.
    :param dataset: rows with the features, the target, and the group and time columns that the model declares: a URI, a
        reference or the Outcome of an earlier step.
    :param trainer_params: keyword arguments of the trainer, over those of the declaration.
    :param experiment: the last part of the version label; the start of the tracking run's id by default.
    :param policy: limits of the symmetry check and of the time that training may take.
    """

    request_type = TrainRequest
    default_fail_on = (Status.FAIL,)
    template_fields: Sequence[str] = ("model", "dataset", "trainer_params", "experiment", "evidence_root")

    def __init__(
        self,
        *,
        model: str | ModelSpec,
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

    def request(self, context: Context) -> TrainRequest:  # noqa: ARG002  # every request may look at the running task
        """The keys of the job."""
        return TrainRequest(
            model=self.model,
            dataset=dataset_ref(self.dataset),
            trainer_params=dict(self.trainer_params or {}),
            experiment=given(self.experiment),
            policy=self.policy,
        )
