"""``verify``: recompute past verdicts from their evidence and check the chain that they were recorded in.

Needs the evidence root alone; the registry, when it can be reached, tells besides whether a last record is gone and
whether its aliases and the artifacts of the champion and of the version before it are what the record says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from airflow_mlops_provider.decisions.verification import EVIDENCE_PURGED, judge_verification, note_unrecorded
from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError, MLOpsError
from airflow_mlops_provider.jobs.decisions.promote import effect_of, item_of
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.jobs.rejudge import examine_attachments, judge_again, judged_again, same_judgement
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.decision_record import DecisionKind, DecisionRecord
from airflow_mlops_provider.records.evidence_name import name_of
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import ModelRef, registered_name
from airflow_mlops_provider.records.reports.promotion import EvidenceItem, PromotionReport
from airflow_mlops_provider.records.reports.verification import Check, VerificationReport
from airflow_mlops_provider.records.requests.verify import VerifyRequest
from airflow_mlops_provider.records.verdict import Status, Verdict
from airflow_mlops_provider.stores.chains.aliases import Anchor, anchors_in, examine_anchors
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain, Link
from airflow_mlops_provider.stores.chains.in_force import champion_of, previous_of
from airflow_mlops_provider.stores.chains.retention import (
    RecordedTombstone,
    examine_tombstones,
    model_chains,
    retention_chain,
)
from airflow_mlops_provider.stores.evidence.store import read_evidence, store_of
from airflow_mlops_provider.stores.models import ModelStore
from airflow_mlops_provider.stores.models.connection import default_tracking_uri, sqlite_path


class VerifyJob(Job, VerifyRequest):
    """Check everything that is recorded about a model, or one piece of evidence."""

    needs_writable_root = False

    def run(self) -> Outcome:
        """Check, judge and record; what is wrong is named in the findings, nothing is repaired.

        Where nothing can be written, as in a copy for an auditor, the verdict is given all the same and says that it
        was not kept; its Outcome names no evidence.

        :raises BadInputError: when there is no such model, or nothing at ``evidence``.
        """
        report = self._of_evidence(self.evidence) if self.evidence else self._of_model(self.model or "")
        verdict = judge_verification(report)
        try:
            return self.record(Kind.VERIFICATION, report=report, policy=None, verdict=verdict, inputs={})
        except BackendError as error:
            return Outcome(kind=Kind.VERIFICATION, verdict=note_unrecorded(verdict, str(error)), evidence_uri="")

    def _of_evidence(self, uri: str) -> VerificationReport:
        store = self.evidence_store
        chains = (*model_chains(store), retention_chain(store))
        tombstones = {
            name: recorded for chain in chains for name, recorded in examine_tombstones(chain.examine()[0])[0].items()
        }
        if _tombstone(uri, tombstones) is None:
            _require_evidence(uri)
        return VerificationReport(name=uri, records=0, pieces=1, checks=tuple(_check_evidence(uri, tombstones)))

    def _of_model(self, model: str | ModelRef) -> VerificationReport:
        name = registered_name(model)
        chain = DecisionChain(self.evidence_store, name)
        # The registry first: the chain may grow in between, and a tag must never look newer than the chain.
        registry = _Registry.reach(name, self.tracking_uri, self.evidence_root)
        links, faults = chain.examine()
        if not links and not faults and not registry.anchors:
            raise BadInputError(f"no decision about model {name!r} is recorded in {chain.place}")
        buried, more_faults = retention_chain(self.evidence_store).examine()
        tombstones, odd = examine_tombstones([*links, *buried])
        faults = (*faults, *examine_anchors(chain, links, registry.anchors), *more_faults, *odd)
        checks = [Check(subject=f.subject, measure=f.measure, holds=False, detail=f.detail) for f in faults]
        if not faults:
            checks.append(Check(subject=chain.place, measure="chain_unbroken", holds=True))
        uris = list(dict.fromkeys(uri for link in links for uri in link.record.evidence))
        places = {uri: self._place_of(uri) for uri in uris}
        by_uri = {uri: _tombstone(places[uri], tombstones) for uri in uris}
        for link in links:
            checks += _check_record(link, links, places, by_uri)
        for uri in uris:
            checks += _check_evidence(places[uri], tombstones)
        return VerificationReport(
            name=name, records=len(links), pieces=len(uris), checks=(*checks, *registry.checks(links))
        )

    def _place_of(self, uri: str) -> str:
        """Where a piece of evidence lies in this root, which may be a copy: its name's hash vouches for it anywhere."""
        store = self.evidence_store
        copied = store.uri_of(name_of(uri))
        return copied if copied != uri and store.holds(copied) else uri


