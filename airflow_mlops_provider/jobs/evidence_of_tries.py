"""Evidence of several tries of one request: what one try found stands when another finds the same.

A try announces its evidence, whole and under a number, before it writes it. Of tries at once one gets the number, and
the others go by what it announced. When it is killed before it writes, the next one writes that for it.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode, digest, encode
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.stores.evidence.claims import ANNOUNCED
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

_BY_THE_CLOCK = frozenset({"training_seconds", "p99_latency_ms", "age_hours", "youngest_days"})
"""Measures that no two tries find alike: how long something took, how old it is. Whether a limit was kept counts."""


class Tries:
    """The tries of one request, as far as they found something.

    :param store: the evidence root.
    :param request: the identity of the request, the same for every try.
    """

    def __init__(self, store: EvidenceStore, request: str) -> None:
        self._store = store
        self._request = request

    def standing(self, found: Evidence) -> tuple[str, Evidence] | None:
        """URI and content of what another try announced, when that says what ``found`` says; ``None`` otherwise.

        It is there from now on: a try that was killed may have announced it and not written it.
        """
        for number in count(1):
            announced = self._store.claimed(self._mark(found, number), folder=ANNOUNCED)
            if announced is None:
                return None
            standing = self._agreeing(announced, found)
            if standing is not None:
                return standing
        return None

    def write(self, found: Evidence) -> tuple[str, Evidence]:
        """Announce and write ``found``; URI and content of that, or of what a try at the same time announced first.

        :raises BackendError: when it cannot be written.
        """
        name = self._store.name_for(found.kind, found)
        own = {"name": name, "evidence": encode(found)}
        for number in count(1):
            announced = self._store.claim(self._mark(found, number), own, folder=ANNOUNCED)
            if announced["name"] == name:
                break
            standing = self._agreeing(announced, found)
            if standing is not None:
                self._store.detach(found.attachments.values())
                return standing
        return self._store.write_named(name, found), found

    def _mark(self, found: Evidence, number: int) -> str:
        # The kind, because a purge is for certain kinds.
        return f"{found.kind}.{self._request}-{number}"

    def _agreeing(self, announced: dict[str, Any], found: Evidence) -> tuple[str, Evidence] | None:
        name = announced["name"]
        uri = self._store.uri_of(name)
        try:
            evidence = decode(Evidence, announced["evidence"], where=f"announcement of {uri}")
            if _said(evidence) != _said(found) or not all(map(self._store.holds, evidence.attachments.values())):
                return None
            return self._store.write_named(name, announced["evidence"]), evidence
        except BadInputError:
            return None  # damaged since: it stands for nothing


def _said(evidence: Evidence) -> str:
    """All that a verdict rests on and says, without what differs between two tries: times, words and pictures."""
    findings = [
        [
            finding.subject,
            finding.measure,
            None if finding.measure in _BY_THE_CLOCK else finding.observed,
            finding.limit,
            finding.p_value,
            finding.status,
        ]
        for finding in evidence.verdict.findings
    ]
    return digest(
        {
            "kind": evidence.kind,
            "inputs": evidence.inputs,
            "dataset": evidence.dataset,
            "model": evidence.model,
            "policy": evidence.policy,
            "status": evidence.verdict.status,
            "findings": findings,
        }
    )
