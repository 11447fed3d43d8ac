"""A model's past, day by day, as jobs would have left it in an evidence root: without MLflow, and dated at will."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow_mlops_provider.records.codec import canonical_json, digest, sha256
from airflow_mlops_provider.records.decision_record import TRAINING, DecisionKind, DecisionRecord, Effect
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.evidence_name import (
    attachment_name,
    evidence_name,
    hash_in,
    name_of,
    profile_folder,
)
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.roles import CHAMPION
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict
from airflow_mlops_provider.stores.chains.claim_names import evidence_claim, incident_claims, incident_title
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain, Link
from airflow_mlops_provider.stores.chains.in_force import in_force, restorable
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.specs import local_path

PASSED = Verdict.of(
    [Finding(subject="it", measure="number", observed=1.0, status=Status.PASS)], summary="as it should be"
)


@dataclass
class History:
    """What happened to ``wage``; every step takes a day, and the last one was today."""

    root: Path
    days: int
    versions: int = 0
    open: dict[str, str] = field(default_factory=dict)
    """Titles of incidents that are open, with their evidence's name."""

    def __post_init__(self) -> None:
        self.now = datetime.now(UTC) - timedelta(days=self.days)

    @property
    def store(self) -> EvidenceStore:
        return EvidenceStore(str(self.root))

    @property
    def chain(self) -> DecisionChain:
        return DecisionChain(self.store, "wage")

    @property
    def links(self) -> tuple[Link, ...]:
        return self.chain.links()

    def next_day(self) -> None:
        self.now += timedelta(days=1)

    def write(self, kind: Kind, **parts: Any) -> str:
        """Evidence of today with something attached to it; returns its name."""
        self.now += timedelta(microseconds=1)  # two pieces of one moment would have one name
        body = f"{kind} {self.now}".encode()
        attached = attachment_name(kind, self.now, f"page-{sha256(body)[7:]}.html")
        evidence = Evidence(
            kind=kind,
            created_at=self.now.isoformat(),
            verdict=PASSED,
            attachments={"page.html": self.store.attach(attached, body)},
            **parts,
        )
        data = canonical_json(evidence)
        name = evidence_name(kind, self.now, sha256(data))
        self.store.attach(name, data)
        self.store.index.add(name, evidence)
        return name

    def data(self, what: str) -> DatasetRef:
        """A dataset of today, with a kept profile."""
        uri = f"/data/{what}-{self.now:%Y%m%d}.parquet"
        place = local_path(self.store.attach(f"{profile_folder(uri, digest(uri))}/part", b"a profile"))
        os.utime(place, (self.now.timestamp(), self.now.timestamp()))
        return DatasetRef(uri=uri, fingerprint=sha256(uri.encode()))

    def decide(self, effect: Effect) -> None:
        """A promotion that led to ``effect``."""
        self.versions += 1
        training, model = self.data("training"), ModelRef(name="wage", version=str(self.versions), digest="d")
        name = self.write(Kind.EVALUATION, model=model, inputs={"dataset": training})
        self._commit(
            DecisionKind.PROMOTION,
            effect,
            model,
            evidence={self.store.uri_of(name): hash_in(name) or ""},
            datasets={TRAINING: training},
        )

    def roll_back(self) -> None:
        """Back to the version before, with an incident, when there is one."""
        found = restorable(self.links)
        if not found:
            return
        model, promotion = found[0]
        restores = promotion.record.number if promotion else None
        link = self._commit(DecisionKind.ROLLBACK, Effect.MOVED, model, restores=restores)
        title = incident_title(link.record)
        self.open[title] = self.write(Kind.INCIDENT, model=model)
        self.store.claim(incident_claims(title)[0], {"evidence_uri": self.store.uri_of(self.open[title])})

    def close_incident(self) -> None:
        """The oldest one that is open."""
        for title in list(self.open)[:1]:
            name = self.write(Kind.INCIDENT)
            self.store.claim(incident_claims(title)[1], {"evidence_uri": self.store.uri_of(name)})
            del self.open[title]

    def check_a_batch(self) -> None:
        """Drift of data that no decision rests on."""
        self.write(Kind.DRIFT, inputs={"current": self.data("batch")})

    def needed_for_sure(self) -> set[str]:
        """Names of the evidence that nobody may lose, counted by hand: two promotions in force, open incidents."""
        promotions = in_force(self.links)[-2:]
        return {name_of(uri) for link in promotions for uri in link.record.evidence} | set(self.open.values())

    def _commit(self, kind: DecisionKind, effect: Effect, model: ModelRef, **parts: Any) -> Link:
        links = self.links
        record = DecisionRecord(
            number=0,
            previous=None,
            created_at=self.now.isoformat(),
            kind=kind,
            effect=effect,
            name="wage",
            alias=CHAMPION,
            model=model,
            champion=None,
            verdict=PASSED,
            **parts,
        )
        link = self.chain.commit(replace(record), links)
        name = self.write(Kind(kind), model=model)
        self.store.claim(evidence_claim(link.record), {"evidence_uri": self.store.uri_of(name)})
        return link
