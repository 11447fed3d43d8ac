"""Find the worst deep intersections on one random half of the rows and test them on the other half."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.bias import measure_bias
from airflow_mlops_provider.analysis.bias.columns import SlicePlan
from airflow_mlops_provider.analysis.evaluation.metrics import Metric, Predictions
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.bias import Discovery, SliceResult

Mask = NDArray[np.bool_]


def measure_discoveries(
    scan: Callable[[Mask], Any],
    plan: SlicePlan,
    predictions: Predictions,
    metric: Metric,
    *,
    count: int,
    depth: int,
    min_support: int,
    group: str | None = None,
    groups: NDArray[Any] | None = None,
    seed: int = 0,
) -> tuple[Discovery, ...]:
    """Find the ``count`` worst intersections that are deeper than those of the plan, and measure them on both halves.

    :param scan: returns the slice columns, and the group column if there is one, of the rows of a mask of shape
        ``(n,)``, in order.
    :param plan: the columns to combine; numeric columns are cut already.
    :param predictions: of all rows.
    :param metric: what to measure.
    :param count: largest number of intersections to return.
    :param depth: largest number of columns in an intersection.
    :param min_support: rows that the intersection and the rest of the rows need in each half.
    :param group: column of the group of each row; a group is in one half only.
    :param groups: values of the group column, shape ``(n,)``.
    :param seed: seed of the random halves.
    :raises BadInputError: when ``depth`` is not above the plan's, or the plan measures every intersection already.

    Source: sample splitting, Cox 1975, "A note on data-splitting for the evaluation of significance levels".
    """
    if depth <= plan.max_depth:
        raise BadInputError(f"key 'discover_depth' is {depth}; it must be above 'max_depth' ({plan.max_depth})")
    first = _random_half(len(predictions.truth), groups, seed)
    names = [column.name for column in plan.columns]
    measured = {frozenset(columns) for columns in plan.sets}
    sizes = range(plan.max_depth + 1, min(depth, len(names)) + 1)
    deeper = [chosen for size in sizes for chosen in combinations(names, size)]
    sets = tuple(chosen for chosen in deeper if frozenset(chosen) not in measured)
    if not sets:
        raise BadInputError(
            f"key 'discover' is {count}, and 'slices' leaves nothing to discover: it names {len(names)} "
            f"column{'' if len(names) == 1 else 's'}, and all their intersections are measured anyway"
        )

    def measure(rows: Mask, wanted: tuple[tuple[str, ...], ...]) -> Sequence[SliceResult]:
        part = replace(plan, sets=wanted)
        return measure_bias(lambda: scan(rows), part, _rows_of(predictions, rows), metric, group=group).slices

    candidates = _worst(measure(first, sets), count, min_support)
    if not candidates:
        return ()
    tested = {piece.subject: piece for piece in measure(~first, tuple({piece.columns: None for piece in candidates}))}
    return tuple(Discovery(found=piece, confirmed=tested.get(piece.subject)) for piece in candidates)


def _random_half(rows: int, groups: NDArray[Any] | None, seed: int) -> Mask:
    rng = np.random.default_rng(seed)
    if groups is None:
        return rng.random(rows) < 0.5
    codes = np.unique(groups, return_inverse=True)[1]
    return np.asarray((rng.random(int(codes.max()) + 1) < 0.5)[codes])


def _worst(slices: Sequence[SliceResult], count: int, min_support: int) -> list[SliceResult]:
    """Return the slices with the smallest p-values; of several slices of the same rows, the one of fewest columns."""
    worse = [
        piece
        for piece in slices
        if piece.p_value is not None
        and piece.gap is not None
        and piece.gap > 0
        and min(piece.trials, piece.rest_trials) >= min_support
    ]
    chosen: dict[tuple[int, float | None], SliceResult] = {}
    for piece in sorted(worse, key=lambda each: (each.p_value, len(each.columns))):
        chosen.setdefault((piece.support, piece.value), piece)
    return list(chosen.values())[:count]


def _rows_of(p: Predictions, rows: Mask) -> Predictions:
    return replace(
        p,
        truth=p.truth[rows],
        predicted=None if p.predicted is None else p.predicted[rows],
        scores=None if p.scores is None else p.scores[rows],
    )
