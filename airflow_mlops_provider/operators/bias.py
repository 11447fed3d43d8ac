"""Bias slices as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.records.policies.bias import BiasPolicy
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.requests.bias import BiasRequest
from airflow_mlops_provider.records.requests.model_or_table import require_one_source
from airflow_mlops_provider.records.requests.short_forms import (
    dataset_ref,
    given,
    model_of,
    names,
    optional,
    optional_member,
)


class BiasSliceOperator(JobOperator):
    """Measures every slice and intersection of slices against the rest of the rows.

    Without a model at hand, give a table of predictions: ``predictions`` with ``label_column`` and
    ``prediction_column``. The task succeeds whatever the verdict: promotion decides.

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
    :param seed: of the halves.
    :param policy: support, gap and significance that a finding needs, and critical slices with their own floor.
    """

    request_type = BiasRequest
    template_fields: Sequence[str] = (
        *("model", "dataset", "predictions", "label_column", "prediction_column", "slices", "metric", "task"),
        *("group_column", "evidence_root"),
    )

    def __init__(
        self,
        *,
        model: str | ModelRef | ModelSpec | Any = None,
        dataset: str | DatasetRef | Any = None,
        predictions: str | DatasetRef | Any = None,
        label_column: str | None = None,
        prediction_column: str | None = None,
        slices: Sequence[Any],
        max_depth: int = 2,
        discover: int = 0,
        discover_depth: int = 3,
        metric: str = "accuracy",
        task: Task | str | None = None,
        group_column: str | None = None,
        seed: int = 0,
        policy: BiasPolicy = BiasPolicy(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_one_source(
            self.request_type.job,
            model={"model": model, "dataset": dataset},
            table={"predictions": predictions, "label_column": label_column, "prediction_column": prediction_column},
        )
        self.model = model
        self.dataset = dataset
        self.predictions = predictions
        self.label_column = label_column
        self.prediction_column = prediction_column
        self.slices = slices
        self.max_depth = max_depth
        self.discover = discover
        self.discover_depth = discover_depth
        self.metric = metric
        self.task = task
        self.group_column = group_column
        self.seed = seed
        self.policy = policy

    def request(self, context: Context) -> BiasRequest:  # noqa: ARG002  # as in the base class
        """The keys of the job."""
        return BiasRequest(
            model=optional(model_of, self.model),
            dataset=optional(dataset_ref, self.dataset),
            predictions=optional(dataset_ref, self.predictions),
            label_column=given(self.label_column),
            prediction_column=given(self.prediction_column),
            slices=names(self.slices),
            max_depth=self.max_depth,
            discover=self.discover,
            discover_depth=self.discover_depth,
            metric=self.metric,
            task=optional_member(Task, self.task, key="task"),
            group_column=given(self.group_column),
            seed=self.seed,
            policy=self.policy,
        )
