"""Counts of two sides over the same levels, also where a profile groups its levels or withholds rare ones."""

from __future__ import annotations

from airflow_mlops_provider.analysis.drift import descriptions
from airflow_mlops_provider.analysis.drift.profile import LevelProfile, grouped_counts
from airflow_mlops_provider.analysis.stats.two_sample import MIN_EXPECTED


def aligned_counts(reference: LevelProfile, current: LevelProfile) -> tuple[dict[str, int], dict[str, int], float]:
    """Return the counts of both sides over the same levels, and by how much they may understate the distance.

    They are counts of groups when one side has groups. Levels that a shared profile withholds are one level.
    """
    before, after = reference.counts, current.counts
    if reference.grouped or current.grouped:
        before, after = grouped_counts(before), grouped_counts(after)
    if current.withheld:
        return _over_common_levels(reference, current)
    if not reference.withheld:
        return before, after, 0.0
    rest = sum(count for level, count in after.items() if level not in before)
    named = {level: count for level, count in after.items() if level in before}
    return (
        before | {descriptions.WITHHELD_LEVELS: reference.withheld},
        named | {descriptions.WITHHELD_LEVELS: rest},
        _withheld_excess(reference, current),
    )


def _over_common_levels(reference: LevelProfile, current: LevelProfile) -> tuple[dict[str, int], dict[str, int], float]:
    """Return the counts over the frequent levels that both sides name, where the current one withholds some.

    All other levels are one. Their shares may be those of the same levels or of different ones, so the distance may be
    larger by the smaller share.
    """
    share = min(reference.values, current.values) / (reference.values + current.values)
    common = [
        level
        for level, count in current.counts.items()
        if level in reference.counts and (count + reference.counts[level]) * share >= MIN_EXPECTED
    ]
    counts = [{level: side.counts[level] for level in common} for side in (reference, current)]
    rests = [side.values - sum(named.values()) for side, named in zip((reference, current), counts, strict=True)]
    before, after = (named | {descriptions.WITHHELD_LEVELS: rest} for named, rest in zip(counts, rests, strict=True))
    return before, after, min(rests[0] / reference.values, rests[1] / current.values)


def _withheld_excess(reference: LevelProfile, current: LevelProfile) -> float:
    """Return by how much the distance may exceed the measured one, because the reference's profile withholds levels.

    Only levels that are frequent in the current batch count, because levels that are rare on both sides are pooled.
    """
    now = sum(n for level, n in current.counts.items() if level not in reference.counts and n >= 2 * MIN_EXPECTED)
    return float(min(reference.withheld / reference.values, now / current.values))
