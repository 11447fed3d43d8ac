"""One column against its reference: the tests and distances, from the two profiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.drift import descriptions as words
from airflow_mlops_provider.analysis.drift.columns import Plan, Written, nothing_before
from airflow_mlops_provider.analysis.drift.effective_sample_size import Weights
from airflow_mlops_provider.analysis.drift.profile import (
    GROUPS,
    MAX_LEVELS,
    LevelProfile,
    NumericProfile,
    grouped_counts,
    ks_interval,
)
from airflow_mlops_provider.analysis.drift.tolerance import moved_interval, robust, tolerated_move
from airflow_mlops_provider.analysis.stats.distances import jensen_shannon, psi, total_variation
from airflow_mlops_provider.analysis.stats.two_sample import (
    MIN_EXPECTED,
    chi_squared,
    ks_p_value,
    pool_rare,
    two_proportion,
)
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.drift import ColumnDrift, ColumnKind, Measure, Problem, Shift

Floats = NDArray[np.float64]
Profile = NumericProfile | LevelProfile

MIN_VALUES = 20
"""With fewer values than this on a side, a column's distribution is not judged."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DECILES = tuple(i / 10 for i in range(1, 10))
"""Where binned distances of numeric columns cut: at the reference's deciles, as is customary for PSI."""


def compare(plan: Plan, reference: Profile, current: Profile, weights: Weights) -> ColumnDrift:
    """Every test and distance of one column that its two profiles allow.

    :param weights: what one row of each side counts in the tests; distances do not depend on it.
    """
    found = _problem(plan, reference, current)
    if found is not None:
        return replace(_base(plan, plan.kind, reference, current), problem=found[0], statement=found[1])
    if isinstance(reference, NumericProfile) and isinstance(current, NumericProfile):
        as_levels = _as_levels(plan, reference, current)
        if as_levels is None:
            return _compare_numbers(plan, reference, current, weights)
        reference, current = as_levels
    if isinstance(reference, LevelProfile) and isinstance(current, LevelProfile):
        return _compare_levels(plan, reference, current, weights)
    raise BadInputError(
        f"column {plan.column!r} was profiled as numbers on one side and as levels on the other; profile it again"
    )


def _problem(plan: Plan, reference: Profile, current: Profile) -> tuple[Problem, str] | None:
    """Why the values of a column cannot be compared, with the words for it."""
    if not reference.values and not _infinite(reference):
        return Problem.REFERENCE_MISSING, nothing_before(plan.column)
    for side, where in ((reference, "the reference"), (current, "the current batch")):
        if _infinite(side):
            count = f"{_infinite(side):,} of {side.rows:,} values of {where} are infinite"
            return Problem.INFINITE, f"{plan.column}: {count}, from which no distance means anything"
    if not current.values:
        return Problem.ALL_MISSING, f"{plan.column}: every value is missing from the current batch"
    if not plan.is_declared and plan.kind is ColumnKind.NUMERIC and _are_keys(reference, current):
        return Problem.KEY, (
            f"{plan.column}: whole numbers that rise from row to row, as keys and times do, so it is not compared; "
            "'column_kinds' with \"numeric\" compares it"
        )
    return None


def _infinite(profile: Profile) -> int:
    return profile.infinite if isinstance(profile, NumericProfile) else 0


def _are_keys(reference: Profile, current: Profile) -> bool:
    """Whether a column numbers its rows: it rises on both sides, and goes on where it was or leaves no number out."""
    if not (isinstance(reference, NumericProfile) and isinstance(current, NumericProfile)):
        return False
    if not (reference.rises_throughout and current.rises_throughout):
        return False
    return current.minimum > reference.maximum or (reference.is_dense and current.is_dense)


