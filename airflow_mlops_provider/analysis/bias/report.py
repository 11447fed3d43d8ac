"""Build the bias report from sums over slices: values, intervals, rates, tests and disparities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.bias.counts import Counts
from airflow_mlops_provider.analysis.bias.influence import influence_contrasts
from airflow_mlops_provider.analysis.bias.permutation import Population, permutation_p_values
from airflow_mlops_provider.analysis.bias.roc_auc import delong_contrasts
from airflow_mlops_provider.analysis.bias.rollup import Cells
from airflow_mlops_provider.analysis.bias.significance import Moments, delta_method_contrasts, proportion_p_values
from airflow_mlops_provider.analysis.bias.slices import Slice
from airflow_mlops_provider.analysis.evaluation.metrics import Metric, Predictions
from airflow_mlops_provider.analysis.stats.intervals import wilson
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.reports.bias import BiasReport, Disparity, SliceResult

Floats = NDArray[np.float64]

MAX_CLASSES = 30
"""Metrics that average over more classes are not measured by slice, because most slices lack most of the classes."""

_AVERAGES_OVER_CLASSES = ("precision", "recall", "f1", "balanced_accuracy", "mcc")

_Z = 1.959963984540054


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The terms that are added up over the rows of a slice.

    They are a 1, then the confusion counts where there are two classes, then the sums of the metric.

    :param metric: what is measured.
    :param predictions: of the rows, or of the cells of a contingency table.
    """

    metric: Metric
    predictions: Predictions

    @property
    def has_confusion(self) -> bool:
        """Whether selection rate, TPR, FPR and FNR are defined."""
        return self.predictions.is_binary and self.predictions.predicted is not None

    @property
    def metric_offset(self) -> int:
        """Position of the first sum of the metric among the terms."""
        return 4 if self.has_confusion else 1

    def matrix(self) -> Floats:
        """Return the terms of each row, shape ``(n, p)``.

        :raises BadInputError: when the metric averages over more than :data:`MAX_CLASSES` classes.
        """
        p = self.predictions
        if len(p.classes) > MAX_CLASSES and self.metric.name in _AVERAGES_OVER_CLASSES:
            name, classes = self.metric.name, len(p.classes)
            raise BadInputError(f"metric {name!r} by slice takes up to {MAX_CLASSES} classes, and there are {classes}")
        columns = [np.ones(len(p.truth))]
        if self.has_confusion:
            predicted, true = np.asarray(p.predicted == 1), np.asarray(p.truth == 1)
            columns += [(predicted & true).astype(np.float64), predicted.astype(np.float64), true.astype(np.float64)]
        return np.column_stack([*columns, self.metric.sums(p)])

    def is_exact(self, group: str | None) -> bool:
        """Whether the metric is a proportion of independent rows, so that exact tests apply."""
        return group is None and self.metric.is_proportion(self.predictions)

    def rates(self, sums: Floats) -> dict[str, float]:
        """Return those of selection rate, TPR, FPR and FNR that are defined.

        :param sums: sums of the terms over one slice, shape ``(p,)``.
        """
        if not self.has_confusion:
            return {}
        rows, hit, predicted, true = sums[:4]
        found = {"selection_rate": predicted / rows}
        if true:
            found |= {"tpr": hit / true, "fnr": 1 - hit / true}
        if rows > true:
            found["fpr"] = (predicted - hit) / (rows - true)
        return {name: float(value) for name, value in found.items()}


@dataclass(frozen=True, kw_only=True)
class _SliceStatistics:
    """What the report says of the slices, as arrays with one entry a slice."""

    trials: Floats
    rest_trials: Floats
    values: Floats
    lows: Floats
    highs: Floats
    rest_values: Floats
    p_values: Floats
    method: str


