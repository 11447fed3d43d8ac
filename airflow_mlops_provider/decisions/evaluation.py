"""Is this model good enough to replace the champion? The promotion gate's rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from airflow_mlops_provider.decisions.guards import judge_guards, reason_of
from airflow_mlops_provider.decisions.summaries import summarise
from airflow_mlops_provider.records.policies.evaluation import EvaluationPolicy
from airflow_mlops_provider.records.policies.gate import MIN_UNITS
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

if TYPE_CHECKING:
    # A Dag file needs the policy alone, and building the classes of a report takes longer than all of this.
    from airflow_mlops_provider.records.reports.evaluation import Comparison, EvaluationReport, Latency

__all__ = [
    "CHAMPION_ASKED",
    "MIN_UNITS",
    "EvaluationPolicy",
    "judge_dummy",
    "judge_evaluation",
    "judge_gain",
    "judge_moved_by_hand",
]

CHAMPION_ASKED = "champion_asked"
"""Measure of the finding that the champion could not be asked."""
_UNASKED = "the champion could not be asked"

_MOST_OVERLAP = 0.5
"""Largest share of the rows that the champion may have been trained on, unless the policy says otherwise."""


def judge_evaluation(report: EvaluationReport, policy: EvaluationPolicy) -> Verdict:
    """Pass when the candidate would be promoted; fail or ``insufficient_evidence`` when the champion stays.

    :raises BadInputError: when ``report`` holds no bound as strict as the policy's confidence.
    """
    findings = judge_dummy(report.against_dummy, policy) if report.against_dummy else ()
    if report.against_champion is not None:
        findings += judge_gain(report.against_champion, policy)
    findings += (*judge_guards(report, policy), *_judge_others(report, policy), *_judge_invariants(report))
    findings += (
        *_judge_champion(report, policy),
        *_judge_overlap(report, policy),
        *judge_moved_by_hand(report.moved_by_hand),
    )
    findings += (*_judge_latency(report.latency, policy), *_judge_rows(report), *_judge_standing(report))
    return Verdict.of(findings, summary=_summary(report, findings))


def judge_gain(comparison: Comparison, policy: EvaluationPolicy) -> tuple[Finding, ...]:
    """The promotion gate: the candidate's gain over the champion, as two findings (its bound and its sign)."""
    bound = comparison.bound(policy.alpha)
    limit = 0.0 if policy.superiority else -policy.margin
    holds = bound.lower > limit and (not policy.superiority or comparison.p_value < policy.alpha)
    return _held(comparison, policy, limit=limit, holds=holds, sign=True)


def judge_dummy(comparison: Comparison, policy: EvaluationPolicy) -> tuple[Finding, ...]:
    """Every candidate, the first included, must beat a constant answer beyond chance."""
    bound = comparison.bound(policy.alpha)
    holds = bound.lower > 0 and comparison.p_value < policy.alpha
    return _held(comparison, policy, limit=0.0, holds=holds, sign=False)


def _held(
    comparison: Comparison, policy: EvaluationPolicy, *, limit: float, holds: bool, sign: bool
) -> tuple[Finding, ...]:
    refused = _refusal(comparison, policy)
    bound = Finding(
        subject=f"candidate against {comparison.other}",
        measure=f"{comparison.metric}_gain_lower_bound",
        observed=comparison.bound(policy.alpha).lower,
        limit=limit,
        p_value=comparison.p_value,
        status=Status.PASS if holds and comparison.units >= MIN_UNITS else refused,
        detail=_explain(comparison, policy, holds=holds, refused=refused),
    )
    if not sign:
        return (bound,)
    return bound, Finding(
        subject=bound.subject,
        measure=f"{comparison.metric}_gain",
        observed=comparison.gain,
        limit=0.0,
        status=Status.PASS if comparison.gain > 0 else refused,
    )


