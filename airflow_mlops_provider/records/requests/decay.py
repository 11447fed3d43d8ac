"""Keys of the ``decay`` job."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import Task
from airflow_mlops_provider.records.policies.decay import DecayPolicy, DecayRule
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.requests.request import JobRequest, former
from airflow_mlops_provider.records.requests.short_forms import MODEL


@dataclass(frozen=True, kw_only=True)
class Window:
    """One window of the history: its metric, or the rows to measure it on.

    :param window: its label, such as a date.
    :param rows: rows that ``value`` rests on; for a proportion those it is a share of, as the true positives' class
        for ``recall``.
    :param value: the metric.
    :param std_error: standard error of ``value``; without it, the metric must be a proportion.
    :param predictions: instead of a value: a table with the spec's ``label_column`` and ``prediction_column``.
    """

    window: str
    rows: int | None = None
    value: float | None = None
    std_error: float | None = None
    predictions: DatasetRef | str | None = None


def windows(history: Iterable[Any]) -> tuple[Window, ...]:
    """The windows of a history, given as records or as JSON."""
    return decode(_History, {"history": history}, where="decay spec").history


@dataclass(frozen=True, kw_only=True)
class _History:
    history: tuple[Window, ...]


@dataclass(frozen=True, kw_only=True)
class DecayRequest(JobRequest):
    """Judge the last window of a history against the first, which is the reference.

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
    :param tracking_uri: of MLflow, where ``model`` is looked up.
    :param seed: of the bootstrap.
    :param policy: the rule, the smallest drop that matters and the budget of false alarms.
    """

    job: ClassVar[str] = "decay"

    history: tuple[Window, ...]
    metric: str
    direction: Direction | None = None
    model: str | ModelRef | None = field(default=None, metadata=MODEL)
    label_column: str | None = field(default=None, metadata=former("label"))
    prediction_column: str | None = field(default=None, metadata=former("prediction"))
    task: Task | None = None
    group_column: str | None = None
    rule: DecayRule | None = None
    tracking_uri: str | None = None
    seed: int = 0
    policy: DecayPolicy = field(default_factory=DecayPolicy)

    def check(self) -> None:
        """Raise ``BadInputError`` for fewer than two windows, or two of one name."""
        if len(self.history) < 2:
            raise BadInputError(
                f"decay spec: 'history' needs the reference and a window to judge; it has {len(self.history)}"
            )
        names = [window.window for window in self.history]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise BadInputError(f"decay spec: window {twice!r} is in 'history' twice")