def build_report(
    cells: Cells | Counts,
    terms: Terms,
    found: Sequence[Slice],
    *,
    group: str | None,
    max_depth: int,
    notes: Sequence[str],
) -> BiasReport:
    """Build the report on the slices.

    :param cells: the rows that the slices come from.
    :param terms: what was added up.
    :param found: the sums, of all rows first, then of the slices.
    :param group: column of the group of each row; ``None`` when rows are independent.
    :param max_depth: passed through to the report, as are ``notes``.
    :raises BadInputError: when the metric cannot be measured by slice.
    """
    total, slices = found[0], list(found[1:])
    metric = terms.metric
    if metric.name == "roc_auc" and isinstance(cells, Cells):
        measured = _by_delong(cells, terms, slices, group)
    elif metric.is_expansion and isinstance(cells, Cells):
        measured = _by_influence(cells, terms, slices)
    elif terms.is_exact(group):
        measured = _by_proportion_test(terms, total, slices)
    else:
        measured = _by_delta_method(cells, terms, total, slices, group)
    results = tuple(_result(terms, piece, measured, i) for i, piece in enumerate(slices))
    return BiasReport(
        task=terms.predictions.task,
        metric=metric.name,
        direction=metric.direction,
        rows=int(total.sums[0]),
        groups=cells.groups(),
        value=float(metric.value(total.sums[None, terms.metric_offset :])[0]),
        columns=tuple(column.name for column in cells.columns),
        max_depth=max_depth,
        slices=results,
        disparities=tuple(_disparities(cells, terms, results)),
        method=measured.method,
        positive_class=terms.predictions.positive_class,
        notes=(*notes, *_bin_notes(cells)),
    )


def _by_proportion_test(terms: Terms, total: Slice, slices: Sequence[Slice]) -> _SliceStatistics:
    ratio = terms.metric.ratio
    if ratio is None:
        raise BadInputError(f"metric {terms.metric.name!r} is no proportion")
    sums = np.array([piece.sums[terms.metric_offset :] for piece in slices])
    good, trials = sums[:, ratio[0]], sums[:, ratio[1]]
    all_good, all_trials = total.sums[terms.metric_offset + ratio[0]], total.sums[terms.metric_offset + ratio[1]]
    rest_good, rest_trials = all_good - good, all_trials - trials
    if terms.metric.direction is Direction.HIGHER:
        p = proportion_p_values(trials - good, trials, rest_trials - rest_good, rest_trials)
    else:
        p = proportion_p_values(good, trials, rest_good, rest_trials)
    intervals = np.array([wilson(k, n) for k, n in zip(good, trials, strict=True)]).reshape(-1, 2)
    return _SliceStatistics(
        trials=trials,
        rest_trials=rest_trials,
        values=_ratio(good, trials),
        lows=intervals[:, 0],
        highs=intervals[:, 1],
        rest_values=_ratio(rest_good, rest_trials),
        p_values=p,
        method="two-proportion test, Fisher's exact test for small counts",
    )


def _by_delta_method(
    cells: Cells | Counts, terms: Terms, total: Slice, slices: Sequence[Slice], group: str | None
) -> _SliceStatistics:
    own = terms.metric_offset
    sums = np.array([piece.sums[own:] for piece in slices])
    products = np.array([_squares(piece.products)[own:, own:] for piece in slices])
    cross = np.array([_squares(piece.cross)[own:, own:] for piece in slices])
    rests = Moments(
        total.sums[own:] - sums,
        _squares(total.products)[own:, own:] - cross - cross.transpose(0, 2, 1) + products,
        total.units - np.array([float(piece.whole_units) for piece in slices]),
    )
    contrast = delta_method_contrasts(
        terms.metric.value,
        terms.metric.direction.sign,
        slices=Moments(sums, products, np.array([float(piece.units) for piece in slices])),
        rests=rests,
        shared=cross - products,
    )
    p_values = contrast.p_values
    if group is None:
        sizes = np.array([piece.sums[0] for piece in slices])
        population = Population(terms.metric.sums(terms.predictions), cells.counts())
        p_values = permutation_p_values(terms.metric.value, terms.metric.direction.sign, contrast, population, sizes)
    counted = terms.metric.ratio[1] if terms.metric.ratio else None
    trials = np.array([piece.sums[0] for piece in slices]) if counted is None else sums[:, counted]
    all_trials = total.sums[0] if counted is None else total.sums[own + counted]
    lowest, highest = terms.metric.limits
    lows = np.maximum(contrast.values - _Z * contrast.errors, lowest)
    highs = np.minimum(contrast.values + _Z * contrast.errors, highest)
    if terms.metric.is_proportion(terms.predictions):
        lows, highs = _effective_wilson(contrast.values, contrast.errors, trials)
    return _SliceStatistics(
        trials=trials,
        rest_trials=all_trials - trials,
        values=contrast.values,
        lows=lows,
        highs=highs,
        rest_values=contrast.rest_values,
        p_values=p_values,
        method="Welch's test of a first-order expansion over groups"
        if group
        else "permutation for slices of up to 500 rows, Welch's test of a first-order expansion for larger ones",
    )


