"""Models in MLflow: runs, registered versions, aliases, and artifacts that vouch for themselves by digest."""

from __future__ import annotations

from airflow_mlops_provider.stores.models import tags
from airflow_mlops_provider.stores.models.artifact import Probe, StoredModel, content_digest
from airflow_mlops_provider.stores.models.predictor import Predictor
from airflow_mlops_provider.stores.models.runs import TrainingRun
from airflow_mlops_provider.stores.models.store import ModelStore
from airflow_mlops_provider.stores.models.trainer import Trainer, load_trainer

__all__ = [
    "ModelStore",
    "Predictor",
    "Probe",
    "StoredModel",
    "Trainer",
    "TrainingRun",
    "content_digest",
    "load_trainer",
    "tags",
]
