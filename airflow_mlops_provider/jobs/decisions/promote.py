"""``promote``: make a model the champion on evidence, or record why the champion stays."""

from __future__ import annotations

from dataclasses import replace

from airflow_mlops_provider.decisions.promotion import (
    AWAITING_APPROVAL,
    CHAMPION_CHANGED,
    judge_promotion,
    may_promote,
)
from airflow_mlops_provider.exceptions import AlreadyExistsError, LostVersionError
from airflow_mlops_provider.jobs.decisions.record import as_decided_then, draft_decision, outcome_of
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.jobs.rejudge import read_proven
from airflow_mlops_provider.jobs.stored_probe import load_version
from airflow_mlops_provider.records.codec import decode, digest
from airflow_mlops_provider.records.decision_record import (
    TRAINING,
    TRAINING_PROFILE,
    DecisionKind,
    DecisionRecord,
    Effect,
)
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.evidence_name import hash_in
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.evaluation import EvaluationReport
from airflow_mlops_provider.records.reports.promotion import EvidenceItem, Mode, PromotionReport
from airflow_mlops_provider.records.requests.promote import PromoteRequest
from airflow_mlops_provider.records.verdict import Status, Verdict
from airflow_mlops_provider.stores.chains.aliases import read_chain, repair_aliases
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain, Link, find_request
from airflow_mlops_provider.stores.chains.in_force import champion_of
from airflow_mlops_provider.stores.models import ModelStore


class PromoteJob(Job, PromoteRequest):
    """Judge a candidate on its evidence, record the decision, and move the alias if it carries."""

    def run(self) -> Outcome:
        """Decide, commit, move the alias; a retry with the same run key finds what an earlier try committed.

        :raises IntegrityError: when the artifact, a piece of evidence, what is attached to it or the decision record
            was tampered with; also when a piece of evidence carries a verdict that its own report does not give.
        :raises BadInputError: when the model or a piece of evidence cannot be found, naming it.
        """
        models = ModelStore(self.tracking_uri, evidence_root=self.evidence_root)
        chain = DecisionChain(self.evidence_store, models.name_of(self.model))
        link = find_request(chain.links(), self.request_digest)
        if link is None:
            link = self._decide(models, chain)
        elif link.record.moved:
            models.spec(link.record.model)  # an earlier try committed: the artifact must still be what was promoted
        try:
            repair_aliases(models, chain, self.alias)
        except LostVersionError:
            if link.record.moved:
                raise
            # The champion that stays is lost: no alias can follow, and the decision is told all the same.
        return as_decided_then(outcome_of(self, link), link, chain.links())

    @property
    def request_digest(self) -> str | None:
        """Hash of what is asked; ``None`` without a run key, because then two calls are two requests."""
        if self.run_key is None:
            return None
        asked = {key: getattr(self, key) for key in ("run_key", "model", "evidence", "alias", "mode", "policy")}
        # The name that the key had in 0.1.0, so that a retry after an upgrade finds what it committed before.
        return digest({**asked, "approver": self.person})

    def _decide(self, models: ModelStore, chain: DecisionChain) -> Link:
        candidate = models.resolve(self.model)
        # A tampered artifact, or one that answers by other code than it was judged with, never gets to a verdict.
        spec = load_version(models, candidate).spec
        training = models.run_dataset(candidate)
        items = tuple(item_of(uri, read_proven(uri)) for uri in self.evidence)
        while True:
            links = read_chain(models, chain, candidate)
            standing = find_request(links, self.request_digest)
            if standing is not None:
                return standing  # another try of this request was quicker
            report = PromotionReport(
                candidate=candidate,
                champion=champion_of(links, self.alias) or _older_champion(models, chain.name, links, self.alias),
                training=training,
                evidence=items,
                mode=self.mode,
                approver=self.person,
                owners=spec.owners,
                alias=self.alias,
            )
            try:
                return chain.commit(self._with_profile(self._draft(report), spec), links)
            except AlreadyExistsError:
                continue  # another decision came first; what it changed decides anew

    def _with_profile(self, draft: DecisionRecord, spec: ModelSpec) -> DecisionRecord:
        """A decision that moves the alias keeps the profile of what the new champion was trained on."""
        if not draft.moved:
            return draft
        from airflow_mlops_provider.jobs.data.profile import keep_reference  # loads what a decision needs not

        kept = keep_reference(draft.datasets[TRAINING], self.evidence_store, sensitive=spec.sensitive)
        return replace(draft, datasets=draft.datasets | ({TRAINING_PROFILE: kept} if kept else {}))

    def _draft(self, report: PromotionReport) -> DecisionRecord:
        verdict = judge_promotion(report, self.policy)
        drafted = draft_decision(
            self,
            kind=DecisionKind.PROMOTION,
            effect=effect_of(verdict, self.mode),
            name=report.candidate.name,
            alias=self.alias,
            model=report.candidate,
            champion=report.champion,
            report=report,
            policy=self.policy,
            verdict=verdict,
        )
        return replace(
            drafted,
            evidence={item.uri: item.sha256 for item in report.evidence},
            datasets=_datasets(report),
            mode=self.mode,
            person=self.person,
            request=self.request_digest,
        )


def effect_of(verdict: Verdict, mode: Mode) -> Effect:
    """What a verdict leads to in a mode."""
    if may_promote(verdict):
        return Effect.SUGGESTED if mode is Mode.SUGGEST else Effect.MOVED
    against = {finding.measure for finding in verdict.findings if finding.status in _AGAINST}
    if against == {CHAMPION_CHANGED}:
        return Effect.LOST
    return Effect.AWAITING_APPROVAL if against == {AWAITING_APPROVAL} else Effect.STAYS


_AGAINST = (Status.FAIL, Status.INSUFFICIENT_EVIDENCE)


def item_of(uri: str, found: Evidence) -> EvidenceItem:
    """One piece of evidence as far as a promotion cares."""
    is_evaluation = found.kind is Kind.EVALUATION
    return EvidenceItem(
        kind=found.kind,
        uri=uri,
        sha256=hash_in(uri) or "",
        status=found.verdict.status,
        summary=found.verdict.summary,
        model=found.model,
        dataset=found.dataset,
        compared_with=_compared_with(found) if is_evaluation else None,
        evaluation=decode(EvaluationReport, found.report, where=f"evidence {uri}") if is_evaluation else None,
        evaluation_policy=found.policy if is_evaluation else None,
    )


def _compared_with(found: Evidence) -> ModelRef | None:
    champion = found.details.get("champion")
    return decode(ModelRef, champion, where="champion of the evaluation") if isinstance(champion, dict) else None


def _older_champion(models: ModelStore, name: str, links: tuple[Link, ...], alias: str) -> ModelRef | None:
    """The version behind the alias when no record has moved it yet: the champion from before the record began."""
    if any(link.record.moved and link.record.alias == alias for link in links):
        return None
    return models.find(name, alias)


def _datasets(report: PromotionReport) -> dict[str, DatasetRef]:
    found = {TRAINING: report.training}
    for item in report.evidence:
        if item.dataset is not None and item.kind is not Kind.TRAINING:
            found.setdefault(str(item.kind), item.dataset)
    return found
