"""Rules that users know from handbooks and tools. Each has a fixed limit, and none has a stated false-alarm rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from airflow_mlops_provider.decisions.drift.findings import labelled
from airflow_mlops_provider.records.policies.drift import DriftRule
from airflow_mlops_provider.records.reports.drift import LEAST_KS, ColumnDrift, ColumnKind, DriftReport, Measure
from airflow_mlops_provider.records.verdict import Finding, Status

ALPHA = 0.05
"""Level of one check for the rules that test: Sidak's ``1 - (1 - ALPHA) ** (1 / columns)`` for each column."""

MOST_OPEN = 0.05
"""Width of the interval of a distance from which a profile is too coarse for rules that take no interval."""
LIMITS = {Measure.WASSERSTEIN: 0.1, Measure.JENSEN_SHANNON: 0.1, Measure.PSI: 0.2, Measure.EVIDENTLY: 0.5}
"""What the handbooks and Evidently use."""


def named_findings(report: DriftReport, rule: DriftRule) -> Iterator[Finding]:
    """One finding a column by a named rule; Evidently's rule judges the share of drifted columns."""
    if rule is DriftRule.EVIDENTLY:
        yield _evidently_finding(report)
        return
    columns = [column for column in report.columns if column.distances]
    level = -math.expm1(math.log1p(-ALPHA) / max(len(columns), 1))
    for column in columns:
        tested = _TESTED.get(rule)
        finding = tested(column, level) if tested else _distance(column, _MEASURES[rule])
        is_open = _is_coarse(column) or (rule is DriftRule.SIDAK_KS and column.p_values.get(LEAST_KS, 1.0) <= level)
        yield _undecided(finding) if finding.status is Status.PASS and is_open else finding


def _is_coarse(column: ColumnDrift) -> bool:
    """Whether a profile without rows leaves the column's distance so open that no rule of this kind can pass it."""
    open_ = (shift for shift in column.shifts if shift.p_value_low is not None)
    return any(shift.effect_high - shift.effect >= MOST_OPEN for shift in open_)


def _undecided(finding: Finding) -> Finding:
    detail = f"{finding.detail}; a profile without rows is too coarse for this rule"
    return replace(finding, status=Status.INSUFFICIENT_EVIDENCE, detail=detail)


def _sidak_ks(column: ColumnDrift, level: float) -> Finding:
    """KS for numbers, chi-squared for levels."""
    shift = next(shift for shift in column.shifts if shift.measure in (Measure.KS_D, Measure.TVD))
    return _test(column, shift.measure, shift.effect, shift.p_value, level)


def _chi_squared(column: ColumnDrift, level: float) -> Finding:
    """Chi-squared for all, numbers in cells cut at the reference's deciles."""
    p_value = column.p_values[Measure.CHI_SQUARED]
    return replace(_test(column, Measure.CHI_SQUARED, p_value, p_value, level), limit=level)


_TESTED: dict[DriftRule, Callable[[ColumnDrift, float], Finding]] = {
    DriftRule.SIDAK_KS: _sidak_ks,
    DriftRule.CHI_SQUARED: _chi_squared,
}
_MEASURES = {
    DriftRule.WASSERSTEIN: Measure.WASSERSTEIN,
    DriftRule.JENSEN_SHANNON: Measure.JENSEN_SHANNON,
    DriftRule.PSI: Measure.PSI,
}


def _test(column: ColumnDrift, measure: Measure, effect: float, p_value: float, level: float) -> Finding:
    return Finding(
        subject=column.column,
        measure=str(measure),
        observed=effect,
        p_value=p_value,
        status=Status.FAIL if p_value <= level else Status.PASS,
        detail=f"{_statement(column)} (p {p_value:.2g} against {level:.2g})",
    )


def _distance(column: ColumnDrift, measure: Measure) -> Finding:
    if measure is Measure.WASSERSTEIN and column.kind is ColumnKind.CATEGORICAL:
        measure = Measure.JENSEN_SHANNON  # levels have no order that earth could be moved along
    observed, limit = column.distances.get(measure), LIMITS[measure]
    if observed is None:
        return Finding(
            subject=column.column,
            measure=str(measure),
            observed=None,
            limit=limit,
            status=Status.INSUFFICIENT_EVIDENCE,
            detail=f"{column.column}: {measure} was not measured; it needs the rows of both sides",
        )
    return Finding(
        subject=column.column,
        measure=str(measure),
        observed=observed,
        limit=limit,
        status=Status.FAIL if observed >= limit else Status.PASS,
        detail=_statement(column),
    )


def _statement(column: ColumnDrift) -> str:
    return labelled(column, column.shifts[0].statement if column.shifts else column.column)


def _evidently_finding(report: DriftReport) -> Finding:
    share, limit = report.evidently_share, LIMITS[Measure.EVIDENTLY]
    if share is None:
        return Finding(
            subject="all features together",
            measure=str(Measure.EVIDENTLY),
            observed=None,
            limit=limit,
            status=Status.INSUFFICIENT_EVIDENCE,
            detail="Evidently did not run, so its rule cannot judge; it needs the rows of both sides",
        )
    drifted = [column.column for column in report.columns if column.distances.get("evidently_drifted")]
    return Finding(
        subject="all features together",
        measure=str(Measure.EVIDENTLY),
        observed=share,
        limit=limit,
        status=Status.FAIL if share >= limit else Status.PASS,
        detail=f"Evidently calls {', '.join(drifted) or 'no column'} drifted",
    )
