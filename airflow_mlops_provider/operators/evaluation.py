"""Evaluation and the model card as tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.policies.evaluation import EvaluationPolicy
from airflow_mlops_provider.records.policies.model_card import ModelCardPolicy
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.roles import CHAMPION


class EvaluateModelOperator(JobOperator):
    """Measures a model on held-out rows and compares it with the champion on the same rows.

    The task succeeds whatever the verdict: promotion decides.

    :param model: ``models:/name/version``, :class:`ModelRef` or the Outcome of a training task.
    :param dataset: the held-out rows, with labels: URI, :class:`DatasetRef` or an upstream Outcome.
    :param champion_alias: the alias of the model to beat; without one, a dummy is to be beaten.
    :param policy: margin, confidence and the number of rows below which an open question stays open.
    """

    job = "evaluate"
    keys = ("model", "dataset", "champion_alias", "policy")
    template_fields: Sequence[str] = ("model", "dataset", "champion_alias", "evidence_root")

    def __init__(
        self,
        *,
        model: str | ModelRef | Any,
        dataset: str | DatasetRef | Any,
        champion_alias: str = CHAMPION,
        policy: EvaluationPolicy = EvaluationPolicy(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.dataset = dataset
        self.champion_alias = champion_alias
        self.policy = policy


class ModelCardOperator(JobOperator):
    """Writes the model card from the evidence and the people's text in the model's YAML.

    :param model: ``models:/name/version``, :class:`ModelRef` or the Outcome of a training task.
    :param evidence: Outcomes or evidence URIs that the card reports on.
    :param policy: the sections that must not be empty.
    """

    job = "card"
    keys = ("model", "evidence", "policy")
    template_fields: Sequence[str] = ("model", "evidence", "evidence_root")

    def __init__(
        self,
        *,
        model: str | ModelRef | Any,
        evidence: Sequence[Any] = (),
        policy: ModelCardPolicy = ModelCardPolicy(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.evidence = evidence
        self.policy = policy
