"""What jobs share that make decisions or follow them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from airflow_mlops_provider.decisions.summaries import MAX_LENGTH, first_clause, shorten
from airflow_mlops_provider.exceptions import LostVersionError
from airflow_mlops_provider.jobs.job import Job, installed_versions
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.decision_record import DecisionKind, DecisionRecord, Effect
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.roles import CHAMPION
from airflow_mlops_provider.records.verdict import Verdict
from airflow_mlops_provider.stores.chains.aliases import read_chain, repair_aliases
from airflow_mlops_provider.stores.chains.claim_names import evidence_claim
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain, Link
from airflow_mlops_provider.stores.chains.in_force import champion_of, in_force
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.models import ModelStore


def draft_decision(
    job: Job,
    *,
    kind: DecisionKind,
    effect: Effect,
    name: str,
    alias: str,
    model: ModelRef,
    champion: ModelRef | None,
    report: Any,
    policy: Any,
    verdict: Verdict,
) -> DecisionRecord:
    """A decision as far as all kinds of it are alike; its place in the chain is filled in when it is committed.

    :param job: who decides: its origin is recorded, with the versions that judged.
    :param kind: promotion, rollback or purge.
    :param effect: what comes of it.
    :param name: registered name of the model.
    :param alias: the alias that it is about.
    :param model: the version decided on.
    :param champion: the version in force before; ``None`` for the first.
    :param report: the facts.
    :param policy: the limits.
    :param verdict: the judgement; its summary is the reason, until a caller replaces it.
    """
    return DecisionRecord(
        number=0,
        previous=None,
        created_at=datetime.now(UTC).isoformat(),
        kind=kind,
        effect=effect,
        name=name,
        alias=alias,
        model=model,
        champion=champion,
        report=encode(report),
        policy=encode(policy),
        verdict=verdict,
        reason=verdict.summary,
        origin=job.origin,
        versions=installed_versions(),
    )


def outcome_of(job: Job, link: Link, **links: str) -> Outcome:
    """The Outcome of a committed decision, its evidence written once however often the task is tried.

    The record is the truth; the evidence is its copy in the form that pages, links and alerts read.

    :param links: further URIs for its details.
    """
    record = link.record
    claim = evidence_claim(record)
    standing = job.evidence_store.claimed(claim)
    if standing is None:
        standing = job.evidence_store.claim(claim, {"evidence_uri": _write_evidence(job, link, links).evidence_uri})
    return Outcome(
        kind=Kind(record.kind), verdict=record.verdict, evidence_uri=standing["evidence_uri"], model=record.model
    )


def as_decided_then(outcome: Outcome, link: Link, links: Sequence[Link]) -> Outcome:
    """The Outcome of a decision that an earlier try made: where a later one changed the version in force, it says so.

    :param link: the decision.
    :param links: the chain as it is now.
    """
    record = link.record
    later = [each.record for each in links if each.record.moved and each.record.alias == record.alias]
    now = max(later, key=lambda each: each.number, default=record)
    if now.number <= record.number:
        return outcome
    when = f"on {record.created_at[:10]} (version {now.model.version} is in force now)"
    then = shorten(first_clause(outcome.verdict.summary), MAX_LENGTH - len(when) - 2)
    return replace(outcome, verdict=replace(outcome.verdict, summary=f"{when}: {then}"))


def _write_evidence(job: Job, link: Link, links: Mapping[str, str]) -> Outcome:
    record = link.record
    return job.record(
        Kind(record.kind),
        report=record.report,
        policy=record.policy,
        verdict=record.verdict,
        inputs=record.datasets,
        model=record.model,
        details={**_details(link.record, link.uri, link.digest), **links},
    )


def _details(record: DecisionRecord, uri: str, digest: str) -> dict[str, object]:
    return {
        "record": record.number,
        "record_uri": uri,
        "record_sha256": digest,
        "effect": str(record.effect),
        "alias": record.alias,
        "champion_before": record.champion.version if record.champion else None,
        "person": record.person,
        "reason": record.reason,
    }


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The version behind an alias: by the record or, before it began, by the registry.

    :param version: ``None`` when there is none yet.
    :param moved_by_hand: what somebody had moved outside the record, one sentence each.
    :param lost: why the version cannot be had from the registry any more; empty when it can.
    """

    version: ModelRef | None
    moved_by_hand: tuple[str, ...] = ()
    lost: str = ""


def standing_version(job: Job, models: ModelStore, name: str, alias: str = CHAMPION) -> Standing:
    """What ``alias`` stands for, after it was made to follow the record; that the version is lost is no error here.

    :raises IntegrityError: as :func:`follow_record`.
    """
    try:
        moved = follow_record(job, models, name, alias)
    except LostVersionError as error:
        links = DecisionChain(job.evidence_store, name).links()
        return Standing(version=champion_of(links, alias), lost=str(error))
    recorded = champion_of(DecisionChain(job.evidence_store, name).links(), alias)
    return Standing(version=recorded or models.find(name, alias), moved_by_hand=moved)


def follow_record(job: Job, models: ModelStore, name: str, alias: str = CHAMPION) -> tuple[str, ...]:
    """Make ``alias`` true before it is read: a promotion that died after its commit has not moved it.

    An alias that was set by hand, before anything was decided, stays as it is; one that a record had set is refused
    when the records are gone, also when it was the only one.

    :returns: what somebody had moved by hand, one sentence each.
    :raises IntegrityError: when the decision record, also its last one, or what the decision in force rests on was
        tampered with.
    :raises LostVersionError: when the version in force is gone from the registry, or another one has its number.
    """
    chain = DecisionChain(job.evidence_store, name)
    # Aliases follow a whole chain only: else a removed last record would move them back.
    standing = in_force(read_chain(models, chain), alias)
    if standing:
        check_evidence(job.evidence_store, standing[-1])
    return tuple(map(str, repair_aliases(models, chain, alias)))


def check_evidence(store: EvidenceStore, link: Link) -> tuple[str, ...]:
    """Hold the evidence of a decision, as far as it lies in this root, against its hashes.

    :returns: the URIs of what is gone, by a purge or otherwise.
    :raises IntegrityError: when a file was changed, naming it.
    """
    missing = []
    for uri in link.record.evidence:
        if uri.startswith(f"{store.root}/"):
            if store.holds(uri):
                store.read_bytes(uri)
            else:
                missing.append(uri)
    return tuple(missing)