def _as_levels(
    plan: Plan, reference: NumericProfile, current: NumericProfile
) -> tuple[LevelProfile, LevelProfile] | None:
    """Both sides as levels where the column is one of codes, or of at most two values; else ``None``."""
    if plan.kind is ColumnKind.TIME or (plan.is_declared and plan.kind is ColumnKind.NUMERIC):
        return None
    if reference.is_coded and reference.levels is not None and current.levels is not None:
        return reference.levels, current.levels
    if not reference.is_two_level():
        return None
    # The cells of the reference that hold values are atoms; each begins at its value.
    names = reference.edges[np.flatnonzero(reference.counts) - 1]
    return reference.as_levels(names), current.as_levels(names)


def _compare_numbers(plan: Plan, reference: NumericProfile, current: NumericProfile, weights: Weights) -> ColumnDrift:
    drift, shifts = _base(plan, plan.kind, reference, current), [_missing_shift(plan, reference, current, weights)]
    if min(reference.values, current.values) < MIN_VALUES:
        return _too_few(drift, shifts)
    low, high = ks_interval(reference, current)
    change = numeric_words(plan, reference, current, current.quantiles(QUANTILES))
    p_value = ks_p_value(low, reference.values * weights.reference, current.values * weights.current)
    left, left_high = moved_interval(reference, current, tolerated_move(reference))
    ks = shift(Measure.KS_D, low, p_value, change, high=high)
    ks = replace(ks, robust=robust(low, left), robust_high=robust(high, left_high))
    before, after = decile_table(reference, current)
    binned = chi_squared(before * weights.reference, after * weights.current).p_value
    return _measured(drift, [ks, *shifts], (before, after), binned)


def numeric_words(plan: Plan, reference: NumericProfile, current: NumericProfile, after: Floats) -> str:
    """Before and after of a numeric or time column.

    :param after: its quantiles in the current batch, at :data:`QUANTILES`.
    """
    text, edges = TEXTS[plan.written], reference.edges
    told = words.numeric_change(plan.column, reference.quantiles(QUANTILES), after, text, sensitive=plan.sensitive)
    if plan.sensitive:
        return told
    if not reference.knows(0.5):
        return f"{plan.column}: {words.COARSE}"
    if not reference.edges.size:
        return told
    before, now = reference.counts / reference.values, current.counts / current.values
    below, above = float(now[0] - before[0]), float(now[-1] - before[-1])
    top = edges[-2] if reference.atoms[-2] else edges[-1]
    ends = words.apart(edges[0], after[0], text)[0], words.apart(top, after[-1], text)[0]
    return told + words.outside_change((below, ends[0]), (above, ends[1]))


TEXTS: dict[Written, words.Text] = {
    Written.NUMBER: words.quantity,
    Written.MOMENT: words.moment,
    Written.CLOCK: words.clock,
    Written.DURATION: words.duration,
}
SAID_FROM = 0.05
"""P-value from which nobody reads what a column did."""
VAGUE_FROM = 0.02
"""Share of the current values in one cell from which a quantile within that cell is a guess."""


def is_vague(drift: ColumnDrift, current: NumericProfile) -> bool:
    """Whether the words for a moved column guess: a quartile lies where the reference, whose edges these are, had few
    values, in a cell full of current ones."""
    if all(shift.measure is not Measure.KS_D or shift.p_value > SAID_FROM for shift in drift.shifts):
        return False
    cells = np.clip(np.searchsorted(current.steps, QUANTILES[1:4], side="left") - 1, 0, current.counts.size - 1)
    full = current.counts[cells] > VAGUE_FROM * current.values
    return bool(np.any(full & ~current.atoms[cells]))


def decile_table(reference: NumericProfile, current: NumericProfile) -> tuple[Floats, Floats]:
    """Counts of both sides in cells cut at the edges nearest to the reference's deciles; exact for those cells."""
    if not reference.edges.size:
        return np.array([float(reference.values)]), np.array([float(current.values)])
    steps = reference.steps[1:-1]
    cuts = np.unique(np.clip(np.searchsorted(steps, DECILES), 0, steps.size - 1))

    def counts(profile: NumericProfile) -> Floats:
        return np.diff(np.concatenate([[0], profile.below[cuts], [profile.values]])).astype(np.float64)

    before, after = counts(reference), counts(current)
    seen = before + after > 0
    return before[seen], after[seen]


