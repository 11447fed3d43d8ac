"""``rollback``: put the last good champion back, by the record."""

from __future__ import annotations

from dataclasses import replace

from airflow_mlops_provider.decisions.promotion import CHAMPION_CHANGED, may_promote
from airflow_mlops_provider.decisions.rollback import judge_rollback
from airflow_mlops_provider.exceptions import AlreadyExistsError, BadInputError
from airflow_mlops_provider.jobs.decisions.incident import INCIDENT, open_incident
from airflow_mlops_provider.jobs.decisions.record import as_decided_then, check_evidence, draft_decision, outcome_of
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.jobs.stored_probe import ask_probe, build_version
from airflow_mlops_provider.records.codec import digest
from airflow_mlops_provider.records.decision_record import DecisionKind, DecisionRecord, Effect
from airflow_mlops_provider.records.evidence_name import name_of
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef, registered_name
from airflow_mlops_provider.records.reports.rollback import RollbackReport
from airflow_mlops_provider.records.reports.training import Symmetry
from airflow_mlops_provider.records.requests.rollback import RollbackRequest
from airflow_mlops_provider.stores.chains.aliases import read_chain, repair_aliases
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain, Link, find_request
from airflow_mlops_provider.stores.chains.in_force import champion_of, restorable
from airflow_mlops_provider.stores.chains.retention import tombstones_in
from airflow_mlops_provider.stores.models import ModelStore


class RollbackJob(Job, RollbackRequest):
    """Go back to the champion before this one, or to an earlier one; rolling back twice goes one further back."""

    def run(self) -> Outcome:
        """Test the target, commit, move the alias, open an incident; a retry finds what an earlier try committed.

        :raises BadInputError: when there is nothing to go back to.
        :raises IntegrityError: when the target's artifact, its evidence or the decision record was tampered with.
        """
        models = ModelStore(self.tracking_uri, evidence_root=self.evidence_root)
        chain = DecisionChain(self.evidence_store, self.name)
        link = find_request(chain.links(), self.request_digest)
        if link is None:
            link = self._decide(models, chain)
        elif link.record.moved:
            models.spec(link.record.model)  # an earlier try committed: what it put back must still be what it tested
        repair_aliases(models, chain, self.alias)
        incident = {INCIDENT: open_incident(self, link, chain.links())} if link.record.moved else {}
        return as_decided_then(outcome_of(self, link, **incident), link, chain.links())

    @property
    def request_digest(self) -> str | None:
        """Hash of what is asked; ``None`` without a run key, because then two calls are two rollbacks."""
        if self.run_key is None:
            return None
        asked = {key: getattr(self, key) for key in ("run_key", "reason", "to_version", "person", "alias")}
        return digest({"rollback": {**asked, "name": self.name}})

    @property
    def name(self) -> str:
        """The registered name of the model."""
        return registered_name(self.model)

    def _decide(self, models: ModelStore, chain: DecisionChain) -> Link:
        seen: ModelRef | None = None
        while True:
            links = read_chain(models, chain)
            standing = find_request(links, self.request_digest)
            if standing is not None:
                return standing  # another try of this request was quicker
            champion, target, promotion = self._target(links)
            seen = seen or champion
            report = RollbackReport(
                champion=champion,
                target=target,
                restores=promotion.record.number if promotion else None,
                smoke=_smoke_test(models, target),
                expected=seen if seen != champion else None,
                missing_evidence=self._missing(links, promotion),
            )
            datasets = promotion.record.datasets if promotion else {"training": models.run_dataset(target)}
            try:
                return chain.commit(self._draft(report, datasets), links)
            except AlreadyExistsError:
                continue  # another decision came first; going back from that one was not asked for

    def _missing(self, links: tuple[Link, ...], promotion: Link | None) -> tuple[str, ...]:
        """What the promotion of the target rests on and is gone without a tombstone; raises for what was changed."""
        missing = check_evidence(self.evidence_store, promotion) if promotion else ()
        tombstones = tombstones_in(links)
        return tuple(uri for uri in missing if name_of(uri) not in tombstones)

    def _target(self, links: tuple[Link, ...]) -> tuple[ModelRef, ModelRef, Link | None]:
        champion = champion_of(links, self.alias)
        if champion is None:
            raise BadInputError(f"rollback of {self.name}: no promotion to {self.alias!r} is recorded")
        candidates = restorable(links, self.alias)
        if not candidates:
            raise BadInputError(
                f"rollback of {self.name}: there is nothing to go back to, version {champion.version} is the only "
                f"promotion in force"
            )
        for model, promotion in candidates:
            if self.to_version is None or model.version == str(self.to_version):
                return champion, model, promotion
        known = ", ".join(str(model.version) for model, _ in candidates)
        raise BadInputError(
            f"rollback of {self.name}: 'to_version' {self.to_version} is not a former champion in force before "
            f"version {champion.version}; those are {known}"
        )

    def _draft(self, report: RollbackReport, datasets: dict[str, DatasetRef]) -> DecisionRecord:
        verdict = judge_rollback(report, self.policy)
        lost = any(finding.measure == CHAMPION_CHANGED for finding in verdict.findings)
        stays = Effect.LOST if lost else Effect.STAYS
        drafted = draft_decision(
            self,
            kind=DecisionKind.ROLLBACK,
            effect=Effect.MOVED if may_promote(verdict) else stays,
            name=self.name,
            alias=self.alias,
            model=report.target,
            champion=report.champion,
            report=report,
            policy=self.policy,
            verdict=verdict,
        )
        return replace(
            drafted,
            datasets=datasets,
            person=self.person,
            reason=self.reason,
            restores=report.restores,
            request=self.request_digest,
        )


def _smoke_test(models: ModelStore, target: ModelRef) -> Symmetry | None:
    """Load the target, which verifies its digest, and ask it about its stored probe batch."""
    return ask_probe(build_version(models, target))
