"""Evaluation and the model card as tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.records.policies.evaluation import EvaluationPolicy
from airflow_mlops_provider.records.policies.model_card import ModelCardPolicy
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.requests.card import CardRequest
from airflow_mlops_provider.records.requests.evaluate import EvaluateRequest
from airflow_mlops_provider.records.requests.model_or_table import require_one_source
from airflow_mlops_provider.records.requests.short_forms import (
    dataset_ref,
    evidence_uris,
    given,
    model_of,
    optional,
    optional_member,
)
from airflow_mlops_provider.records.roles import CHAMPION


class EvaluateModelOperator(JobOperator):
    """Measures a model on held-out rows and compares it with the champion on the same rows.

    Without a model at hand, give a table of predictions: ``predictions`` with ``label_column``, ``candidate`` and, to
    compare with, ``champion``. The task succeeds whatever the verdict: promotion decides.

    :param model: the candidate: YAML (its challenger), ``models:/name/version``, ``models:/name@alias``, a reference or
        the Outcome of an earlier step.
    :param dataset: held-out rows with the label: a URI, a reference or the Outcome of an earlier step.
    :param predictions: a table that holds the truth and the models' answers as columns.
    :param label_column: column of the truth; with ``model``, the model's own target by default.
    :param candidate: column of the candidate's answers.
    :param champion: column of the champion's answers; without it the candidate is the first.
    :param metric: the deciding metric; the model's first by default.
    :param task: of the prediction table; recognised from the label by default.
    :param group_column: rows of one group stay together; the model's own by default.
    :param champion_alias: which alias of the model is the champion.
    :param seed: of every bootstrap.
    :param policy: margin, confidence and the number of rows below which an open question stays open.
    """

    request_type = EvaluateRequest
    template_fields: Sequence[str] = (
        *("model", "dataset", "predictions", "label_column", "candidate", "champion", "metric", "task"),
        *("group_column", "champion_alias", "evidence_root"),
    )

    def __init__(
        self,
        *,
        model: str | ModelRef | ModelSpec | Any = None,
        dataset: str | DatasetRef | Any = None,
        predictions: str | DatasetRef | Any = None,
        label_column: str | None = None,
        candidate: str | None = None,
        champion: str | None = None,
        metric: str | None = None,
        task: Task | str | None = None,
        group_column: str | None = None,
        champion_alias: str = CHAMPION,
        seed: int = 0,
        policy: EvaluationPolicy = EvaluationPolicy(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_one_source(
            self.request_type.job,
            model={"model": model, "dataset": dataset},
            table={"predictions": predictions, "label_column": label_column, "candidate": candidate},
        )
        self.model = model
        self.dataset = dataset
        self.predictions = predictions
        self.label_column = label_column
        self.candidate = candidate
        self.champion = champion
        self.metric = metric
        self.task = task
        self.group_column = group_column
        self.champion_alias = champion_alias
        self.seed = seed
        self.policy = policy

    def request(self, context: Context) -> EvaluateRequest:  # noqa: ARG002  # as in the base class
        """The keys of the job."""
        return EvaluateRequest(
            model=optional(model_of, self.model),
            dataset=optional(dataset_ref, self.dataset),
            predictions=optional(dataset_ref, self.predictions),
            label_column=given(self.label_column),
            candidate=given(self.candidate),
            champion=given(self.champion),
            metric=given(self.metric),
            task=optional_member(Task, self.task, key="task"),
            group_column=given(self.group_column),
            champion_alias=self.champion_alias,
            seed=self.seed,
            policy=self.policy,
        )


class ModelCardOperator(JobOperator):
    """Writes the model card from the evidence and the people's text in the model's YAML.

    :param model: the version. When it is a YAML file or a declaration, the text that people wrote there is used;
        otherwise the text stored with the version at training.
    :param evidence: Outcomes or evidence URIs of the training, validation, evaluation and bias steps to report.
    :param dataset: the training data; by default what the version records.
    :param policy: the sections that must not be empty.
    """

    request_type = CardRequest
    template_fields: Sequence[str] = ("model", "evidence", "dataset", "evidence_root")

    def __init__(
        self,
        *,
        model: str | ModelRef | ModelSpec | Any,
        evidence: Sequence[Any] = (),
        dataset: str | DatasetRef | Any = None,
        policy: ModelCardPolicy = ModelCardPolicy(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.evidence = evidence
        self.dataset = dataset
        self.policy = policy

    def request(self, context: Context) -> CardRequest:  # noqa: ARG002  # as in the base class
        """The keys of the job."""
        return CardRequest(
            model=model_of(self.model),
            evidence=evidence_uris(self.evidence),
            dataset=optional(dataset_ref, self.dataset),
            policy=self.policy,
        )
