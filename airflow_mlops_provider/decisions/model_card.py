"""Whether a model card says what it must say."""

from __future__ import annotations

from airflow_mlops_provider.decisions.summaries import list_names, summarise
from airflow_mlops_provider.records.policies.model_card import REQUIRED, ModelCardPolicy
from airflow_mlops_provider.records.reports.model_card import ModelCardReport
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

__all__ = ["REQUIRED", "ModelCardPolicy", "judge_model_card"]

_WRITTEN_BY_PEOPLE = "intended_use"


def judge_model_card(report: ModelCardReport, policy: ModelCardPolicy) -> Verdict:
    """Fail for each required section that is empty; a notice when nobody wrote what the model is for."""
    findings = [_judge_section(report, key) for key in policy.required]
    if _WRITTEN_BY_PEOPLE not in policy.required:
        findings.append(_judge_section(report, _WRITTEN_BY_PEOPLE, otherwise=Status.NOTICE))
    missing = [finding.subject for finding in findings if finding.status is Status.FAIL]
    if missing:
        names = list_names(missing)
        summary = summarise(f"the card lacks {names if len(missing) == 1 else f'{len(missing)} sections ({names})'}")
    else:
        is_silent = findings[-1].status is Status.NOTICE
        said = ", but nobody wrote what the model is for" if is_silent else ""
        summary = summarise(f"the card is complete ({len(findings) - is_silent} sections)", said)
    return Verdict.of(findings, summary=summary)


def _judge_section(report: ModelCardReport, key: str, otherwise: Status = Status.FAIL) -> Finding:
    section = report.section(key)
    filled = section is not None and section.is_filled
    return Finding(
        subject=key,
        measure="section_filled",
        observed=float(filled),
        limit=1.0,
        status=Status.PASS if filled else otherwise,
        detail="" if filled else _SAID.get(key, f"nothing is said under {key!r}; write it under card: in the YAML"),
    )


_SAID = {
    "metrics": "no metrics: give the evidence of an evaluation",
    "slices": "no slices: give the evidence of a bias check",
    "data": "no training data is recorded",
    _WRITTEN_BY_PEOPLE: "nobody wrote what the model is for (card: intended_use in the YAML)",
}
