"""Measure whether a metric got worse: compare the last window with the first, and with the history of windows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from airflow_mlops_provider.analysis.evaluation.metrics import Metric, Predictions
from airflow_mlops_provider.analysis.stats.paired import bootstrap, by_group
from airflow_mlops_provider.analysis.stats.two_sample import Alternative, two_proportion
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.reports.decay import Cusum, DecayReport, WindowMetric

Floats = NDArray[np.float64]

BASELINE_WINDOWS = 30
"""Number of first windows from which the usual variation of the metric is estimated."""
ALLOWANCE = 0.5
"""Standard deviations by which a window may be worse than usual without adding to the cumulative sum (Page's k)."""


def window_of_rows(
    window: str, metric: Metric, predictions: Predictions, *, groups: ArrayLike | None = None, seed: int = 0
) -> WindowMetric:
    """Measure the metric of one window's rows, with its standard error.

    The error is the binomial one when the metric is a proportion of independent rows, else that of a bootstrap.

    :param window: name of the window.
    :param metric: what to measure.
    :param predictions: of the ``n`` rows of the window.
    :param groups: group of each row, shape ``(n,)``; the rows of a group are resampled together.
    :param seed: seed of the bootstrap.

    Source: Efron 1979, "Bootstrap methods: another look at the jackknife".
    """
    sums = metric.sums(predictions)
    if groups is None and metric.ratio is not None and metric.is_proportion(predictions):
        successes, trials = (int(sums[:, at].sum()) for at in metric.ratio)
        if trials:
            return window_of_proportion(window, successes / trials, trials)
    draws = bootstrap(by_group(sums, groups), metric.value, seed=seed)
    return WindowMetric(
        window=window,
        rows=len(predictions.truth),
        value=metric.of(predictions),
        std_error=float(draws.std(ddof=1)),
        is_proportion=False,
    )


def window_of_proportion(window: str, value: float, rows: int) -> WindowMetric:
    """Return the window of a metric that is a proportion of rows, with its binomial error.

    :param window: name of the window.
    :param value: the proportion, in [0, 1].
    :param rows: number of rows of the denominator, above 0.
    """
    return WindowMetric(
        window=window, rows=rows, value=value, std_error=math.sqrt(value * (1 - value) / rows), is_proportion=True
    )


def measure_decay(metric: str, direction: Direction, windows: Sequence[WindowMetric]) -> DecayReport:
    """Compare the last window with the first, and with enough history measure a cumulative sum over the windows.

    The test is the two-proportion test, or the normal test with both standard errors. With enough history, the test
    includes the variance between windows, and the cumulative sum (CUSUM) shows slow decay.

    :param metric: name of the metric.
    :param direction: whether higher or lower values are better.
    :param windows: two or more windows, the oldest first.

    Source: two-proportion test after Fleiss, Levin & Paik; variance between windows by the method of moments,
    DerSimonian & Laird 1986; cumulative sum after Page 1954, "Continuous inspection schemes".
    """
    reference, current = windows[0], windows[-1]
    drop = (reference.value - current.value) * direction.sign
    between = _deviation_between(windows[:-1])
    p_value, method = _p_value_and_method(reference, current, drop, between or 0.0, direction)
    return DecayReport(
        metric=metric,
        direction=direction,
        windows=tuple(windows),
        drop=drop,
        p_value=p_value,
        between=between,
        method=method,
        cusum=_cusum(windows, direction),
    )


def _deviation_between(history: Sequence[WindowMetric]) -> float | None:
    if len(history) < BASELINE_WINDOWS:
        return None
    baseline = history[:BASELINE_WINDOWS]
    sampling = np.mean([window.std_error**2 for window in baseline])
    return math.sqrt(max(0.0, float(_values(baseline).var(ddof=1) - sampling)))


def _p_value_and_method(
    reference: WindowMetric, current: WindowMetric, drop: float, between: float, direction: Direction
) -> tuple[float, str]:
    if reference.is_proportion and current.is_proportion and not between:
        return _two_proportion_p_value(reference, current, direction), "two proportions"
    error = math.sqrt(reference.std_error**2 + current.std_error**2 + 2 * between**2)
    if not error:
        return (0.0 if drop > 0 else 1.0), "normal"
    return float(special.ndtr(-drop / error)), "normal, with the variance between windows" if between else "normal"


def _two_proportion_p_value(reference: WindowMetric, current: WindowMetric, direction: Direction) -> float:
    alternative: Alternative = "greater" if direction is Direction.HIGHER else "less"
    before, now = (round(window.value * window.rows) for window in (reference, current))
    return two_proportion(before, reference.rows, now, current.rows, alternative=alternative).p_value


def _cusum(windows: Sequence[WindowMetric], direction: Direction) -> Cusum | None:
    """Return the cumulative sum over the windows after the baseline, standardised by the baseline."""
    if len(windows) <= BASELINE_WINDOWS:
        return None
    baseline, later = windows[:BASELINE_WINDOWS], windows[BASELINE_WINDOWS:]
    usual = float(_values(baseline).mean())
    sampling = math.sqrt(float(np.mean([window.std_error**2 for window in baseline])))
    spread = max(float(_values(baseline).std(ddof=1)), sampling)
    losses = (usual - _values(later)) * direction.sign
    score, since = 0.0, 0
    for at, loss in enumerate(losses):
        new_score = score + _standardised(float(loss), spread) - ALLOWANCE
        since = at if score == 0 else since
        score = max(0.0, new_score)
    return Cusum(
        score=score,
        baseline_windows=len(baseline),
        drop=float(losses[since:].mean()) if score else 0.0,
        since=later[since].window if score else "",
    )


def _standardised(loss: float, spread: float) -> float:
    """Return the loss in standard deviations; a large finite number when the metric never varied."""
    if spread:
        return loss / spread
    return math.copysign(_LARGEST, loss) if loss else 0.0


_LARGEST = 1e6


def _values(windows: Sequence[WindowMetric]) -> Floats:
    return np.array([window.value for window in windows], dtype=np.float64)
