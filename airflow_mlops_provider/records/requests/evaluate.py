"""Keys of the ``evaluate`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.records.policies.evaluation import EvaluationPolicy
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.requests.model_or_table import require_one_source
from airflow_mlops_provider.records.requests.request import JobRequest, former
from airflow_mlops_provider.records.requests.short_forms import DATASET, MODEL
from airflow_mlops_provider.records.roles import CHAMPION


@dataclass(frozen=True, kw_only=True)
class EvaluateRequest(JobRequest):
    """Measure a candidate and judge it by the promotion rule; give either a model or a table of predictions.

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
    :param tracking_uri: of MLflow.
    :param seed: of every bootstrap.
    :param policy: margin, confidence and the number of rows below which an open question stays open.
    """

    job: ClassVar[str] = "evaluate"

    model: str | ModelRef | ModelSpec | None = field(default=None, metadata=MODEL)
    dataset: DatasetRef | None = field(default=None, metadata=DATASET)
    predictions: DatasetRef | None = field(default=None, metadata=DATASET)
    label_column: str | None = field(default=None, metadata=former("label"))
    candidate: str | None = None
    champion: str | None = None
    metric: str | None = None
    task: Task | None = None
    group_column: str | None = None
    champion_alias: str = CHAMPION
    tracking_uri: str | None = None
    seed: int = 0
    policy: EvaluationPolicy = field(default_factory=EvaluationPolicy)

    def check(self) -> None:
        """Raise ``BadInputError`` unless there is one source, and for a seed below 0."""
        require_one_source(
            self.job,
            model={"model": self.model, "dataset": self.dataset},
            table={"predictions": self.predictions, "label_column": self.label_column, "candidate": self.candidate},
        )
        if self.seed < 0:
            raise BadInputError(f"evaluate spec: key 'seed' is {self.seed}; it must be 0 or more")
