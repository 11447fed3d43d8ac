"""A metric in every slice and intersection of slices, each against the rest of the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from airflow_mlops_provider.analysis.bias.bins import cut_plan
from airflow_mlops_provider.analysis.bias.columns import SlicePlan
from airflow_mlops_provider.analysis.bias.contingency import Kinds
from airflow_mlops_provider.analysis.bias.counts import Counts
from airflow_mlops_provider.analysis.bias.report import Terms, report_on
from airflow_mlops_provider.analysis.bias.rollup import Cells
from airflow_mlops_provider.analysis.evaluation.metrics import Metric, Predictions
from airflow_mlops_provider.records.reports.bias import BiasReport

__all__ = ["measure_bias", "measure_bias_of_classes"]


def measure_bias(
    scan: Callable[[], Any],
    plan: SlicePlan,
    predictions: Predictions,
    metric: Metric,
    *,
    group: str | None = None,
    notes: Sequence[str] = (),
) -> BiasReport:
    """Measure ``metric`` in every slice, from predictions held in memory.

    :param scan: gives the slice columns (and the group) of the same rows, in the same order, at each call.
    :param plan: what to slice by.
    :param group: column whose rows stay together: tests then count groups, not rows, as independent.
    :param notes: passed through to the report.
    """
    terms = Terms(metric=metric, predictions=predictions)
    plan = cut_plan(scan, plan)
    with Cells(scan, plan, terms=terms.matrix(), group=group) as cells:
        found = cells.roll_up(products=not terms.is_exact(group))
        return report_on(cells, terms, found, group=group, max_depth=plan.max_depth, notes=notes)


def measure_bias_of_classes(
    scan: Callable[[], Any],
    plan: SlicePlan,
    read: Callable[[Kinds], tuple[Predictions, Metric, Sequence[str]]],
    *,
    label: str,
    prediction: str,
    group: str | None = None,
) -> BiasReport:
    """Measure a metric of predicted classes in every slice, streaming: memory does not grow with the rows.

    :param scan: gives all columns anew at each call, as a reader of Arrow record batches.
    :param plan: what to slice by.
    :param read: turns the different pairs of label and prediction into predictions, one for each pair, the metric,
        and notes on how they were read.
    :param label: column of the truth.
    :param prediction: column of the predicted classes.
    :param group: as for :func:`measure_bias`.
    """
    plan = cut_plan(scan, plan)
    # Groups need sums within each of them, which DuckDB keeps better than counts along axes.
    keys = (label, prediction)
    with Cells(scan, plan, keys=keys, group=group) if group else Counts(scan, plan, keys=keys) as cells:
        predictions, metric, notes = read(cells.kinds())
        terms = Terms(metric=metric, predictions=predictions)
        found = cells.roll_up(terms.matrix(), products=not terms.is_exact(group))
        return report_on(cells, terms, found, group=group, max_depth=plan.max_depth, notes=notes)