def _effective_wilson(values: Floats, errors: Floats, trials: Floats) -> tuple[Floats, Floats]:
    """Return Wilson's intervals at the effective number of independent rows (Korn & Graubard 1998)."""
    lows, highs = np.full_like(values, np.nan), np.full_like(values, np.nan)
    for i, (value, error, rows) in enumerate(zip(values, errors, trials, strict=True)):
        if np.isfinite(value) and rows:
            effective = min(rows, value * (1 - value) / error**2) if error > 0 else rows
            share = min(max(value, 0.0), 1.0)
            lows[i], highs[i] = wilson(share * effective, effective)
    return lows, highs


def _by_delong(cells: Cells, terms: Terms, slices: Sequence[Slice], group: str | None) -> _SliceStatistics:
    members = (cells.rows_of(piece) for piece in slices)
    found = delong_contrasts(terms.predictions, members, cells.group_codes())
    rows = np.array([piece.sums[0] for piece in slices])
    return _SliceStatistics(
        trials=found.trials,
        rest_trials=found.rest_trials,
        values=found.values,
        lows=np.clip(found.values - _Z * found.errors, 0, 1),
        highs=np.clip(found.values + _Z * found.errors, 0, 1),
        rest_values=found.rest_values,
        p_values=np.where(rows > 0, found.p_values, np.nan),
        method=f"DeLong's test over {'groups' if group else 'rows'}",
    )


def _by_influence(cells: Cells, terms: Terms, slices: Sequence[Slice]) -> _SliceStatistics:
    members = (cells.rows_of(piece) for piece in slices)
    found = influence_contrasts(terms.metric, terms.predictions, members, cells.group_codes())
    lowest, highest = terms.metric.limits
    return _SliceStatistics(
        trials=found.trials,
        rest_trials=found.rest_trials,
        values=found.values,
        lows=np.maximum(found.values - _Z * found.errors, lowest),
        highs=np.minimum(found.values + _Z * found.errors, highest),
        rest_values=found.rest_values,
        p_values=found.p_values,
        method=f"normal test of the influence of {'rows' if cells.group_codes() is None else 'groups'}",
    )


def _squares(products: Floats | None) -> Floats:
    if products is None:
        raise BadInputError("no products of terms were added up")
    return products


def _result(terms: Terms, piece: Slice, measured: _SliceStatistics, i: int) -> SliceResult:
    value, rest_value = _number(measured.values[i]), _number(measured.rest_values[i])
    gap = None
    if value is not None and rest_value is not None:
        gap = terms.metric.direction.sign * (rest_value - value) + 0.0  # no minus before a zero
    return SliceResult(
        subject=piece.subject,
        columns=piece.columns,
        support=int(piece.sums[0]),
        trials=int(measured.trials[i]),
        units=piece.units,
        rest_trials=int(measured.rest_trials[i]),
        value=value,
        low=None if value is None else _number(measured.lows[i]),
        high=None if value is None else _number(measured.highs[i]),
        rest_value=rest_value,
        gap=gap,
        p_value=None if gap is None else _number(measured.p_values[i]),
        rates=terms.rates(piece.sums),
    )


def _disparities(cells: Cells | Counts, terms: Terms, slices: Sequence[SliceResult]) -> Iterator[Disparity]:
    """Yield the largest minus the smallest rate over the slices of each set of columns, as Fairlearn defines it."""
    if not terms.has_confusion:
        return
    for names in cells.sets:
        rates = [piece.rates for piece in slices if piece.columns == names]
        odds = [spread for rate in ("tpr", "fpr") if (spread := _spread(rates, rate)) is not None]
        yield Disparity(
            columns=names,
            demographic_parity_difference=_spread(rates, "selection_rate") or 0.0,
            equalised_odds_difference=max(odds, default=None),
        )


def _spread(rates: Sequence[dict[str, float]], name: str) -> float | None:
    found = [each[name] for each in rates if name in each]
    return max(found) - min(found) if found else None


def _bin_notes(cells: Cells | Counts) -> Iterator[str]:
    for column in cells.columns:
        if column.edges:
            edges = ", ".join(f"{edge:.10g}" for edge in column.edges)
            yield f"column {column.name!r} was cut at {edges}"


def _ratio(a: Floats, b: Floats) -> Floats:
    return np.divide(a, b, out=np.full_like(a, np.nan), where=b > 0)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
