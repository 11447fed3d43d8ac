"""Whether a version can be made again from its record."""

from __future__ import annotations

from airflow_mlops_provider.decisions.summaries import list_names, short_name, summarise
from airflow_mlops_provider.records.reports.reproduction import ReproducedMetric, ReproductionReport
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

MAX_DIFFERENCE = 1e-9
"""Largest difference of an answer or a metric that still counts as the same."""


def judge_reproduction(report: ReproductionReport) -> Verdict:
    """Judge one reproduction.

    The same content passes. Other content that gives the same answers and metrics is a notice, because package versions
    may write the same model differently; other answers fail. A changed trainer file or package is a notice of its own.
    """
    findings = [_content(report), _probe(report), *map(_metric, report.metrics), *_environment_findings(report)]
    return Verdict.of(findings, summary=_summary(report, findings))


def _is_same(report: ReproductionReport) -> bool:
    return report.content_digest == report.content_digest_again


def _content(report: ReproductionReport) -> Finding:
    same = _is_same(report)
    return Finding(
        subject="what was learnt",
        measure="content_digest_differs",
        observed=float(not same),
        limit=0.0,
        status=Status.PASS if same else Status.NOTICE,
        detail="" if same else f"recorded {report.content_digest}, now {report.content_digest_again}",
    )


def _probe(report: ReproductionReport) -> Finding:
    if report.probe is None:
        status, observed = Status.INSUFFICIENT_EVIDENCE, None
    else:
        observed = report.probe.max_abs_difference
        status = Status.PASS if observed <= MAX_DIFFERENCE else Status.FAIL
    return Finding(
        subject="recorded probe batch",
        measure="probe_max_abs_difference",
        observed=observed,
        limit=MAX_DIFFERENCE,
        status=status,
        detail=f"{report.probe.rows} rows" if report.probe else "the version carries no probe batch",
    )


def _metric(metric: ReproducedMetric) -> Finding:
    known = metric.recorded is not None and metric.again is not None
    gap = abs((metric.again or 0.0) - (metric.recorded or 0.0)) if known else None
    judged = Status.PASS if gap is not None and gap <= MAX_DIFFERENCE else Status.FAIL
    return Finding(
        subject=metric.name,
        measure="held_out_abs_difference",
        observed=gap,
        limit=MAX_DIFFERENCE,
        status=Status.NOTICE if gap is None else judged,
        detail=f"recorded {metric.recorded:.6g}, now {metric.again:.6g}" if known else "not known both times",
    )


def _environment_findings(report: ReproductionReport) -> list[Finding]:
    findings = []
    if not report.trainer_unchanged:
        findings.append(_changed("trainer", "file_changed", "its SHA-256 is not the recorded one"))
    for package, change in report.changed_packages.items():
        findings.append(_changed(package, "version_changed", change))
    return findings


def _changed(subject: str, measure: str, detail: str) -> Finding:
    return Finding(subject=subject, measure=measure, observed=1.0, limit=0.0, status=Status.NOTICE, detail=detail)


def _summary(report: ReproductionReport, findings: list[Finding]) -> str:
    changed = (["the trainer"] if not report.trainer_unchanged else []) + list(report.changed_packages)
    since = f" (changed since: {list_names(changed, length=26)})" if changed else ""
    uri = short_name(report.model.uri)
    if any(finding.status is Status.FAIL for finding in findings):
        return summarise(f"{uri} could not be reproduced", f": it answers differently{since}")
    how = "learnt the same" if _is_same(report) else "gives the same answers, stored differently"
    return summarise(f"{uri} trained again in {report.seconds:.1f} s {how}{since}")