def _compare_levels(plan: Plan, reference: LevelProfile, current: LevelProfile, weights: Weights) -> ColumnDrift:
    drift = _base(plan, ColumnKind.CATEGORICAL, reference, current)
    shifts = [_missing_shift(plan, reference, current, weights)]
    if min(reference.values, current.values) < MIN_VALUES:
        return _too_few(drift, shifts)
    before, after = _aligned(reference, current)
    unnamed = _unnamed(reference, current)
    levels = sorted(before | after, reverse=True)
    table = (
        np.array([before.get(level, 0) for level in levels], dtype=np.float64),
        np.array([after.get(level, 0) for level in levels], dtype=np.float64),
    )
    shares = table[0] / table[0].sum(), table[1] / table[1].sum()
    grouped = reference.grouped or current.grouped
    moves = _largest_moves([words.GROUPED] * len(levels) if grouped else levels, *shares)
    change = words.level_changes(plan.column, moves, sensitive=plan.sensitive)
    # Pooled as in the test: summed over thousands of rare levels, chance alone makes a large distance.
    worth = table[0] * weights.reference, table[1] * weights.current
    cells = pool_rare(*worth)
    distance = total_variation(cells[0], cells[1]) if cells.shape[1] > 1 else 0.0
    p_value = chi_squared(*worth).p_value
    shifts = [
        shift(Measure.TVD, distance, p_value, change, high=min(1.0, distance + unnamed)),
        *shifts,
        _unseen_shift(plan, (before, after), reference, weights),
    ]
    return replace(_measured(drift, shifts, table, p_value), statement=_bounded(plan, reference, current))


def _largest_moves(levels: list[str], before: Floats, after: Floats) -> list[tuple[str, float, float]]:
    """The level whose share changed most, and the one that changed most the other way when there are more than two."""
    # Rounded, so that of the two levels of a yes/no column the "1" is named.
    change = (after - before).round(12)
    first = int(np.abs(change).argmax())
    against = int((-np.sign(change[first]) * change).argmax())
    told = (
        [first]
        if len(levels) < 3 or against == first or abs(change[against]) < abs(change[first]) / 4
        else [first, against]
    )
    return [(levels[i], float(before[i]), float(after[i])) for i in told]


def _aligned(reference: LevelProfile, current: LevelProfile) -> tuple[dict[str, int], dict[str, int]]:
    """Counts over the same levels: in groups when one side has groups, rare ones withheld when the reference's are."""
    before, after = reference.counts, current.counts
    if reference.grouped or current.grouped:
        before, after = grouped_counts(before), grouped_counts(after)
    if reference.withheld:
        rest = sum(count for level, count in after.items() if level not in before)
        before = before | {words.WITHHELD_LEVELS: reference.withheld}
        after = {level: count for level, count in after.items() if level in before} | {words.WITHHELD_LEVELS: rest}
    return before, after


def _unnamed(reference: LevelProfile, current: LevelProfile) -> float:
    """By how much a distance may exceed the one that was measured, because a shared profile withholds levels.

    Only levels that are frequent now count: those that are rare on both sides are pooled in any case.
    """
    if not reference.withheld:
        return 0.0
    now = sum(n for level, n in current.counts.items() if level not in reference.counts and n >= 2 * MIN_EXPECTED)
    return float(min(reference.withheld / reference.values, now / current.values))


