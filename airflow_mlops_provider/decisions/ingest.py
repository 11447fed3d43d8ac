"""Whether a new snapshot may stand for its source: its rows and columns against those of the snapshot before."""

from __future__ import annotations

from airflow_mlops_provider.decisions.summaries import list_names, short_name, summarise
from airflow_mlops_provider.records.policies.ingest import IngestPolicy
from airflow_mlops_provider.records.reports.ingest import IngestReport
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

__all__ = ["IngestPolicy", "judge_ingest"]


def judge_ingest(report: IngestReport, policy: IngestPolicy) -> Verdict:
    """Judge one snapshot.

    Too few rows, a number of rows that changed too much, and a column that went or has another type fail. A column that
    was added is a notice, because readers that name their columns go on. The first snapshot has only its rows to judge.
    """
    findings = [_rows(report, policy), *_columns(report, policy)]
    return Verdict.of(findings, summary=_summary(report, findings))


def row_change(report: IngestReport) -> float | None:
    """The change of the number of rows, as a share of the rows before; ``None`` without any before."""
    return (report.rows - report.previous_rows) / report.previous_rows if report.previous_rows else None


def _rows(report: IngestReport, policy: IngestPolicy) -> Finding:
    change = row_change(report)
    if report.rows < policy.min_rows or change is None or policy.max_row_change is None:
        return Finding(
            subject=report.snapshot,
            measure="rows",
            observed=float(report.rows),
            limit=float(policy.min_rows),
            status=Status.PASS if report.rows >= policy.min_rows else Status.FAIL,
            detail=f"{report.rows:,} rows where at least {policy.min_rows:,} are asked for",
        )
    return Finding(
        subject=report.snapshot,
        measure="row_change",
        observed=change,
        limit=policy.max_row_change,
        status=Status.PASS if abs(change) <= policy.max_row_change else Status.FAIL,
        detail=f"{report.rows:,} rows after {report.previous_rows:,} in {short_name(report.previous)} ({change:+.0%})",
    )


def _columns(report: IngestReport, policy: IngestPolicy) -> list[Finding]:
    changed = Status.NOTICE if policy.allow_schema_change else Status.FAIL
    removed = [_column(name, "column_removed", changed, "the column is gone") for name in report.removed_columns]
    retyped = [_column(name, "column_type_changed", changed, change) for name, change in report.changed_types.items()]
    added = [_column(name, "column_added", Status.NOTICE, "the column is new") for name in report.added_columns]
    return removed + retyped + added


def _column(name: str, measure: str, status: Status, detail: str) -> Finding:
    return Finding(subject=name, measure=measure, observed=1.0, limit=0.0, status=status, detail=detail)


def _summary(report: IngestReport, findings: list[Finding]) -> str:
    failed = [finding for finding in findings if finding.status is Status.FAIL]
    columns = [finding.subject for finding in failed if finding.measure.startswith("column")]
    if columns:
        return summarise("the snapshot is not published", f": the schema changed ({list_names(columns)})")
    if failed:
        return summarise("the snapshot is not published", f": {failed[0].detail}")
    taken = f"{report.new_rows:,} rows taken over" if report.is_new else "the interval was taken over before"
    added = f", with new columns ({list_names(report.added_columns)})" if report.added_columns else ""
    return summarise(f"{taken} ({report.rows:,} in all)", added)
