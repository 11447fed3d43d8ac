"""Has the model become worse, now that labels have arrived?"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from airflow_mlops_provider.decisions.summaries import first_clause, short_name, summarise
from airflow_mlops_provider.records.policies.decay import DecayPolicy, DecayRule
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

if TYPE_CHECKING:
    # A Dag file needs the policy alone, and building the classes of a report takes longer than all of this.
    from airflow_mlops_provider.records.reports.decay import Cusum, DecayReport

__all__ = ["CUSUM_LIMIT", "MIN_HISTORY", "DecayPolicy", "DecayRule", "judge_decay"]

Rule: TypeAlias = "Callable[[DecayReport, DecayPolicy], Iterator[Finding]]"

CUSUM_LIMIT = 5.5
"""Where the cumulative sum alarms. The textbook's 5 is for a known mean; with one estimated from 30 windows it would
alarm in 4.4 % of quiet months, and this one does in 3 %."""
MIN_HISTORY = 4
"""Earlier windows that the rules by standard deviation and by quartiles need."""


def judge_decay(report: DecayReport, policy: DecayPolicy) -> Verdict:
    """The last window of the history; one finding for the drop and, by the default rule, one for the cumulative sum."""
    rows = min(report.windows[0].rows, report.windows[-1].rows)
    if rows < policy.min_rows:
        finding = Finding(
            subject=_subject(report),
            measure="rows",
            observed=float(rows),
            limit=float(policy.min_rows),
            status=Status.INSUFFICIENT_EVIDENCE,
            detail=f"{rows:,} rows, {policy.min_rows:,} needed in the reference and in the last window",
        )
        return Verdict.of(
            [finding], summary=_unjudged(report, f"{rows:,} rows are too few ({policy.min_rows:,} needed)")
        )
    findings = sorted(_RULES[policy.rule](report, policy), key=lambda finding: -finding.status.severity)
    return Verdict.of(findings, summary=_summary(report, findings))


def _default(report: DecayReport, policy: DecayPolicy) -> Iterator[Finding]:
    level = policy.monthly_false_alarm / policy.checks_per_month
    # The test and the cumulative sum share the budget.
    level = level / 2 if report.cusum else level
    yield Finding(
        subject=_subject(report),
        measure=f"{report.metric}_drop",
        observed=report.drop,
        limit=policy.min_drop,
        p_value=report.p_value,
        status=_both(report.p_value <= level, report.drop >= policy.min_drop),
        detail=f"{_against_reference(report)}; level {level:.2g}{_independence(report)}",
    )
    if report.cusum:
        yield _slow(report, report.cusum, policy)


def _slow(report: DecayReport, cusum: Cusum, policy: DecayPolicy) -> Finding:
    detail = f"against the first {cusum.baseline_windows} windows"
    if cusum.since:
        detail = f"mean drop {cusum.drop:.3g} since {cusum.since} {detail}"
    return Finding(
        subject=_subject(report),
        measure="cusum",
        observed=cusum.score,
        limit=CUSUM_LIMIT,
        status=_both(cusum.score > CUSUM_LIMIT, cusum.drop >= policy.min_drop),
        detail=detail,
    )


def _both(significant: bool, material: bool) -> Status:
    if not significant:
        return Status.PASS
    return Status.FAIL if material else Status.NOTICE


def _raw(report: DecayReport, _policy: DecayPolicy) -> Iterator[Finding]:
    yield _drop_finding(report, 0.0, _against_reference(report))


def _by_history(limit_of: Callable[[Sequence[float]], float]) -> Rule:
    """A rule whose limit follows from the losses of the earlier windows."""

    def rule(report: DecayReport, _policy: DecayPolicy) -> Iterator[Finding]:
        earlier = _losses(report)
        if len(earlier) < MIN_HISTORY:
            yield _too_short(report, len(earlier))
        else:
            yield _drop_finding(report, limit_of(earlier), f"limit from the {len(earlier)} windows before")

    return rule


def _two_sigma(losses: Sequence[float]) -> float:
    return statistics.fmean(losses) + 2 * statistics.stdev(losses)


def _iqr(losses: Sequence[float]) -> float:
    lower, _, upper = statistics.quantiles(losses, n=4, method="inclusive")
    return upper + 1.5 * (upper - lower)


_RULES: dict[DecayRule, Rule] = {
    DecayRule.DEFAULT: _default,
    DecayRule.RAW: _raw,
    DecayRule.TWO_SIGMA: _by_history(_two_sigma),
    DecayRule.IQR: _by_history(_iqr),
}


def _losses(report: DecayReport) -> list[float]:
    """Of every window before the last against the reference; the reference is one of them."""
    reference = report.windows[0].value
    return [(reference - window.value) * report.direction.sign for window in report.windows[:-1]]


def _drop_finding(report: DecayReport, limit: float, detail: str) -> Finding:
    return Finding(
        subject=_subject(report),
        measure=f"{report.metric}_drop",
        observed=report.drop,
        limit=limit,
        status=Status.FAIL if report.drop > limit else Status.PASS,
        detail=detail,
    )


def _too_short(report: DecayReport, earlier: int) -> Finding:
    return Finding(
        subject=_subject(report),
        measure="windows",
        observed=float(earlier),
        limit=float(MIN_HISTORY),
        status=Status.INSUFFICIENT_EVIDENCE,
        detail=f"{earlier} windows before the last, {MIN_HISTORY} needed",
    )


def _subject(report: DecayReport) -> str:
    return f"{report.metric} of {report.windows[-1].window}"


def _against_reference(report: DecayReport) -> str:
    first, last = report.windows[0], report.windows[-1]
    return f"{last.value:.4g} against {first.value:.4g} of {first.window}"


def _independence(report: DecayReport) -> str:
    return "; assumes independent rows" if report.between is None else ""


def _unjudged(report: DecayReport, reason: str) -> str:
    return summarise(f"{_short_subject(report)} cannot be judged", f", because {reason}")


def _short_subject(report: DecayReport) -> str:
    return f"{short_name(report.metric)} of {short_name(report.windows[-1].window, 20)}"


def _summary(report: DecayReport, findings: Sequence[Finding]) -> str:
    worst, subject = findings[0], _short_subject(report)
    if worst.status is Status.INSUFFICIENT_EVIDENCE:
        return _unjudged(report, f"{worst.observed:g} windows before it are too few ({worst.limit:g} needed)")
    if worst.status is Status.FAIL and worst.measure == "cusum" and report.cusum:
        return summarise(f"{subject} decayed slowly", f": {first_clause(worst.detail)}")
    first, last = report.windows[0], report.windows[-1]
    found = {
        Status.FAIL: f"decayed by {report.drop:.3g}",
        Status.NOTICE: "worse by less than matters",
        Status.PASS: "no decay",
    }[worst.status]
    return summarise(
        f"{subject} is {last.value:.4g} against {first.value:.4g} of {short_name(first.window, 20)}", f": {found}"
    )
