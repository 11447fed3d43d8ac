"""Decay of a metric as a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.model_spec import Direction
from airflow_mlops_provider.records.policies.decay import DecayPolicy
from airflow_mlops_provider.records.refs import ModelRef


class DecayOperator(JobOperator):
    """Judges the last window of labelled rows against the first, the reference.

    The task succeeds whatever the verdict; ``on_success_callback=MLOpsSlackNotifier()`` tells of a drop.

    :param history: windows, oldest first: each ``{"window": label}`` with ``predictions`` (the URI of a table), or with
        ``value``, ``rows`` and, unless the metric is a proportion, ``std_error``.
    :param metric: what is watched.
    :param direction: which way it is better, for a metric that the provider does not know.
    :param model: the model it is of: ``models:/name@alias``, :class:`ModelRef` or the Outcome of a training task.
    :param label_column: column of the truth in tables of predictions.
    :param prediction_column: column of the model's answers there.
    :param group_column: rows of one group are resampled together.
    :param policy: the rule, the smallest drop that matters and the budget of false alarms.
    """

    job = "decay"
    keys = ("history", "metric", "direction", "model", "group_column", "policy")
    template_fields: Sequence[str] = ("history", "model", "evidence_root")

    def __init__(
        self,
        *,
        history: Sequence[Mapping[str, Any]] | Any,
        metric: str,
        direction: Direction | str | None = None,
        model: str | ModelRef | Any = None,
        label_column: str | None = None,
        prediction_column: str | None = None,
        group_column: str | None = None,
        policy: DecayPolicy = DecayPolicy(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.history = history
        self.metric = metric
        self.direction = direction
        self.model = model
        self.label_column = label_column
        self.prediction_column = prediction_column
        self.group_column = group_column
        self.policy = policy

    def spec(self) -> dict[str, Any]:
        """The keys of the job; an operator's ``label`` is what Airflow's UI calls it, so columns are named as such."""
        return {**super().spec(), "label": self.label_column, "prediction": self.prediction_column}
