"""Whether a batch of predictions may be used: answers as on the day of training, finite, and real probabilities."""

from __future__ import annotations

from airflow_mlops_provider.records.reports.prediction import PredictionReport, Scoring, ShadowComparison
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

MAX_PROBE_DIFFERENCE = 1e-9
"""Largest allowed difference on the probe batch stored with the model."""
MAX_SUM_ERROR = 1e-6
"""How far a row's probabilities may be from summing to 1."""

_SHADOW_TROUBLE = "rows_scored"


def judge_prediction(report: PredictionReport) -> Verdict:
    """Judge one batch scoring; a shadow never makes it fail, because nobody uses what a shadow says."""
    findings = list(judge_scoring(report.scoring))
    if report.shadow is not None:
        findings += [_milder(finding) for finding in judge_scoring(report.shadow)]
    if report.comparison is not None:
        findings += _compared(report.comparison)
    if report.shadow_trouble:
        findings.append(
            Finding(
                subject="shadow",
                measure=_SHADOW_TROUBLE,
                observed=None,
                status=Status.NOTICE,
                detail=report.shadow_trouble,
            )
        )
    return Verdict.of(findings, summary=_summary(report, findings))


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


def _milder(finding: Finding) -> Finding:
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
    model = report.scoring.model
    broken = [finding for finding in findings if finding.status is Status.FAIL]
    if broken:
        worst = broken[0]
        return f"{model.uri}: {worst.measure} is {worst.observed:g}, limit {worst.limit:g}; nothing was written"
    text = f"{model.uri} scored {report.scoring.rows:,} rows in {report.seconds:.1f} s"
    if report.comparison is not None and report.shadow is not None:
        share = report.comparison.agreement
        agreed = f" agrees on {100 * share:.1f} % of them" if share is not None else " was compared"
        text += f"; shadow {report.shadow.model.uri}{agreed}"
        if report.comparison.metric is not None:
            text += (
                f", and has {report.comparison.metric} {report.comparison.shadow_value:.3f} "
                f"beside {report.comparison.value:.3f}"
            )
    if report.shadow_trouble:
        text += f"; shadow: {report.shadow_trouble}"
    noticed = [f for f in findings if f.status is Status.NOTICE and f.measure != _SHADOW_TROUBLE]
    return "; ".join([text, *(f"{f.subject}: {f.detail or _over(f)}" for f in noticed[:1])])


def _over(finding: Finding) -> str:
    return f"{finding.measure} is {finding.observed:g}, limit {finding.limit:g}"
