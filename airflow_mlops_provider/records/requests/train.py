"""Keys of the ``train`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.policies.training import TrainingPolicy
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests.request import JobRequest, former
from airflow_mlops_provider.records.requests.short_forms import DATASET
from airflow_mlops_provider.records.version_label import VersionLabel


@dataclass(frozen=True, kw_only=True)
class TrainRequest(JobRequest):
    """Train a declared model, check the stored artifact, register it and point ``challenger`` at it.

    :param model: the declaration: path or URI of its YAML, or the specification itself.
    :param dataset: rows with the features, the target, and the group and time columns that the model declares: a URI,
        a reference or the Outcome of an earlier step.
    :param tracking_uri: of MLflow.
    :param trainer_params: keyword arguments of the trainer, over those of the declaration.
    :param experiment: the last part of the version label; the start of the tracking run's id by default.
    :param policy: limits of the symmetry check and of the time that training may take.
    """

    job: ClassVar[str] = "train"

    model: str | ModelSpec
    dataset: DatasetRef = field(metadata=DATASET)
    tracking_uri: str | None = None
    trainer_params: dict[str, Any] = field(default_factory=dict, metadata=former("params"))
    experiment: str | None = None
    policy: TrainingPolicy = field(default_factory=TrainingPolicy)

    def check(self) -> None:
        """Raise ``BadInputError`` for an experiment that no version label can hold."""
        if self.experiment is not None:
            VersionLabel(name="any", experiment=self.experiment)
