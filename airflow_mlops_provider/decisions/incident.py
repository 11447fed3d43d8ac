"""What an open or a closed incident asks of whoever reads it."""

from __future__ import annotations

from airflow_mlops_provider.decisions.summaries import short_name, summarise
from airflow_mlops_provider.records.reports.incident import IncidentReport, IncidentState
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict


def judge_incident(report: IncidentReport) -> Verdict:
    """A notice while nobody has said what happened; a pass once somebody has."""
    is_open = report.state is IncidentState.OPEN
    finding = Finding(
        subject=report.title,
        measure="open",
        observed=float(is_open),
        limit=0.0,
        status=Status.NOTICE if is_open else Status.PASS,
        detail=f"version {report.withdrawn.version} was taken back: {report.reason}" if is_open else "",
    )
    by = f" by {short_name(report.person)}" if report.person else ""
    title = short_name(report.title, 50)
    return Verdict.of([finding], summary=summarise(f"incident {title} {'opened' if is_open else 'closed'}{by}"))
