"""Shifts of one column: of its missing values, of its unseen levels, and how any of them is recorded."""

from __future__ import annotations

from dataclasses import replace

from airflow_mlops_provider.analysis.drift import descriptions
from airflow_mlops_provider.analysis.drift.columns import Plan
from airflow_mlops_provider.analysis.drift.effective_sample_size import Weights
from airflow_mlops_provider.analysis.drift.profile import LevelProfile, NumericProfile
from airflow_mlops_provider.analysis.stats.two_sample import two_proportion
from airflow_mlops_provider.records.reports.drift import Measure, Shift


def unseen_shift(
    plan: Plan,
    counts: tuple[dict[str, int], dict[str, int]],
    profiles: tuple[LevelProfile, LevelProfile],
    weights: Weights,
) -> Shift:
    """Compare the share of values with unseen levels with the share that is expected from the reference (Good 1953).

    The expected share is that of the reference's values whose level occurs once. It is large for free text and
    identifiers, and zero for a short list of codes. A shared profile withholds rare levels; for it the shares of values
    with withheld or new levels are compared instead.
    """
    (before, after), reference = counts, profiles[0]
    if reference.withheld:
        return _withheld_shift(plan, counts, weights)
    if profiles[1].withheld:
        return _unseen_between(plan, profiles, weights)
    n, m = sum(before.values()), sum(after.values())
    unseen = {level: count for level, count in after.items() if level not in before}
    singles = sum(count == 1 for count in before.values()) if reference.grouped else reference.singles
    total = sum(unseen.values())
    examples = dict(sorted(unseen.items(), key=lambda item: -item[1])[:3])
    statement = descriptions.unseen_levels(
        plan.column, total / m, singles / n, examples, sensitive=plan.sensitive or reference.grouped
    )
    return _unseen((total, m), (singles, n), weights, statement)


def _unseen_between(
    plan: Plan,
    profiles: tuple[LevelProfile, LevelProfile],
    weights: Weights,
) -> Shift:
    """Do the same where the current profile withholds its rare levels, all or none of which may be unseen."""
    reference, current = profiles
    unseen = {level: count for level, count in current.counts.items() if level not in reference.counts}
    least, n, m, singles = sum(unseen.values()), reference.values, current.values, reference.singles
    examples = dict(sorted(unseen.items(), key=lambda item: -item[1])[:3])
    statement = descriptions.unseen_levels(plan.column, least / m, singles / n, examples, sensitive=plan.sensitive)
    low, high = (_unseen((total, m), (singles, n), weights, statement) for total in (least, least + current.withheld))
    return replace(low, effect_high=high.effect, p_value_low=high.p_value)


def _unseen(found: tuple[int, int], expected: tuple[int, int], weights: Weights, statement: str) -> Shift:
    """Return the shift of the share of values with unseen levels, each given as values and their total."""
    return shift(
        Measure.UNSEEN_SHARE,
        max(0.0, found[0] / found[1] - expected[0] / expected[1]),
        two_proportion(
            *_effective_counts(*found, weights.current),
            *_effective_counts(*expected, weights.reference),
            alternative="greater",
        ).p_value,
        statement,
    )


def _withheld_shift(plan: Plan, counts: tuple[dict[str, int], dict[str, int]], weights: Weights) -> Shift:
    """Compare the shares of values with levels that a shared profile does not name, which are rare or new ones."""
    (before, n), (after, m) = ((side.get(descriptions.WITHHELD_LEVELS, 0), sum(side.values())) for side in counts)
    return shift(
        Measure.UNSEEN_SHARE,
        max(0.0, after / m - before / n),
        two_proportion(
            *_effective_counts(after, m, weights.current),
            *_effective_counts(before, n, weights.reference),
            alternative="greater",
        ).p_value,
        f"{plan.column}: {descriptions.share_change(before / n, after / m)} of values are of levels that the "
        "reference's profile does not name",
    )


def missing_shift(
    plan: Plan, reference: NumericProfile | LevelProfile, current: NumericProfile | LevelProfile, weights: Weights
) -> Shift:
    """Compare the shares of missing values, two-sided."""
    before, after = reference.missing / reference.rows, current.missing / current.rows
    return shift(
        Measure.MISSING_CHANGE,
        abs(after - before),
        two_proportion(
            *_effective_counts(reference.missing, reference.rows, weights.reference),
            *_effective_counts(current.missing, current.rows, weights.current),
        ).p_value,
        descriptions.missing_change(plan.column, before, after),
    )


def _effective_counts(count: int, total: int, weight: float) -> tuple[int, int]:
    """Return a count and its total times ``weight``, rounded, because exact tests need whole numbers."""
    return (count, total) if weight == 1 else (round(count * weight), max(1, round(total * weight)))


def shift(measure: Measure, effect: float, p_value: float, statement: str, *, high: float | None = None) -> Shift:
    """Return a shift whose p-value is not yet adjusted for multiple tests.

    :param measure: what was measured.
    :param effect: the effect, or the lower end of its interval.
    :param p_value: p-value of the test.
    :param statement: the change as a sentence.
    :param high: upper end of the interval of the effect; the effect is exact without one.
    """
    return Shift(
        measure=measure,
        effect=effect,
        effect_high=effect if high is None else high,
        p_value=p_value,
        adjusted_p_value=p_value,
        statement=statement,
    )
