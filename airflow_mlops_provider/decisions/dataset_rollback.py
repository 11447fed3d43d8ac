"""Whether ``latest.snapshot`` may move back: its target must hold the rows that were recorded."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_mlops_provider.decisions.summaries import short_name, summarise
from airflow_mlops_provider.records.reports.dataset_rollback import DatasetRollbackReport
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

__all__ = ["judge_dataset_rollback"]


def judge_dataset_rollback(report: DatasetRollbackReport) -> Verdict:
    """Pass when the target is whole and nobody else moved ``latest`` back meanwhile; else nothing is taken back."""
    findings = list(_findings(report))
    failed = [finding for finding in findings if finding.status is Status.FAIL]
    target = short_name(report.target.uri.rpartition("/")[2])
    if failed:
        return Verdict.of(findings, summary=summarise("latest stays", f": {failed[0].detail}"))
    taken = f", {len(report.withdrawn)} snapshots taken back"
    return Verdict.of(findings, summary=summarise(f"latest is {target} again", taken))


def _findings(report: DatasetRollbackReport) -> Iterator[Finding]:
    is_whole = report.is_whole
    yield Finding(
        subject=report.target.uri,
        measure="content_unchanged",
        observed=float(is_whole),
        limit=1.0,
        status=Status.PASS if is_whole else Status.FAIL,
        detail="the rows are those that were recorded" if is_whole else "the rows of the target were changed",
    )
    if report.expected is not None:
        yield Finding(
            subject=report.expected,
            measure="newest_changed",
            observed=1.0,
            limit=0.0,
            status=Status.FAIL,
            detail="another rollback was quicker",
        )
        return
    yield Finding(
        subject=report.folder,
        measure="snapshots_taken_back",
        observed=float(len(report.withdrawn)),
        status=Status.PASS,
        detail=", ".join(report.withdrawn),
    )
