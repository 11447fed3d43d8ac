"""Keys of the ``bias`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.records.policies.bias import BiasPolicy
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.requests.model_or_table import require_one_source
from airflow_mlops_provider.records.requests.request import JobRequest, former
from airflow_mlops_provider.records.requests.short_forms import DATASET, MODEL


@dataclass(frozen=True, kw_only=True)
class BiasRequest(JobRequest):
    """Measure and judge every slice; give either a model or a table of predictions.

    :param model: YAML (its challenger), ``models:/name/version``, ``models:/name@alias``, a reference or the Outcome of
        an earlier step.
    :param dataset: held-out rows with the label and the columns to slice by: a URI, a reference or the Outcome of an
        earlier step.
    :param predictions: a table that holds truth, answers and the columns to slice by.
    :param label_column: column of the truth; with ``model``, the model's own target by default.
    :param prediction_column: column of the answers.
    :param slices: column names; lists of names for explicit intersections; ``{"column": ..., "bins": [edges]}`` or
        ``{"column": ..., "quantiles": n}`` for numbers.
    :param max_depth: how many columns an intersection combines at most.
    :param discover: how many of the worst deeper intersections to find on one half of the rows and test on the other.
    :param discover_depth: how many columns these combine at most.
    :param metric: what is measured in each slice.
    :param task: of the prediction table; follows from the metric by default.
    :param group_column: rows of one group stay together; the model's own by default.
    :param tracking_uri: of MLflow.
    :param seed: of the halves.
    :param policy: support, gap and significance that a finding needs, and critical slices with their own floor.
    """

    job: ClassVar[str] = "bias"

    model: str | ModelRef | ModelSpec | None = field(default=None, metadata=MODEL)
    dataset: DatasetRef | None = field(default=None, metadata=DATASET)
    predictions: DatasetRef | None = field(default=None, metadata=DATASET)
    label_column: str | None = field(default=None, metadata=former("label"))
    prediction_column: str | None = field(default=None, metadata=former("prediction"))
    slices: tuple[Any, ...]
    max_depth: int = 2
    discover: int = 0
    discover_depth: int = 3
    metric: str = "accuracy"
    task: Task | None = None
    group_column: str | None = None
    tracking_uri: str | None = None
    seed: int = 0
    policy: BiasPolicy = field(default_factory=BiasPolicy)

    def check(self) -> None:
        """Raise ``BadInputError`` unless there is one source, and for a number below 0."""
        table = {
            "predictions": self.predictions,
            "label_column": self.label_column,
            "prediction_column": self.prediction_column,
        }
        require_one_source(self.job, model={"model": self.model, "dataset": self.dataset}, table=table)
        for key, value in (("discover", self.discover), ("seed", self.seed)):
            if value < 0:
                raise BadInputError(f"bias spec: key {key!r} is {value}; it must be 0 or more")
