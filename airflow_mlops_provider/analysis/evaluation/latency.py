"""Measure a model's prediction time and memory, and check invariants of its predictions."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.records.model_spec import Task
from airflow_mlops_provider.records.reports.evaluation import Invariant, Latency

if TYPE_CHECKING:
    import pandas as pd

MAX_CALLS = 300
MAX_BATCHES = 30
BATCH_ROWS = 1000
BUDGET_SECONDS = 2.0
"""Timing stops after this time, in seconds, with as many calls as were made by then."""


def measure_latency(
    predict: Callable[[pd.DataFrame], Any],
    frame: pd.DataFrame,
    *,
    artifact_bytes: int | None = None,
    budget_seconds: float = BUDGET_SECONDS,
) -> Latency:
    """Time ``predict`` on single rows and on a batch of up to :data:`BATCH_ROWS` rows of ``frame``.

    :param predict: predicts the rows of a frame; it is called three times for warm-up before the timing.
    :param frame: rows to predict, at least one.
    :param artifact_bytes: size of the stored model in bytes, passed through.
    :param budget_seconds: time limit in seconds, for the single rows and again for the batches.
    """
    batch = frame.iloc[:BATCH_ROWS]
    singles = [frame.iloc[[row]] for row in np.linspace(0, len(frame) - 1, min(len(frame), MAX_CALLS), dtype=int)]
    for warm_up in (singles[0], batch, singles[0]):
        predict(warm_up)
    one = _times(predict, (singles[i % len(singles)] for i in range(MAX_CALLS)), budget_seconds)
    many = _times(predict, (batch for _ in range(MAX_BATCHES)), budget_seconds)
    p50, p95, p99 = np.quantile(one, [0.5, 0.95, 0.99]) * 1000
    batch_p50, batch_p95, batch_p99 = np.quantile(many, [0.5, 0.95, 0.99]) * 1000
    return Latency(
        p50_ms=float(p50),
        p95_ms=float(p95),
        p99_ms=float(p99),
        calls=len(one),
        batch_rows=len(batch),
        batch_p50_ms=float(batch_p50),
        batch_p95_ms=float(batch_p95),
        batch_p99_ms=float(batch_p99),
        rows_per_second=len(batch) / max(float(batch_p50) / 1000, 1e-9),
        peak_memory_mb=_peak_megabytes(predict, batch),
        artifact_bytes=artifact_bytes,
    )


def _times(
    predict: Callable[[pd.DataFrame], Any], inputs: Iterator[pd.DataFrame], budget_seconds: float
) -> list[float]:
    seconds: list[float] = []
    for rows in inputs:
        started = time.perf_counter()
        predict(rows)
        seconds.append(time.perf_counter() - started)
        if sum(seconds) > budget_seconds:
            break
    return seconds


def _peak_megabytes(predict: Callable[[pd.DataFrame], Any], batch: pd.DataFrame) -> float:
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        predict(batch)
        return max(0.0, (tracemalloc.get_traced_memory()[1] - before) / 1e6)
    finally:
        if not was_tracing:
            tracemalloc.stop()


def check_invariants(
    task: Task, rows: int, predicted: NDArray[Any], scores: NDArray[Any] | None, classes: Sequence[Any]
) -> tuple[Invariant, ...]:
    """Check what must hold for the predictions of every model, whether good or bad.

    :param task: classification or regression.
    :param rows: number of rows that were given to the model.
    :param predicted: predicted classes or values, shape ``(n,)``.
    :param scores: scores of the positive class, shape ``(n,)``, or of every class, shape ``(n, k)``; ``None`` when the
        model has none.
    :param classes: classes of the model; empty for regression.
    """
    found = [_invariant("one_answer_a_row", abs(rows - len(predicted)), "the model answered {} rows too many or few")]
    if task is Task.REGRESSION:
        broken = int((~np.isfinite(np.asarray(predicted, dtype=np.float64))).sum())
        return (*found, _invariant("finite", broken, "{} predictions are NaN or infinite"))
    unknown = int((~np.isin(predicted, np.asarray(classes))).sum()) if len(classes) else 0
    found.append(_invariant("known_classes", unknown, "{} predictions are no class of the model"))
    if scores is None:
        return tuple(found)
    finite = np.isfinite(scores).reshape(rows, -1).all(axis=1)
    found.append(_invariant("finite", int((~finite).sum()), "{} rows have a score that is NaN or infinite"))
    inside = ((scores >= 0) & (scores <= 1)).reshape(rows, -1).all(axis=1) | ~finite
    found.append(_invariant("probabilities_in_range", int((~inside).sum()), "{} rows have a score outside [0, 1]"))
    if scores.ndim == 2:
        off = int((np.abs(scores.sum(axis=1) - 1)[finite] > 1e-6).sum())
        found.append(_invariant("probabilities_sum_to_one", off, "{} rows have probabilities that do not sum to 1"))
    return tuple(found)


def _invariant(name: str, violations: int, detail: str) -> Invariant:
    return Invariant(name=name, violations=violations, detail=detail.format(violations) if violations else "")