@dataclass(frozen=True, kw_only=True)
class _Registry:
    """The model's versions as MLflow has them, or why they cannot be had."""

    name: str
    models: ModelStore | None = None
    anchors: tuple[Anchor, ...] = ()
    problem: str = ""

    @classmethod
    def reach(cls, name: str, tracking_uri: str | None, evidence_root: str | None) -> _Registry:
        uri = tracking_uri or default_tracking_uri(evidence_root)
        path = sqlite_path(uri)
        if path is not None and not path.exists():
            return cls(name=name, problem=f"there is no MLflow database {path}")  # looking must not create one
        try:
            models = ModelStore(uri)
            return cls(name=name, models=models, anchors=anchors_in(models.tags_of_versions(name)))
        except BackendError as error:
            return cls(name=name, problem=str(error))

    def checks(self, links: Sequence[Link]) -> Iterator[Check]:
        if self.models is None:
            detail = f"cannot be asked, so a removed last record would go unseen: {self.problem}"
            yield Check(subject="the registry", measure="registry_agrees", holds=None, detail=detail)
            return
        have = self.models.aliases(self.name)
        for alias in sorted({link.record.alias for link in links if link.record.moved}):
            champion = champion_of(links, alias)
            if champion is not None:
                yield _check_alias(alias, champion, have.get(alias), links)
                yield self._check_artifact(champion)
        previous = previous_of(links)
        if previous is not None and previous != champion_of(links):
            yield self._check_artifact(previous)

    def _check_artifact(self, champion: ModelRef) -> Check:
        subject = f"artifact of version {champion.version}"
        try:
            assert self.models is not None  # noqa: S101  # asked before
            self.models.spec(champion)
        except BadInputError as error:
            return Check(subject=subject, measure="artifact_unchanged", holds=False, detail=str(error))
        return Check(subject=subject, measure="artifact_unchanged", holds=True)


def _check_alias(alias: str, champion: ModelRef, found: str | None, links: Sequence[Link]) -> Check:
    subject = f"alias {alias}"
    if found == champion.version:
        return Check(subject=subject, measure="alias_follows_record", holds=True)
    known = {link.record.model.version for link in links if link.record.moved} | {None}
    detail = f"points at version {found}, the record says version {champion.version}"
    if found in known:
        detail += "; the next promotion or rollback puts it right"
        return Check(subject=subject, measure="alias_follows_record", holds=None, detail=detail)
    return Check(
        subject=subject, measure="alias_follows_record", holds=False, detail=f"{detail}, and no record moved it"
    )


def _check_record(
    link: Link, links: Sequence[Link], places: Mapping[str, str], by_uri: Mapping[str, RecordedTombstone | None]
) -> Iterator[Check]:
    record = link.record
    subject = f"record {record.number}"
    yield from _recomputed(
        subject, record.verdict, lambda: judge_again(Kind(record.kind), record.report, record.policy, where=subject)
    )
    if record.kind is DecisionKind.PURGE and record.verdict.status is not Status.PASS:
        detail = f"removed evidence that was not due: {record.verdict.findings[0].detail}"
        yield Check(subject=subject, measure="purge_was_due", holds=False, detail=detail)
    before = [other for other in links if other.record.number < record.number]
    in_force = champion_of(before, record.alias)
    if in_force is not None and in_force != record.champion:
        detail = f"says version {_version(record.champion)} was in force, by the records it was {_version(in_force)}"
        yield Check(subject=subject, measure="champion_consistent", holds=False, detail=detail)
    if record.kind is DecisionKind.PROMOTION:
        yield from _check_promotion(record, subject, places, by_uri)


