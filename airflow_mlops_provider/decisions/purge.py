"""Whether what a purge removes is as old as its policy asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from airflow_mlops_provider.decisions.summaries import summarise
from airflow_mlops_provider.records.evidence_name import kind_in
from airflow_mlops_provider.records.policies.purge import PurgePolicy
from airflow_mlops_provider.records.reports.purge import PurgeReport, SnapshotsPurged
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

__all__ = ["PurgePolicy", "age_in_days", "judge_purge"]


def judge_purge(report: PurgeReport, policy: PurgePolicy) -> Verdict:
    """Pass when every file was past its time and of a kind that the policy names; one finding a kind."""
    findings = [*_ages(report, policy), *_snapshots(report, policy), *_profiles(report)] or [
        Finding(subject="evidence", measure="files", observed=0.0, status=Status.PASS, detail="nothing to remove")
    ]
    return Verdict.of(findings, summary=_summary(report, policy)).with_detail(*_other_actions(report))


def _ages(report: PurgeReport, policy: PurgePolicy) -> Iterator[Finding]:
    youngest: dict[str, float] = {}
    for tombstone in report.tombstones:
        kind = kind_in(tombstone.name)
        youngest[kind] = min(age_in_days(tombstone.written_at, report.purged_at), youngest.get(kind, float("inf")))
    counts = Counter(kind_in(tombstone.name) for tombstone in report.tombstones)
    for kind, age in sorted(youngest.items()):
        is_due = age >= policy.retention_days and kind in policy.affected
        yield Finding(
            subject=kind,
            measure="youngest_days",
            observed=age,
            limit=policy.retention_days,
            status=Status.PASS if is_due else Status.FAIL,
            detail=f"{counts[kind]} files" if is_due else f"{counts[kind]} files, not all of which were due",
        )


def _snapshots(report: PurgeReport, policy: PurgePolicy) -> Iterator[Finding]:
    if report.snapshots is None or not report.snapshots.tombstones:
        return
    ages = [age_in_days(each.created_at, report.purged_at) for each in report.snapshots.tombstones]
    is_due = policy.snapshot_days is not None and min(ages) >= policy.snapshot_days
    yield Finding(
        subject="snapshots",
        measure="youngest_days",
        observed=min(ages),
        limit=policy.snapshot_days,
        status=Status.PASS if is_due else Status.FAIL,
        detail=f"{len(ages)} snapshots" if is_due else f"{len(ages)} snapshots, not all of which were due",
    )


def _profiles(report: PurgeReport) -> Iterator[Finding]:
    if report.profiles:
        yield Finding(
            subject="kept profiles",
            measure="files",
            observed=float(report.profiles),
            status=Status.PASS,
            detail="of datasets that nothing refers to any more; a check that needs one makes it again",
        )


def age_in_days(written_at: str, now: str) -> float:
    """Days between two moments in ISO 8601."""
    return (datetime.fromisoformat(now) - datetime.fromisoformat(written_at)) / timedelta(days=1)


def _other_actions(report: PurgeReport) -> Iterator[str]:
    """What else was done, and why files stay that are past their time."""
    if report.kept:
        yield _kept_text(report)
    if report.finished:
        yield f"{report.finished} removed that an earlier purge had recorded"
    if report.snapshots is not None:
        yield _snapshots_text(report.snapshots)
    if report.swept:
        yield f"{report.swept} half-written files swept"


def _snapshots_text(purged: SnapshotsPurged) -> str:
    parts = [f"{purged.folders} folders of snapshots were looked at"]
    parts += [f"{count} snapshots stay because {reason}" for reason, count in purged.reasons.items()]
    if purged.finished:
        parts.append(f"{purged.finished} snapshots removed that an earlier purge had recorded")
    if purged.files:
        parts.append(f"{purged.files} data files removed that no snapshot refers to")
    return ", ".join(parts)


def _kept_text(report: PurgeReport) -> str:
    if len(report.reasons) <= 1:  # none: a record from before reasons were counted
        return ", ".join([f"{report.kept} stay", *(f"because {reason}" for reason in report.reasons)])
    counted = [f"{count} because {reason}" for reason, count in report.reasons.items()]
    return f"{report.kept} stay: {', '.join(counted)}"


def _summary(report: PurgeReport, policy: PurgePolicy) -> str:
    done = "would be removed" if report.dry_run else "removed"
    removed = f"{len(report.tombstones)} files of evidence older than {policy.retention_days:g} days {done}"
    if report.snapshots is not None:
        count = len(report.snapshots.tombstones) + report.snapshots.finished
        return summarise(removed, f", and {count} snapshots of data older than {policy.snapshot_days:g} days")
    if report.kept:
        return summarise(removed, f", {report.kept} stay")
    if report.finished:
        return summarise(removed, f", and {report.finished} of an earlier purge")
    return summarise(removed)