def _refusal(comparison: Comparison, policy: EvaluationPolicy) -> Status:
    """What a candidate that may not pass gets: a fail, unless the rows are too few to tell."""
    undecided = comparison.bound(policy.alpha).upper >= 0
    few = comparison.rows < policy.min_rows or comparison.units < MIN_UNITS
    return Status.INSUFFICIENT_EVIDENCE if undecided and few else Status.FAIL


def _explain(comparison: Comparison, policy: EvaluationPolicy, *, holds: bool, refused: Status) -> str:
    bound = comparison.bound(policy.alpha)
    numbers = (
        f"{comparison.metric} {comparison.value:.4g} against {comparison.other_value:.4g} of the {comparison.other}, "
        f"gain {comparison.gain:+.4g} in [{bound.lower:+.4g}, {bound.upper:+.4g}] ({comparison.method}, "
        f"{comparison.rows:,} rows"
    )
    numbers += f" in {comparison.units:,} groups)" if comparison.units != comparison.rows else ")"
    if holds and comparison.units < MIN_UNITS:
        return f"{numbers}; fewer than {MIN_UNITS} independent units decide nothing"
    if not holds and refused is Status.INSUFFICIENT_EVIDENCE:
        return f"{numbers}; too few rows to tell (policy min_rows {policy.min_rows:,})"
    return numbers


def _judge_others(report: EvaluationReport, policy: EvaluationPolicy) -> Iterable[Finding]:
    """A notice for each declared metric that got worse beyond chance, whatever the deciding one says.

    One-sided at the policy's confidence, by Bonferroni over these metrics.
    """
    others = report.other_metrics or ()
    for each in others:
        bound = each.bound_near(policy.alpha / len(others))
        is_worse = bound.upper < 0
        numbers = f"{each.value:.4g} against {each.other_value:.4g} of the {each.other}"
        yield Finding(
            subject=f"{each.metric} against {each.other}",
            measure=f"{each.metric}_gain_upper_bound",
            observed=bound.upper,
            limit=0.0,
            status=Status.NOTICE if is_worse else Status.PASS,
            detail=f"{each.metric} got worse, {numbers}; gain at most {bound.upper:+.4g} ({each.method})"
            if is_worse
            else "",
        )


def _judge_invariants(report: EvaluationReport) -> Iterable[Finding]:
    for invariant in report.invariants:
        yield Finding(
            subject="candidate",
            measure=invariant.name,
            observed=float(invariant.violations),
            limit=0.0,
            status=Status.FAIL if invariant.violations else Status.PASS,
            detail=invariant.detail,
        )


def _judge_rows(report: EvaluationReport) -> Iterable[Finding]:
    if not report.held_out:
        yield Finding(
            subject="dataset",
            measure="held_out",
            observed=0.0,
            limit=1.0,
            status=Status.NOTICE,
            detail="the candidate was trained on this very dataset, so these numbers flatter it",
        )


def _judge_standing(report: EvaluationReport) -> Iterable[Finding]:
    if report.against_champion is None and report.other_aliases:
        yield Finding(
            subject="champion",
            measure="other_aliases",
            observed=float(len(report.other_aliases)),
            limit=0.0,
            status=Status.NOTICE,
            detail="judged as a first model, because no version has the champion's alias, "
            f"though the model has {', '.join(report.other_aliases)}; is the alias misspelt?",
        )


def _judge_champion(report: EvaluationReport, policy: EvaluationPolicy) -> Iterable[Finding]:
    if report.champion_trouble:
        yield Finding(
            subject="champion",
            measure=CHAMPION_ASKED,
            observed=0.0,
            limit=1.0,
            status=Status.NOTICE if policy.allow_unasked_champion else Status.INSUFFICIENT_EVIDENCE,
            detail=f"{_UNASKED}: {report.champion_trouble}; the candidate was judged against the dummy alone",
        )


