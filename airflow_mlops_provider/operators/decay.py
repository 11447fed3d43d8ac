"""Decay of a metric as a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import Task
from airflow_mlops_provider.records.policies.decay import DecayPolicy, DecayRule
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.requests.decay import DecayRequest, Window, windows
from airflow_mlops_provider.records.requests.short_forms import given, model_ref, optional, optional_member


class DecayOperator(JobOperator):
    """Judges the last window of labelled rows against the first, the reference.

    The task succeeds whatever the verdict; ``on_success_callback=MLOpsSlackNotifier()`` tells of a drop.

    :param history: two or more windows, oldest first; the first is the reference, such as the held-out rows that the
        model was promoted on. Each has a label, ``window``, and either ``predictions`` (a table) or ``value``, ``rows``
        and, unless the metric is a proportion, ``std_error``.
    :param metric: what the values are; of any name when every window has a ``std_error``.
    :param direction: which way it is better; follows from a metric that is known.
    :param model: which model the metric is of: ``models:/name/version``, ``models:/name@alias``, a reference or the
        Outcome of an earlier step; the evidence then names it.
    :param label_column: column of the truth in tables of predictions.
    :param prediction_column: column of the model's answers there.
    :param task: of these tables; follows from the metric by default.
    :param group_column: rows of one group are resampled together.
    :param rule: short for the key of the same name in ``policy``.
    :param seed: of the bootstrap.
    :param policy: the rule, the smallest drop that matters and the budget of false alarms.
    """

    request_type = DecayRequest
    template_fields: Sequence[str] = (
        *("history", "metric", "direction", "model", "label_column", "prediction_column", "task", "group_column"),
        *("rule", "evidence_root"),
    )

    def __init__(
        self,
        *,
        history: Sequence[Window | Mapping[str, Any]] | Any,
        metric: str,
        direction: Direction | str | None = None,
        model: str | ModelRef | Any = None,
        label_column: str | None = None,
        prediction_column: str | None = None,
        task: Task | str | None = None,
        group_column: str | None = None,
        rule: DecayRule | str | None = None,
        seed: int = 0,
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
        self.task = task
        self.group_column = group_column
        self.rule = rule
        self.seed = seed
        self.policy = policy

    def request(self, context: Context) -> DecayRequest:  # noqa: ARG002  # as in the base class
        """The keys of the job."""
        return DecayRequest(
            history=windows(self.history),
            metric=self.metric,
            direction=optional_member(Direction, self.direction, key="direction"),
            model=optional(model_ref, self.model),
            label_column=given(self.label_column),
            prediction_column=given(self.prediction_column),
            task=optional_member(Task, self.task, key="task"),
            group_column=given(self.group_column),
            rule=optional_member(DecayRule, self.rule, key="rule"),
            seed=self.seed,
            policy=self.policy,
        )
