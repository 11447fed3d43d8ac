"""What is measured of a metric over time, once labels have arrived."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_mlops_provider.records.metric_limits import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowMetric:
    """The metric in one window.

    :param window: its label, such as a date.
    :param rows: rows that the value rests on; for a proportion, the rows it is a share of.
    :param value: the metric.
    :param std_error: standard error of ``value``, in units of the metric.
    :param is_proportion: whether ``value`` is a share of ``rows``, so that exact counts can be compared.
    """

    window: str
    rows: int
    value: float
    std_error: float
    is_proportion: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cusum:
    """A one-sided cumulative sum of standardised losses, for drops too slow for any single window to show.

    :param score: where it stands at the last window, in standard deviations of a window.
    :param baseline_windows: how many windows, from the first on, say what is usual.
    :param drop: mean loss of the windows since the sum was last zero against the baseline, in units of the metric.
    :param since: the window in which the present rise began; empty when the sum is zero.
    """

    score: float
    baseline_windows: int
    drop: float
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecayReport:
    """The last window of a history against the first, the reference.

    :param metric: its name.
    :param direction: which way it is better.
    :param windows: oldest first; the first is the reference and the last is judged.
    :param drop: how much worse the last window is than the reference, in units of the metric; negative when better.
    :param p_value: one-sided, of the hypothesis that the last window is no worse than the reference.
    :param between: standard deviation of the metric between windows beyond what sampling explains; ``None`` when there
        are too few windows to know, and rows are then taken as independent.
    :param method: the test that ``p_value`` comes from.
    :param cusum: ``None`` when there are too few windows.
    """

    metric: str
    direction: Direction
    windows: tuple[WindowMetric, ...]
    drop: float
    p_value: float
    between: float | None
    method: str
    cusum: Cusum | None
