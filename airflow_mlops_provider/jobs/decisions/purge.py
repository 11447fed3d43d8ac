"""``purge``: old evidence goes, and tombstones in the chains say what went, when and by which policy.

First the tombstone is committed, by the same exclusive create as every decision, then the file goes. So a purge that is
killed in between leaves files that the next one removes, and of two purges at once one writes the tombstones.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from io import StringIO

from airflow_mlops_provider.decisions.purge import judge_purge
from airflow_mlops_provider.exceptions import AlreadyExistsError
from airflow_mlops_provider.jobs.decisions.purge_snapshots import SnapshotPurge
from airflow_mlops_provider.jobs.decisions.record import draft_decision
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.records.decision_record import DecisionKind, DecisionRecord, Effect
from airflow_mlops_provider.records.evidence_name import EvidenceName
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.purge import PurgeReport, SnapshotsPurged, SnapshotTombstone, Tombstone
from airflow_mlops_provider.records.requests.purge import PurgeRequest
from airflow_mlops_provider.records.roles import CHAMPION
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain, Link
from airflow_mlops_provider.stores.chains.in_force import champion_of
from airflow_mlops_provider.stores.chains.retention import (
    Reason,
    cited,
    model_chains,
    retention_chain,
    snapshot_tombstones_in,
    still_needed,
    tombstones_in,
)
from airflow_mlops_provider.stores.evidence.job_specs import specs_left_by
from airflow_mlops_provider.stores.evidence.outcomes import outcomes_left_by
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

DATASETS = "datasets.csv"
"""Attached to the evidence of a purge: the datasets that are still referred to."""


class PurgeJob(Job, PurgeRequest):
    """Remove evidence and kept profiles that are past their time; decision records and what champions rest on stay."""

    def run(self) -> Outcome:
        """Bury, remove, sweep, record; safe to repeat, and to run twice at once.

        :raises IntegrityError: when a chain does not hold: what must stay could not be told.
        """
        work = _Purge(job=self, now=datetime.now(UTC))
        snapshots = work.purge_snapshots()
        report = replace(work.preview() if self.preview else work.carry_out(), snapshots=snapshots)
        needs = still_needed(self.evidence_store, since=work.limit)
        profiles, outcomes = work.remove_profiles(), work.remove_outcomes()
        work.remove_announced()
        report = replace(report, profiles=profiles, outcomes=outcomes, datasets=len(needs.datasets))
        return self.record(
            Kind.PURGE,
            report=report,
            policy=self.policy,
            verdict=judge_purge(report, self.policy),
            inputs={},
            attachments={DATASETS: _listed(needs.datasets)} if needs.datasets else None,
        )


@dataclass(frozen=True, kw_only=True)
class _Purge:
    job: PurgeJob
    now: datetime

    @property
    def store(self) -> EvidenceStore:
        return self.job.evidence_store

    @cached_property
    def files(self) -> dict[str, EvidenceName]:
        """All evidence by name, as it was when the purge began."""
        return {file.name: file for kind in Kind for file in self.store.dated(kind)}

    @cached_property
    def expired(self) -> list[str]:
        kinds = self.job.policy.affected
        return [name for name, file in self.files.items() if file.written_at <= self.limit and file.kind in kinds]

    def preview(self) -> PurgeReport:
        kept = self._kept()
        return self._report(set(self.expired) - kept.keys(), kept)

    def carry_out(self) -> PurgeReport:
        cited_names, with_tombstone = set[str](), set[str]()
        for chain in model_chains(self.store):
            names = cited(chain.links())
            with_tombstone |= self._write_tombstones(chain, set(self.expired) & names)
            cited_names |= names
        with_tombstone |= self._write_tombstones(retention_chain(self.store), set(self.expired) - cited_names)
        # Looked at once more, because a promotion may have come in between; a tombstone too many does no harm.
        kept = self._kept()
        # What an earlier purge recorded goes though a longer term would have kept it: its tombstone is written.
        staying = {name for name, reason in kept.items() if reason is not Reason.IN_TERM}
        gone = {name for name in self.files if name in with_tombstone and name not in staying}
        self.store.remove(sorted(gone))
        report = self._report(gone & set(self.expired), kept)
        return replace(report, finished=len(gone - set(self.expired)), swept=self.store.sweep())

    def _write_tombstones(self, chain: DecisionChain, names: Set[str]) -> set[str]:
        """Commit a tombstone for those of ``names`` that must not stay; returns all that has one there."""
        while True:
            links, kept = chain.links(), self._kept()
            have = set(tombstones_in(links))
            due = names - have - kept.keys()
            if not due:
                return have
            try:
                chain.commit(self._draft(chain, links, self._report(due, kept)), links)
            except AlreadyExistsError:
                continue  # a decision or another purge came first: look again at what must stay
            return have | due

    def _report(self, names: Set[str], kept: Mapping[str, Reason]) -> PurgeReport:
        found = sorted((self.files[name] for name in names), key=lambda file: (file.written_at, file.name))
        staying = Counter(kept[name] for name in self.expired if name in kept)
        return PurgeReport(
            purged_at=self.now.isoformat(),
            tombstones=tuple(
                Tombstone(name=file.name, written_at=file.written_at.isoformat(), sha256=file.sha256) for file in found
            ),
            kept=staying.total(),
            reasons={str(reason): staying[reason] for reason in Reason if staying[reason]},
            dry_run=self.job.preview,
        )

    def purge_snapshots(self) -> SnapshotsPurged | None:
        """Remove the snapshots that are past their time, before the evidence that speaks of them."""
        days = self.job.policy.snapshot_days
        if days is None:
            return None
        limit = self.now - timedelta(days=days)
        purge = SnapshotPurge(
            roots=self.job.snapshots, limit=limit, refs=lambda: still_needed(self.store, since=self.limit).datasets
        )
        return purge.preview() if self.job.preview else purge.carry_out(self._write_snapshot_tombstones)

    def _write_snapshot_tombstones(self, due: SnapshotsPurged) -> frozenset[SnapshotTombstone]:
        """Commit those of the tombstones that are not there yet; returns all that are."""
        chain = retention_chain(self.store)
        while True:
            links = chain.links()
            have = snapshot_tombstones_in(links)
            new = tuple(each for each in due.tombstones if each not in have)
            if not new:
                return have
            report = PurgeReport(purged_at=self.now.isoformat(), tombstones=(), snapshots=replace(due, tombstones=new))
            try:
                chain.commit(self._draft(chain, links, report), links)
            except AlreadyExistsError:
                continue  # another purge came first
            return have | {*new}

    def _draft(self, chain: DecisionChain, links: Sequence[Link], report: PurgeReport) -> DecisionRecord:
        drafted = draft_decision(
            self.job,
            kind=DecisionKind.PURGE,
            effect=Effect.PURGED,
            name=chain.name,
            alias=CHAMPION,
            model=links[-1].record.model if links else ModelRef(name=chain.name),
            champion=champion_of(links),
            report=report,
            policy=self.job.policy,
            verdict=judge_purge(report, self.job.policy),
        )
        return replace(drafted, created_at=self.now.isoformat())

    @property
    def limit(self) -> datetime:
        return self.now - timedelta(days=self.job.retention_days)

    def _kept(self) -> dict[str, Reason]:
        return still_needed(self.store, since=self.limit).evidence

    def remove_profiles(self) -> int:
        """Remove the kept profiles that nothing needs any more; returns how many files.

        A profile is made again when a check needs it, so that it leaves no tombstone.
        """
        if Kind.PROFILE not in self.job.policy.affected:
            return 0
        needs = still_needed(self.store, since=self.limit)
        due = [name for name, at in self.store.profiles().items() if at <= self.limit and name not in needs.profiles]
        if not self.job.preview:
            self.store.remove(due)
        return len(due)

    def remove_outcomes(self) -> int:
        """Remove the Outcomes that requests have left, when evidence of all kinds goes; returns how many.

        Each repeats what its evidence says and nothing refers to it, so that it leaves no tombstone. The specs of
        jobs that ran elsewhere go with them, uncounted.
        """
        if set(self.job.policy.affected) != set(Kind):
            return 0
        due = outcomes_left_by(self.store, self.limit)
        if not self.job.preview:
            self.store.remove([*due, *specs_left_by(self.store, self.limit)])
        return len(due)

    def remove_announced(self) -> None:
        """Remove what was announced for tries that are over: it is the evidence once more, which may have gone."""
        if not self.job.preview:
            self.store.remove(self.store.announced(self.job.policy.affected, until=self.limit))


def _listed(datasets: Mapping[DatasetRef, Reason]) -> bytes:
    """Every dataset with its fingerprint and the reason why it is still needed, as CSV."""
    text = StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("uri", "fingerprint", "reason"))
    lines.writerows(sorted({(ref.uri, ref.fingerprint or "", str(reason)) for ref, reason in datasets.items()}))
    return text.getvalue().encode()