def _unseen_shift(
    plan: Plan, counts: tuple[dict[str, int], dict[str, int]], reference: LevelProfile, weights: Weights
) -> Shift:
    """The share of values whose level the reference never held, beyond what its own rare levels lead to expect.

    Among the reference's own values, those whose level occurs once would be unseen by the others (Good 1953): for
    free text or identifiers that is most of them, for a short list of codes none. The two shares are compared. Of a
    shared profile, which withholds rare levels, the shares of values of unnamed levels are compared instead.
    """
    before, after = counts
    if reference.withheld:
        return _unnamed_shift(plan, counts, weights)
    n, m = sum(before.values()), sum(after.values())
    unseen = {level: count for level, count in after.items() if level not in before}
    singles = sum(count == 1 for count in before.values()) if reference.grouped else reference.singles
    total = sum(unseen.values())
    examples = dict(sorted(unseen.items(), key=lambda item: -item[1])[:3])
    return shift(
        Measure.UNSEEN_SHARE,
        max(0.0, total / m - singles / n),
        two_proportion(
            *_worth(total, m, weights.current), *_worth(singles, n, weights.reference), alternative="greater"
        ).p_value,
        words.unseen_levels(
            plan.column, total / m, singles / n, examples, sensitive=plan.sensitive or reference.grouped
        ),
    )


def _unnamed_shift(plan: Plan, counts: tuple[dict[str, int], dict[str, int]], weights: Weights) -> Shift:
    """By how much more values are of levels that a shared profile does not name: of seldom ones, or of new ones."""
    (before, n), (after, m) = ((side.get(words.WITHHELD_LEVELS, 0), sum(side.values())) for side in counts)
    return shift(
        Measure.UNSEEN_SHARE,
        max(0.0, after / m - before / n),
        two_proportion(
            *_worth(after, m, weights.current), *_worth(before, n, weights.reference), alternative="greater"
        ).p_value,
        f"{plan.column}: {words.share_change(before / n, after / m)} of values are of levels that the "
        "reference's profile does not name",
    )


def _missing_shift(plan: Plan, reference: Profile, current: Profile, weights: Weights) -> Shift:
    """The change of the share of missing values, either way."""
    before, after = reference.missing / reference.rows, current.missing / current.rows
    return shift(
        Measure.MISSING_CHANGE,
        abs(after - before),
        two_proportion(
            *_worth(reference.missing, reference.rows, weights.reference),
            *_worth(current.missing, current.rows, weights.current),
        ).p_value,
        words.missing_change(plan.column, before, after),
    )


def _worth(count: int, total: int, weight: float) -> tuple[int, int]:
    """A count and its total in rows that are worth ``weight`` each; whole, because exact tests count."""
    return (count, total) if weight == 1 else (round(count * weight), max(1, round(total * weight)))


def shift(measure: Measure, effect: float, p_value: float, statement: str, *, high: float | None = None) -> Shift:
    """A shift not yet corrected for the others; exactly known unless ``high`` gives an upper end."""
    return Shift(
        measure=measure,
        effect=effect,
        effect_high=effect if high is None else high,
        p_value=p_value,
        adjusted_p_value=p_value,
        statement=statement,
    )


def _base(plan: Plan, kind: ColumnKind, reference: Profile, current: Profile) -> ColumnDrift:
    return ColumnDrift(
        column=plan.column,
        role=plan.role,
        kind=kind,
        reference_values=reference.values,
        current_values=current.values,
    )


def _too_few(drift: ColumnDrift, shifts: list[Shift]) -> ColumnDrift:
    statement = (
        f"{drift.column}: {drift.reference_values:,} values in the reference and {drift.current_values:,} now; "
        f"{MIN_VALUES} are needed to compare"
    )
    return replace(drift, shifts=tuple(shifts), problem=Problem.TOO_FEW_VALUES, statement=statement)


def _measured(drift: ColumnDrift, shifts: list[Shift], table: tuple[Floats, Floats], p_value: float) -> ColumnDrift:
    """The column with its shifts and, for named rules, what its cells say; ``p_value`` is their chi-squared test's."""
    return replace(
        drift,
        shifts=tuple(shifts),
        distances={"psi": psi(*table), "jensen_shannon": jensen_shannon(*table)},
        p_values={"chi_squared": p_value},
    )


def _bounded(plan: Plan, reference: LevelProfile, current: LevelProfile) -> str:
    if not (reference.grouped or current.grouped):
        return ""
    return f"{plan.column}: more than {MAX_LEVELS:,} levels, compared in {GROUPS:,} groups of levels"
