"""Whether a former champion is fit to be put back."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_mlops_provider.decisions.promotion import CHAMPION_CHANGED
from airflow_mlops_provider.decisions.summaries import first_clause, short_name, summarise
from airflow_mlops_provider.records.policies.rollback import RollbackPolicy
from airflow_mlops_provider.records.reports.rollback import RollbackReport
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

__all__ = ["RollbackPolicy", "judge_rollback"]


def judge_rollback(report: RollbackReport, policy: RollbackPolicy) -> Verdict:
    """Pass when the target answers its probe batch as it did and nobody else changed the champion meanwhile.

    Evidence of the target that is gone is a notice.
    """
    findings = [*_unchanged(report), _smoke(report, policy), *_missing(report)]
    if findings[0].status is Status.PASS:
        name = short_name(report.target.name)
        summary = summarise(
            f"{name} version {report.target.version} is put back in place of version {report.champion.version}"
        )
    else:
        summary = summarise(f"version {report.champion.version} stays", f", because {first_clause(findings[0].detail)}")
    return Verdict.of(findings, summary=summary)


def _unchanged(report: RollbackReport) -> Iterator[Finding]:
    if report.expected is not None:
        yield Finding(
            subject=f"{report.champion.name} version {report.champion.version}",
            measure=CHAMPION_CHANGED,
            observed=None,
            status=Status.FAIL,
            detail=f"version {report.champion.version} has replaced version {report.expected.version} meanwhile; "
            f"look at it, and roll back again if it is bad as well",
        )


def _missing(report: RollbackReport) -> Iterator[Finding]:
    # No reason to keep a bad champion, and yet somebody should know.
    for uri in report.missing_evidence:
        yield Finding(
            subject=uri,
            measure="evidence_missing",
            observed=None,
            status=Status.NOTICE,
            detail=f"the promotion of version {report.target.version} rests on it, and it is gone without a tombstone",
        )


def _smoke(report: RollbackReport, policy: RollbackPolicy) -> Finding:
    version = report.target.version
    if report.smoke is None:
        status, detail = Status.INSUFFICIENT_EVIDENCE, f"version {version} has no stored probe batch to test it with"
    elif report.smoke.max_abs_difference <= policy.max_smoke_difference:
        status, detail = Status.PASS, ""
    else:
        status = Status.FAIL
        detail = (
            f"version {version} answers its stored probe batch of {report.smoke.rows} rows differently than at "
            f"training time, by up to {report.smoke.max_abs_difference:.3g}"
        )
    return Finding(
        subject="smoke test",
        measure="max_abs_difference",
        observed=report.smoke.max_abs_difference if report.smoke else None,
        limit=policy.max_smoke_difference,
        status=status,
        detail=detail,
    )
