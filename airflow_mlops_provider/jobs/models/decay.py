"""``decay``: did the metric get worse, now that labels have arrived?"""

from __future__ import annotations

import math
from dataclasses import replace

from airflow_mlops_provider.analysis.decay import measure_decay, window_of_proportion, window_of_rows
from airflow_mlops_provider.analysis.evaluation.metrics import METRICS, SLICE_METRICS, find_metric
from airflow_mlops_provider.analysis.evaluation.predictions import read_prediction_table
from airflow_mlops_provider.decisions.decay import judge_decay
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.jobs.models.predictions import groups_of, read_rows
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.decay import WindowMetric
from airflow_mlops_provider.records.requests.decay import DecayRequest, Window
from airflow_mlops_provider.stores.datasets.dataset import Dataset, open_dataset
from airflow_mlops_provider.stores.models import ModelStore

PROPORTIONS = tuple(name for name, metric in SLICE_METRICS.items() if metric.ratio is not None)
"""Metrics that are shares of rows, and so need no standard error beside the number of those rows."""


class DecayJob(Job, DecayRequest):
    """Judge the last window of a history against the first, which is the reference."""

    def run(self) -> Outcome:
        """Measure, judge and record; raises ``BadInputError`` naming the window or column that cannot be used."""
        policy = replace(self.policy, rule=self.rule) if self.rule else self.policy
        direction, model = self._direction(), self._resolved()
        inputs: dict[str, DatasetRef] = {}
        windows = [self._window(given, inputs) for given in self.history]
        report = measure_decay(self.metric, direction, windows)
        return self.record(
            Kind.DECAY,
            report=report,
            policy=policy,
            verdict=judge_decay(report, policy),
            inputs=inputs,
            dataset=inputs.get(windows[-1].window),
            model=model,
        )

    def _resolved(self) -> ModelRef | None:
        if self.model is None:
            return None
        return ModelStore(self.tracking_uri, evidence_root=self.evidence_root).resolve(self.model)

    def _window(self, given: Window, inputs: dict[str, DatasetRef]) -> WindowMetric:
        """One window as given or as measured; the tables that were read are added to ``inputs``."""
        if given.predictions is None:
            return self._given(given)
        dataset = open_dataset(given.predictions)
        inputs[given.window] = dataset.ref
        return self._measured(given, dataset)

    def _direction(self) -> Direction:
        known = SLICE_METRICS.get(self.metric)
        if known is None:
            if self.direction:
                return self.direction
            raise BadInputError(f"decay spec: metric {self.metric!r} is unknown; say which 'direction' it is better in")
        if self.metric in METRICS and self.direction not in (None, known.direction):
            raise BadInputError(
                f"decay spec: 'direction' is {self.direction}, and {self.metric} is better {known.direction}"
            )
        return self.direction or known.direction

    def _given(self, window: Window) -> WindowMetric:
        where = f"window {window.window!r}"
        if window.value is None or window.rows is None:
            missing = "value" if window.value is None else "rows"
            raise BadInputError(f"decay spec: {where} has no {missing!r} and no 'predictions'")
        if window.rows < 1:
            raise BadInputError(f"decay spec: {where} has {window.rows} rows; it needs 1 or more")
        low, high = SLICE_METRICS[self.metric].limits if self.metric in SLICE_METRICS else (-math.inf, math.inf)
        if not low <= window.value <= high:
            raise BadInputError(
                f"decay spec: {where} has {self.metric} {window.value}; it must lie between {low:g} and {high:g}"
            )
        if window.std_error is not None:
            return self._with_error(window.window, window.value, window.rows, window.std_error)
        if self.metric not in PROPORTIONS:
            raise BadInputError(
                f"decay spec: {where} has no 'std_error', and {self.metric!r} is none of the proportions "
                f"that can do without: {', '.join(PROPORTIONS)}"
            )
        return window_of_proportion(window.window, window.value, window.rows)

    def _with_error(self, name: str, value: float, rows: int, error: float) -> WindowMetric:
        if error < 0:
            raise BadInputError(f"decay spec: window {name!r} has std_error {error}; it must be 0 or more")
        return WindowMetric(window=name, rows=rows, value=value, std_error=error, is_proportion=False)

    def _measured(self, window: Window, dataset: Dataset) -> WindowMetric:
        if any(given is not None for given in (window.value, window.rows, window.std_error)):
            raise BadInputError(f"decay spec: window {window.window!r} has 'predictions' and a value; give one")
        if self.label_column is None or self.prediction_column is None:
            missing = "label_column" if self.label_column is None else "prediction_column"
            raise BadInputError(f"decay spec: key {missing!r} is missing; tables of predictions need it")
        frame = read_rows(dataset, [self.label_column, self.prediction_column, self.group_column], role="predictions")
        metric = find_metric(self.metric, SLICE_METRICS)
        table = read_prediction_table(
            frame,
            label=self.label_column,
            columns=[self.prediction_column],
            metric=metric,
            task=self.task or metric.task,
        )
        groups = groups_of(frame, self.group_column)
        return window_of_rows(window.window, metric, table.models[0], groups=groups, seed=self.seed)
