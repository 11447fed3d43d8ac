"""``replay``: what past decisions would have been under another policy."""

from __future__ import annotations

from dataclasses import replace

from airflow_mlops_provider.decisions.dataset_fallback import note_fallbacks
from airflow_mlops_provider.decisions.evaluation import judge_evaluation
from airflow_mlops_provider.decisions.promotion import (
    PromotionPolicy,
    evaluation_policy,
    judge_promotion,
    may_promote,
)
from airflow_mlops_provider.decisions.verification import judge_replay
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.jobs.rejudge import judge_again
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.decision_record import DecisionKind, DecisionRecord
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import registered_name
from airflow_mlops_provider.records.reports.promotion import EvidenceItem, PromotionReport
from airflow_mlops_provider.records.reports.verification import Replayed, ReplayReport
from airflow_mlops_provider.records.requests.replay import ReplayRequest
from airflow_mlops_provider.records.verdict import Verdict
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain
from airflow_mlops_provider.stores.evidence.store import read_evidence


class ReplayJob(Job, ReplayRequest):
    """Judge the promotions of a model, or one piece of evidence, under another policy; nothing is changed."""

    def run(self) -> Outcome:
        """Judge again, compare and record; each judgement that would change is a notice.

        :raises BadInputError: for an unknown key of the policy, or when nothing is recorded.
        """
        name = registered_name(self.model or "")
        judgements = self._of_evidence(self.evidence) if self.evidence else self._of_model(name)
        report = ReplayReport(name=name or self.evidence or "", judgements=judgements)
        return self.record(Kind.REPLAY, report=report, policy=self.policy, verdict=judge_replay(report), inputs={})

    def _of_evidence(self, uri: str) -> tuple[Replayed, ...]:
        found = read_evidence(uri)
        again = judge_again(found.kind, found.report, {**(found.policy or {}), **self.policy}, where=f"evidence {uri}")
        if again is None:
            raise BadInputError(f"evidence {uri}: the verdict of a {found.kind} is not made by a policy")
        again = note_fallbacks(found.kind, again, found.inputs)
        changed = again.status is not found.verdict.status
        detail = f"{found.verdict.status} would be {again.status}: {again.summary}" if changed else again.summary
        return (Replayed(subject=uri, before=found.verdict.status, after=again.status, changed=changed, detail=detail),)

    def _of_model(self, name: str) -> tuple[Replayed, ...]:
        chain = DecisionChain(self.evidence_store, name)
        links = chain.links()
        if not links:
            raise BadInputError(f"no decision about model {name!r} is recorded in {chain.place}")
        promotions = [link.record for link in links if link.record.kind is DecisionKind.PROMOTION]
        return tuple(self._replay(record) for record in promotions)

    def _replay(self, record: DecisionRecord) -> Replayed:
        where = f"record {record.number}"
        policy = decode(PromotionPolicy, {**record.policy, **self.policy}, where="replay policy")
        report = decode(PromotionReport, record.report, where=where)
        again = judge_promotion(
            replace(report, evidence=tuple(_judged_under(item, policy) for item in report.evidence)), policy
        )
        changed = may_promote(again) is not may_promote(record.verdict)
        return Replayed(
            subject=where,
            before=record.verdict.status,
            after=again.status,
            changed=changed,
            detail=_in_words(record, again, changed=changed),
        )


def _judged_under(item: EvidenceItem, policy: PromotionPolicy) -> EvidenceItem:
    """The evaluation as it would have been judged, so that a milder policy is not held up by a stricter verdict."""
    if item.evaluation is None:
        return item
    verdict = judge_evaluation(item.evaluation, evaluation_policy(item, policy))
    return replace(item, status=verdict.status, summary=verdict.summary)


def _in_words(record: DecisionRecord, again: Verdict, *, changed: bool) -> str:
    version = f"version {record.model.version}"
    if not changed:
        return (
            f"{version}: {record.verdict.status} stays {again.status}"
            if again.status is not record.verdict.status
            else ""
        )
    if may_promote(again):
        return f"{version} would have been promoted; it was not, because {record.verdict.summary}"
    return f"{version} would not have been promoted: {again.summary}"