def _judge_overlap(report: EvaluationReport, policy: EvaluationPolicy) -> Iterable[Finding]:
    if report.champion_overlap:
        limit = _MOST_OVERLAP if policy.max_champion_overlap is None else policy.max_champion_overlap
        yield Finding(
            subject="champion",
            measure="share_of_rows_trained_on",
            observed=report.champion_overlap,
            limit=limit,
            status=Status.INSUFFICIENT_EVIDENCE if report.champion_overlap > limit else Status.NOTICE,
            detail=f"the champion was trained on {report.champion_overlap:.0%} of these rows, which flatters it",
        )


def judge_moved_by_hand(sentences: Iterable[str] | None) -> tuple[Finding, ...]:
    """A notice for each alias that somebody moved outside the decision record."""
    return tuple(
        Finding(subject="registry", measure="aliases_follow_record", observed=None, status=Status.NOTICE, detail=each)
        for each in sentences or ()
    )


def _judge_latency(latency: Latency | None, policy: EvaluationPolicy) -> tuple[Finding, ...]:
    limit = policy.max_p99_latency_ms
    if limit is None:
        return ()
    observed = latency.p99_ms if latency else None
    status = Status.INSUFFICIENT_EVIDENCE if observed is None else Status.PASS if observed <= limit else Status.FAIL
    detail = "" if latency else "a table of predictions has no latency; evaluate the model itself"
    return (
        Finding(
            subject="candidate",
            measure="p99_latency_ms",
            observed=observed,
            limit=limit,
            status=status,
            detail=detail,
        ),
    )


def _summary(report: EvaluationReport, findings: Iterable[Finding]) -> str:
    numbers = _headline(report.against_champion or report.against_dummy)
    refused = sorted(
        (f for f in findings if f.status.severity > Status.NOTICE.severity), key=lambda f: -f.status.severity
    )
    if not refused:
        worse = [f"{each.metric} got worse" for each in _worse(report, findings)]
        though = next((f", though {what}" for what in (*([_UNASKED] * bool(report.champion_trouble)), *worse)), "")
        return summarise("the candidate may be promoted", though or f": {numbers}")
    first = refused[0]
    stays = "the champion stays" if report.against_champion else "not good enough"
    decision = "not enough evidence" if first.status is Status.INSUFFICIENT_EVIDENCE else stays
    return summarise(decision, f": {_deciding_numbers(first, report)}")


def _worse(report: EvaluationReport, findings: Iterable[Finding]) -> list[Comparison]:
    noticed = {finding.measure for finding in findings if finding.status is Status.NOTICE}
    return [each for each in report.other_metrics or () if f"{each.metric}_gain_upper_bound" in noticed]


def _deciding_numbers(decisive: Finding, report: EvaluationReport) -> str:
    """The number that decides and its limit."""
    if decisive.measure == CHAMPION_ASKED:
        return _UNASKED
    if decisive.measure == "share_of_rows_trained_on":
        return f"the champion was trained on {decisive.observed or 0:.0%} of the rows"
    if reason := reason_of(decisive):
        return reason
    number, limit = _number(decisive.observed), _number(decisive.limit)
    compared = next((c for c in (report.against_champion, report.against_dummy) if _is_about(decisive, c)), None)
    if compared is None:
        return f"{decisive.subject} has {decisive.measure} {number} (limit {limit})"
    gain = f"gain at least {number}" if decisive.measure.endswith("_lower_bound") else f"gain {number}"
    other = f"{compared.other_value:.4g} of the {compared.other}"
    return f"{compared.metric} {compared.value:.4g} against {other} ({gain}, limit {limit})"


def _is_about(finding: Finding, comparison: Comparison | None) -> bool:
    return comparison is not None and finding.subject == f"candidate against {comparison.other}"


def _headline(comparison: Comparison | None) -> str:
    if comparison is None:
        return "the candidate's answers could not be measured"
    return (
        f"{comparison.metric} {comparison.value:.4g} against {comparison.other_value:.4g} of the {comparison.other} "
        f"(gain {comparison.gain:+.4g})"
    )


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
