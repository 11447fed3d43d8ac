"""Whether a batch of predictions may be used: answers as on the day of training, finite, and real probabilities."""

from __future__ import annotations

from airflow_mlops_provider.decisions.evaluation import judge_moved_by_hand
from airflow_mlops_provider.decisions.summaries import first_clause, short_name, summarise
from airflow_mlops_provider.records.reports.prediction import PredictionReport, Scoring, ShadowComparison
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

MAX_PROBE_DIFFERENCE = 1e-9
"""Largest allowed difference on the probe batch stored with the model."""
MAX_SUM_ERROR = 1e-6
"""How far a row's probabilities may be from summing to 1."""

_ROWS_SCORED = "rows_scored"


def judge_prediction(report: PredictionReport) -> Verdict:
    """Judge one batch scoring; a shadow never makes it fail, because nobody uses what a shadow says."""
    findings = [*judge_scoring(report.scoring), *_stale(report.scoring)]
    findings += [*_empty(report.scoring, findings), *judge_moved_by_hand(report.moved_by_hand)]
    if report.shadow is not None:
        findings += [_shadow_finding(finding) for finding in judge_scoring(report.shadow)]
    if report.comparison is not None:
        findings += _compared(report.comparison)
    if report.shadow_trouble:
        findings.append(
            Finding(
                subject="shadow",
                measure=_ROWS_SCORED,
                observed=None,
                status=Status.NOTICE,
                detail=report.shadow_trouble,
            )
        )
    return Verdict.of(findings, summary=_summary(report, findings))


def _empty(scoring: Scoring, findings: list[Finding]) -> list[Finding]:
    if scoring.rows or any(finding.status is Status.FAIL for finding in findings):
        return []
    finding = Finding(
        subject="dataset",
        measure=_ROWS_SCORED,
        observed=0.0,
        limit=1.0,
        status=Status.INSUFFICIENT_EVIDENCE,
        detail="the batch has no rows, so nothing was scored",
    )
    return [finding]


def _stale(scoring: Scoring) -> list[Finding]:
    if scoring.set_aside is None:
        return []
    detail = f"an older output was moved to {scoring.set_aside}, so that nobody takes it for this one"
    finding = Finding(
        subject="output", measure="stale_output", observed=1.0, limit=0.0, status=Status.NOTICE, detail=detail
    )
    return [finding]


def judge_scoring(scoring: Scoring) -> tuple[Finding, ...]:
    """The findings of one model's pass; any that is not a pass keeps its output from being written."""
    subject = f"{scoring.model.name} {scoring.model.version}"
    found = (_probe(scoring, subject), _limit(subject, "values_not_finite", scoring.not_finite, 0))
    if scoring.counts is None and not scoring.out_of_range and not scoring.max_sum_error:
        return found  # a regression has no probabilities to speak of
    return (
        *found,
        _limit(subject, "probabilities_out_of_range", scoring.out_of_range, 0),
        _limit(subject, "max_probability_sum_error", scoring.max_sum_error, MAX_SUM_ERROR),
    )


def _probe(scoring: Scoring, subject: str) -> Finding:
    if scoring.probe is None:
        return Finding(
            subject=subject,
            measure="probe_max_abs_difference",
            observed=None,
            limit=MAX_PROBE_DIFFERENCE,
            status=Status.NOTICE,
            detail="the version carries no probe batch",
        )
    return _limit(subject, "probe_max_abs_difference", scoring.probe.max_abs_difference, MAX_PROBE_DIFFERENCE)


def _limit(subject: str, measure: str, observed: float, limit: float) -> Finding:
    status = Status.PASS if observed <= limit else Status.FAIL
    return Finding(subject=subject, measure=measure, observed=float(observed), limit=float(limit), status=status)


def _shadow_finding(finding: Finding) -> Finding:
    status = Status.NOTICE if finding.status is Status.FAIL else finding.status
    return Finding(
        subject=f"shadow {finding.subject}",
        measure=finding.measure,
        observed=finding.observed,
        limit=finding.limit,
        status=status,
        detail=finding.detail,
    )


def _compared(comparison: ShadowComparison) -> list[Finding]:
    numbers = {
        "agreement_share": comparison.agreement,
        "mean_abs_score_difference": comparison.mean_abs_difference,
        "max_abs_score_difference": comparison.max_abs_difference,
    }
    metric = () if comparison.metric is None else (_metric(comparison, comparison.metric),)
    return [
        *metric,
        *_numbers(comparison, numbers),
    ]


def _metric(comparison: ShadowComparison, name: str) -> Finding:
    return Finding(
        subject="shadow",
        measure=name,
        observed=comparison.shadow_value,
        status=Status.PASS,
        detail=f"the model in use has {comparison.value:.4g} on the same {comparison.labelled_rows:,} labelled rows, "
        f"for information",
    )


def _numbers(comparison: ShadowComparison, numbers: dict[str, float | None]) -> list[Finding]:
    return [
        Finding(
            subject="shadow",
            measure=name,
            observed=value,
            status=Status.PASS,
            detail=f"{comparison.rows:,} rows, for information",
        )
        for name, value in numbers.items()
        if value is not None
    ]


def _summary(report: PredictionReport, findings: list[Finding]) -> str:
    model = _short_uri(report.scoring)
    broken = [finding for finding in findings if finding.status is Status.FAIL]
    if broken:
        return summarise("nothing was written", f": {_limit_text(broken[0])}")
    if any(finding.status is Status.INSUFFICIENT_EVIDENCE for finding in findings):
        return summarise("nothing was written", ": the batch has no rows to score")
    done = f"{model} scored {report.scoring.rows:,} rows in {report.seconds:.1f} s"
    if report.shadow_trouble:
        return summarise(done, ", but the shadow could not score them")
    noticed = [finding for finding in findings if finding.status is Status.NOTICE]
    if noticed:
        return summarise(done, f", but {first_clause(noticed[0].detail) or _limit_text(noticed[0])}")
    if report.comparison is not None and report.shadow is not None:
        return summarise(done, f", shadow {_short_uri(report.shadow)} {_agreement(report.comparison)}")
    return summarise(done)


def _short_uri(scoring: Scoring) -> str:
    return short_name(scoring.model.uri)


def _agreement(comparison: ShadowComparison) -> str:
    share = comparison.agreement
    return "was compared" if share is None else f"agrees on {100 * share:.1f} % of them"


def _limit_text(finding: Finding) -> str:
    return f"{short_name(finding.subject)} has {finding.measure} {finding.observed:g} (limit {finding.limit:g})"
