"""Compare a metric in every slice and intersection of slices with the rest of the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from airflow_mlops_provider.analysis.bias.bins import cut_plan
from airflow_mlops_provider.analysis.bias.columns import SlicePlan
from airflow_mlops_provider.analysis.bias.contingency import ContingencyTable
from airflow_mlops_provider.analysis.bias.counts import Counts
from airflow_mlops_provider.analysis.bias.report import Terms, build_report
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

    :param scan: returns the slice columns, and the group column if there is one. Each call returns the same rows in
        the same order.
    :param plan: columns and intersections to slice by.
    :param predictions: of the rows that ``scan`` returns, in the same order.
    :param metric: what to measure.
    :param group: column of the group of each row; the tests then take groups, not rows, as independent.
    :param notes: passed through to the report.
    :raises BadInputError: when a column to be cut into bins holds no numbers, a row has no group, or the metric cannot
        be measured by slice.
    """
    terms = Terms(metric=metric, predictions=predictions)
    plan = cut_plan(scan, plan)
    with Cells(scan, plan, terms=terms.matrix(), group=group) as cells:
        found = cells.roll_up(products=not terms.is_exact(group))
        return build_report(cells, terms, found, group=group, max_depth=plan.max_depth, notes=notes)


def measure_bias_of_classes(
    scan: Callable[[], Any],
    plan: SlicePlan,
    read: Callable[[ContingencyTable], tuple[Predictions, Metric, Sequence[str]]],
    *,
    label: str,
    prediction: str,
    group: str | None = None,
) -> BiasReport:
    """Measure a metric of predicted classes in every slice, from a stream of record batches.

    Memory does not grow with the number of rows.

    :param scan: returns a new reader of Arrow record batches with all columns at each call.
    :param plan: columns and intersections to slice by.
    :param read: turns the contingency table of labels and predictions into one prediction for each of its cells, the
        metric, and notes on how the columns were read.
    :param label: column of the true classes.
    :param prediction: column of the predicted classes.
    :param group: as for :func:`measure_bias`.
    :raises BadInputError: as :func:`measure_bias`, and whatever ``read`` raises.
    """
    plan = cut_plan(scan, plan)
    # Groups need sums within each group, and DuckDB keeps those better than arrays of counts do.
    keys = (label, prediction)
    with Cells(scan, plan, keys=keys, group=group) if group else Counts(scan, plan, keys=keys) as cells:
        predictions, metric, notes = read(cells.contingency_table())
        terms = Terms(metric=metric, predictions=predictions)
        found = cells.roll_up(terms.matrix(), products=not terms.is_exact(group))
        return build_report(cells, terms, found, group=group, max_depth=plan.max_depth, notes=notes)
