"""What there is to say of the mirror of a model."""

from __future__ import annotations

from airflow_mlops_provider.decisions.summaries import short_name, summarise
from airflow_mlops_provider.records.reports.mirror import MirroredPackage, MirrorReport
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict


def judge_mirror(report: MirrorReport) -> Verdict:
    """Pass when the group shows what the record says; what somebody else did there is a notice."""
    findings = [
        _champion(report),
        *(_withdrawn(package) for package in report.rejected),
        *(_put_right(package) for package in report.by_hand),
        *(_stranger(number) for number in report.strangers),
    ]
    return Verdict.of(findings, summary=_summary(report))


def _summary(report: MirrorReport) -> str:
    name, group = short_name(report.name), short_name(report.group)
    if report.champion is None:
        return summarise(f"no version of {name} is in force", ", so no package is approved")
    return summarise(f"{name} version {report.champion.version} is approved in Model Package group {group}")


def _champion(report: MirrorReport) -> Finding:
    if report.champion is None:
        return Finding(
            subject=report.group,
            measure="champion_missing",
            observed=None,
            status=Status.NOTICE,
            detail=f"nothing has been promoted to be {report.name} yet",
        )
    made = "made and approved" if report.is_new else "approved"
    return Finding(
        subject=report.group,
        measure="package",
        observed=float(report.package or 0),
        status=Status.PASS,
        detail=f"package {report.package} is {made} by decision {report.decision}",
    )


def _withdrawn(package: MirroredPackage) -> Finding:
    return Finding(
        subject=f"package {package.number}",
        measure="package_withdrawn",
        observed=float(package.number),
        status=Status.PASS,
        detail=f"version {package.model_version} is not in force any more; the package was {package.was}",
    )


def _put_right(package: MirroredPackage) -> Finding:
    return Finding(
        subject=f"package {package.number}",
        measure="package_changed_by_hand",
        observed=None,
        status=Status.NOTICE,
        detail=f"somebody had set version {package.model_version} to {package.was}; it shows the record again",
    )


def _stranger(number: int) -> Finding:
    return Finding(
        subject=f"package {number}",
        measure="package_of_others",
        observed=None,
        status=Status.NOTICE,
        detail=f"package {number} is approved as well and is none of this mirror's; it is left alone",
    )
