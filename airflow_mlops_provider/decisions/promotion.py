"""Whether a candidate becomes the champion.

All of these must hold:

* every kind in ``required`` is among the evidence, and none of it failed;
* evidence about a model speaks of this version and this artifact (digest);
* **the data is the data that was checked**: a validation vouches for the training data or the evaluated data of this
  candidate, and at least one of them for the training data; evaluation and bias were measured on one and the same
  dataset, which is not the training data;
* every evaluation also holds under the margin, confidence and other limits of *this* policy, whatever its own were;
* every evaluation compared with the champion that is in force now;
* in mode ``approve`` a person has approved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from airflow_mlops_provider.decisions.evaluation import EvaluationPolicy, judge_evaluation
from airflow_mlops_provider.decisions.summaries import first_clause, quote, short_name, summarise
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.policies.promotion import PromotionPolicy
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.promotion import EvidenceItem, Mode, PromotionReport
from airflow_mlops_provider.records.roles import CHAMPION
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

__all__ = [
    "AWAITING_APPROVAL",
    "CHAMPION_CHANGED",
    "PromotionPolicy",
    "evaluation_policy",
    "judge_promotion",
    "may_promote",
    "same_version",
]

CHAMPION_CHANGED = "champion_changed"
"""Measure of the finding that another decision changed the champion after the evaluation."""
AWAITING_APPROVAL = "approver"
"""Measure of the finding that nobody has approved yet."""

_CARRIED = "verdict_severity"

_SAID = {
    Status.PASS: "passed",
    Status.NOTICE: "passed with a notice",
    Status.FAIL: "failed",
    Status.INSUFFICIENT_EVIDENCE: "is insufficient evidence",
}
_REASONS = (Kind.DRIFT, Kind.DECAY)
"""Evidence that may be put on record as the occasion of a training; it does not speak of the candidate."""
_OF_A_MODEL = (Kind.TRAINING, Kind.EVALUATION, Kind.BIAS, Kind.MODEL_CARD)


def judge_promotion(report: PromotionReport, policy: PromotionPolicy) -> Verdict:
    """The verdict on a candidate: ``pass`` and ``notice`` may be promoted, anything else leaves the champion.

    :param report: the facts.
    :param policy: the limits.
    :returns: findings per piece of evidence and per rule; the summary names the one that decided.
    """
    # In the order in which a person should hear of them: the summary names the first of the worst.
    findings = [
        *_about_this_model(report),
        *_about_this_data(report),
        *_champion_unchanged(report),
        *_missing(report, policy),
        *_evidence_findings(report, policy),
        *_compared(report, policy),
        *_approval(report),
    ]
    verdict = Verdict.of(findings, summary="")
    return replace(verdict, summary=_summary(report, verdict))


def may_promote(verdict: Verdict) -> bool:
    """Whether a verdict lets the alias move."""
    return verdict.status in (Status.PASS, Status.NOTICE)


def _missing(report: PromotionReport, policy: PromotionPolicy) -> Iterator[Finding]:
    for kind in policy.required:
        count = sum(item.kind == kind for item in report.evidence)
        yield Finding(
            subject=str(kind),
            measure="pieces_of_evidence",
            observed=float(count),
            limit=1.0,
            status=Status.PASS if count else Status.FAIL,
            detail="" if count else f"no {kind} evidence was given, and the policy requires it",
        )
    if not policy.required and not report.evidence:
        yield Finding(
            subject="evidence",
            measure="pieces_of_evidence",
            observed=0.0,
            limit=1.0,
            status=Status.FAIL,
            detail="no evidence was given, and a decision needs some whatever the policy requires",
        )


def _evidence_findings(report: PromotionReport, policy: PromotionPolicy) -> Iterator[Finding]:
    for item in report.evidence:
        status, detail = item.status, item.summary
        if status is Status.INSUFFICIENT_EVIDENCE and item.kind in policy.tolerate_insufficient:
            status, detail = Status.NOTICE, f"{item.kind} evidence is insufficient but tolerated: {item.summary}"
        if item.kind in _REASONS and item.kind not in policy.required and status is not Status.PASS:
            status, detail = Status.NOTICE, f"the reason to train, not a fault of the candidate: {item.summary}"
        yield Finding(
            subject=str(item.kind),
            measure=_CARRIED,
            observed=float(item.status.severity),
            limit=float(Status.NOTICE.severity),
            status=status,
            detail=f"{item.kind} {_SAID[item.status]}: {detail}" if status is item.status else detail,
        )


def _about_this_model(report: PromotionReport) -> Iterator[Finding]:
    for item in report.evidence:
        if item.model is None and item.kind not in _OF_A_MODEL:
            continue
        if not same_version(item.model, report.candidate):
            yield _refused(
                item, "other_model", f"{item.kind} speaks of {_named(item.model)}, not of {_named(report.candidate)}"
            )


def _about_this_data(report: PromotionReport) -> Iterator[Finding]:
    evaluated = [item.dataset for item in report.evidence if item.kind is Kind.EVALUATION]
    for item in report.evidence:
        if item.kind is Kind.VALIDATION and not _among(item.dataset, [report.training, *evaluated]):
            yield _refused(
                item,
                "other_dataset",
                f"validation speaks of {_uri(item.dataset)}, which the candidate was neither trained nor evaluated on",
            )
        if item.kind is Kind.EVALUATION and _among(item.dataset, [report.training]):
            yield _refused(item, "held_out", f"evaluated on its own training data {_uri(item.dataset)}")
        if item.kind is Kind.BIAS and evaluated and not _among(item.dataset, evaluated):
            yield _refused(
                item,
                "other_dataset",
                f"slices were measured on {_uri(item.dataset)}, the evaluation on {_uri(evaluated[0])}",
            )
    validations = [item for item in report.evidence if item.kind is Kind.VALIDATION]
    if validations and not any(_among(item.dataset, [report.training]) for item in validations):
        yield _refused(
            validations[0],
            "training_data_validated",
            f"no validation vouches for the training data {_uri(report.training)} ({_fingerprint(report.training)})",
        )


def _compared(report: PromotionReport, policy: PromotionPolicy) -> Iterator[Finding]:
    for item in report.evidence:
        if item.kind is not Kind.EVALUATION:
            continue
        if item.evaluation is None:
            yield _refused(item, "report", "the evaluation carries no numbers to judge")
            continue
        unasked = bool(item.evaluation.champion_trouble) or item.compared_with is None
        if (item.evaluation.against_champion is None) is not unasked:
            yield _refused(item, "comparison", "the evaluation does not say which champion its comparison was with")
        yield from judge_evaluation(item.evaluation, evaluation_policy(item, policy)).findings


def evaluation_policy(item: EvidenceItem, policy: PromotionPolicy) -> EvaluationPolicy:
    """The evaluation's own policy with the promotion's limits in place of its own."""
    own = decode(EvaluationPolicy, item.evaluation_policy or {})
    return replace(
        own,
        margin=policy.margin,
        superiority=policy.superiority,
        confidence=policy.confidence,
        min_rows=policy.min_rows,
        challengers=max(own.challengers, policy.challengers),
        max_p99_latency_ms=policy.max_p99_latency_ms,
        allow_unasked_champion=policy.allow_unasked_champion,
        max_champion_overlap=policy.max_champion_overlap,
        guards={**(own.guards or {}), **(policy.guards or {})} or None,
        allow_undecided_guards=policy.allow_undecided_guards,
    )


def _champion_unchanged(report: PromotionReport) -> Iterator[Finding]:
    if same_version(report.candidate, report.champion):
        yield Finding(
            subject=_named(report.candidate),
            measure="already_champion",
            observed=None,
            status=Status.FAIL,
            detail=f"{_named(report.candidate)} is the champion already",
        )
    for item in report.evidence:
        if item.kind is Kind.EVALUATION and not _same_or_both_none(item.compared_with, report.champion):
            yield _refused(item, CHAMPION_CHANGED, _stale(item, report))


def _stale(item: EvidenceItem, report: PromotionReport) -> str:
    compared = f"evaluated against {_named(item.compared_with)}"
    if report.alias == CHAMPION:
        return f"the champion changed meanwhile: {compared}, in force is {_named(report.champion)}; evaluate again"
    return (
        f"{compared}, but behind alias {report.alias!r} is {_named(report.champion)}; "
        f"evaluate again with 'champion_alias' {report.alias!r}"
    )


def _approval(report: PromotionReport) -> Iterator[Finding]:
    if report.mode is Mode.APPROVE and not report.approver:
        owners = f" by one of {', '.join(report.owners)}" if report.owners else ""
        yield Finding(
            subject="approval",
            measure=AWAITING_APPROVAL,
            observed=None,
            status=Status.INSUFFICIENT_EVIDENCE,
            detail=f"awaiting approval{owners}",
        )
    elif report.approver and report.owners and report.approver not in report.owners:
        # Who may press the button is enforced where people log in; a name in a spec proves nothing, so it is noted.
        yield Finding(
            subject="approval",
            measure="approver_is_owner",
            observed=0.0,
            limit=1.0,
            status=Status.NOTICE,
            detail=f"approver {report.approver} is not an owner ({', '.join(report.owners)})",
        )


def _summary(report: PromotionReport, verdict: Verdict) -> str:
    gain = next(_gains(report), "")
    if may_promote(verdict):
        notices = [f for f in verdict.of_status(Status.NOTICE) if f.subject not in _REASONS]
        if notices:
            # What was found says more than that there is a notice.
            first = min(notices, key=lambda finding: finding.measure == _CARRIED)
            return summarise(_step(report), f", though {_reason(first)}")
        return summarise(_step(report), f", {gain}" if gain else "")
    against = {finding.measure for finding in verdict.findings if not _supports_promotion(finding)}
    if against == {AWAITING_APPROVAL}:
        return summarise(f"{_suggested_change(report)} (awaiting approval)", f", {gain}" if gain else "")
    reason = _reason(verdict.findings[0])
    if report.champion is None:
        candidate = f"{short_name(report.candidate.name)} version {report.candidate.version}"
        return summarise(f"{candidate} does not become {_role(report, first=True)}", f", because {reason}")
    return summarise(f"{_role(report, article='')} stays ({_short(report.champion)})", f", because {reason}")


def _reason(deciding: Finding) -> str:
    if not deciding.detail:
        return f"{deciding.subject} has {deciding.measure} {deciding.observed} (limit {deciding.limit})"
    return quote(first_clause(deciding.detail).split(": ")[0], 60)


def _supports_promotion(finding: Finding) -> bool:
    return finding.status in (Status.PASS, Status.NOTICE)


def _step(report: PromotionReport) -> str:
    if report.mode is Mode.SUGGEST:
        return f"{_suggested_change(report)} (suggested only)"
    if report.champion is None:
        return f"{_short(report.candidate)} becomes {_role(report, first=True)}"
    return f"{_short(report.candidate)} replaces {_version(report.champion)}{_behind_alias(report)}"


def _suggested_change(report: PromotionReport) -> str:
    if report.champion is None:
        return f"{_short(report.candidate)} would become {_role(report, first=True)}"
    return f"{_short(report.candidate)} would replace {_version(report.champion)}{_behind_alias(report)}"


def _role(report: PromotionReport, *, article: str = "the ", first: bool = False) -> str:
    """What the candidate is to be: the champion, or the model behind another alias."""
    number = "first " if first else ""
    return (
        f"{article}{number}champion" if report.alias == CHAMPION else f"{article}{number}model{_behind_alias(report)}"
    )


def _behind_alias(report: PromotionReport) -> str:
    return "" if report.alias == CHAMPION else f" behind alias {short_name(report.alias, 16)!r}"


def _gains(report: PromotionReport) -> Iterator[str]:
    for item in report.evidence:
        found = item.evaluation and (item.evaluation.against_champion or item.evaluation.against_dummy)
        if found:
            yield f"{found.metric} {found.value:.4g} against {found.other_value:.4g} of the {found.other}"


def same_version(one: ModelRef | None, other: ModelRef | None) -> bool:
    """Whether both name one version with one digest; a reference without a digest vouches for nothing."""
    if one is None or other is None or one.digest is None:
        return False
    return (one.name, one.version, one.digest) == (other.name, other.version, other.digest)


def _same_or_both_none(one: ModelRef | None, other: ModelRef | None) -> bool:
    return (one is None and other is None) or same_version(one, other)


def _among(dataset: DatasetRef | None, others: list[DatasetRef] | list[DatasetRef | None]) -> bool:
    if dataset is None or dataset.fingerprint is None:
        return False
    return any(other is not None and other.fingerprint == dataset.fingerprint for other in others)


def _refused(item: EvidenceItem, measure: str, detail: str) -> Finding:
    return Finding(subject=str(item.kind), measure=measure, observed=None, status=Status.FAIL, detail=detail)


def _named(model: ModelRef | None) -> str:
    if model is None:
        return "no model"
    return f"{model.name} {_version(model)}"


def _version(model: ModelRef) -> str:
    return f"version {model.version} ({(model.digest or 'no digest').removeprefix('sha256:')[:8]})"


def _short(model: ModelRef) -> str:
    return f"{short_name(model.name, 20)} {_version(model)}"


def _uri(dataset: DatasetRef | None) -> str:
    return dataset.uri if dataset else "no dataset"


def _fingerprint(dataset: DatasetRef) -> str:
    return (dataset.fingerprint or "not pinned").removeprefix("sha256:")[:12]