def _check_promotion(
    record: DecisionRecord, subject: str, places: Mapping[str, str], by_uri: Mapping[str, RecordedTombstone | None]
) -> Iterator[Check]:
    if record.mode is None or effect_of(record.verdict, record.mode) is not record.effect:
        detail = f"says {record.effect}, which is not what verdict {record.verdict.status} leads to"
        yield Check(subject=subject, measure="effect_consistent", holds=False, detail=detail)
    try:
        report = decode(PromotionReport, record.report, where=subject)
    except BadInputError:
        return  # said already: its verdict cannot be recomputed
    for item in report.evidence:
        yield _check_item(item, record, subject, places.get(item.uri, item.uri), by_uri.get(item.uri))


def _check_item(
    item: EvidenceItem, record: DecisionRecord, subject: str, place: str, recorded: RecordedTombstone | None
) -> Check:
    """Whether the evidence still says what the record took from it."""
    measure = "evidence_as_recorded"
    if record.evidence.get(item.uri) != item.sha256:
        return Check(subject=subject, measure=measure, holds=False, detail=f"carries two hashes of {item.uri}")
    if recorded is not None:
        holds = recorded.tombstone.sha256 == item.sha256
        detail = "" if holds else f"rests on other bytes than those removed by {recorded.link.uri}: {item.uri}"
        return Check(subject=subject, measure=measure, holds=holds, detail=detail)
    try:
        found = item_of(item.uri, read_evidence(place))
    except BadInputError as error:
        return Check(subject=subject, measure=measure, holds=False, detail=f"rests on what is not there: {error}")
    if found != item:
        return Check(subject=subject, measure=measure, holds=False, detail=f"says otherwise than {item.uri}")
    return Check(subject=subject, measure=measure, holds=True)


def _tombstone(uri: str, tombstones: Mapping[str, RecordedTombstone]) -> RecordedTombstone | None:
    """The tombstone of evidence that is gone; ``None`` when it is there or was not removed by policy."""
    found = tombstones.get(name_of(uri))
    return found if found is not None and not store_of(uri).holds(uri) else None


def _require_evidence(uri: str) -> None:
    """Raise ``BadInputError`` when what the caller named is not there or no evidence; changed evidence is a verdict."""
    if not store_of(uri).holds(uri):
        raise BadInputError(f"evidence {uri} does not exist")
    try:
        read_evidence(uri)
    except IntegrityError:
        return


def _check_evidence(uri: str, tombstones: Mapping[str, RecordedTombstone]) -> Iterator[Check]:
    recorded = _tombstone(uri, tombstones)
    if recorded is not None:
        record = recorded.link.record
        detail = f"was removed on {record.created_at[:10]} by {recorded.link.uri}: {record.reason}"
        yield Check(subject=uri, measure=EVIDENCE_PURGED, holds=True, detail=detail)
        return
    try:
        found = read_evidence(uri)
    except BadInputError as error:
        yield Check(subject=uri, measure="evidence_unchanged", holds=False, detail=str(error))
        return
    yield Check(subject=uri, measure="evidence_unchanged", holds=True)
    yield from _recomputed(uri, found.verdict, lambda: judged_again(found, uri))
    for place, trouble in examine_attachments(found, uri):
        if trouble and _tombstone(place, tombstones) is None:
            yield Check(subject=place, measure="attachment_unchanged", holds=False, detail=trouble)


def _recomputed(subject: str, recorded: Verdict, judge: Callable[[], Verdict | None]) -> Iterator[Check]:
    measure = "verdict_recomputed"
    try:
        again = judge()
    except MLOpsError as error:
        yield Check(subject=subject, measure=measure, holds=False, detail=f"cannot be judged again: {error}")
        return
    if again is not None:
        yield _compared(subject, recorded, again)


def _compared(subject: str, recorded: Verdict, again: Verdict) -> Check:
    if same_judgement(recorded, again):
        return Check(subject=subject, measure="verdict_recomputed", holds=True)
    detail = f"was judged {recorded.status}; its report and policy give {again.status}: {again.summary}"
    if recorded.status is again.status:
        detail = f"was judged {recorded.status} with other numbers than its report and policy give"
    return Check(subject=subject, measure="verdict_recomputed", holds=False, detail=detail)


def _version(model: ModelRef | None) -> str:
    return str(model.version) if model else "none"
