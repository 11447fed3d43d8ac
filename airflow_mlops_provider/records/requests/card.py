"""Keys of the ``card`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.policies.model_card import ModelCardPolicy
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.requests.request import JobRequest
from airflow_mlops_provider.records.requests.short_forms import DATASET, EVIDENCE, MODEL


@dataclass(frozen=True, kw_only=True)
class CardRequest(JobRequest):
    """Write the card of a model version.

    :param model: the version. When it is a YAML file or a declaration, the text that people wrote there is used;
        otherwise the text stored with the version at training.
    :param evidence: Outcomes or evidence URIs of the training, validation, evaluation and bias steps to report.
    :param dataset: the training data; by default what the version records.
    :param policy: the sections that must not be empty.
    :param tracking_uri: of MLflow.
    """

    job: ClassVar[str] = "card"

    model: str | ModelRef | ModelSpec = field(metadata=MODEL)
    evidence: tuple[str, ...] = field(default=(), metadata=EVIDENCE)
    dataset: DatasetRef | None = field(default=None, metadata=DATASET)
    policy: ModelCardPolicy = field(default_factory=ModelCardPolicy)
    tracking_uri: str | None = None
