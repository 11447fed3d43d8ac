"""Evidence of several tries of one request: what an earlier try wrote stands when a later one finds the same.

A try that is killed has often written its evidence already. Its name is announced before it is written, so that the
next try finds it.
"""

from __future__ import annotations

from itertools import count

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode, digest
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.stores.evidence.claims import ANNOUNCED
from airflow_mlops_provider.stores.evidence.store import EvidenceStore


class Tries:
    """The tries of one request, as far as they wrote evidence.

    :param store: the evidence root.
    :param request: the identity of the request, the same for every try.
    """

    def __init__(self, store: EvidenceStore, request: str) -> None:
        self._store = store
        self._request = request

    def standing(self, found: Evidence) -> tuple[str, Evidence] | None:
        """URI and content of what an earlier try wrote, when that says what ``found`` says; ``None`` otherwise."""
        for number in count(1):
            announced = self._store.claimed(self._mark(number), folder=ANNOUNCED)
            if announced is None:
                return None
            uri = self._store.uri_of(announced["name"])
            earlier = self._read(uri)
            if earlier is not None and _said(earlier) == _said(found):
                return uri, earlier
        return None

    def announce(self, name: str) -> None:
        """Say, before it is written, what this try will call its evidence."""
        for number in count(1):
            if self._store.claimed(self._mark(number), folder=ANNOUNCED) is not None:
                continue
            if self._store.claim(self._mark(number), {"name": name}, folder=ANNOUNCED)["name"] == name:
                return

    def _mark(self, number: int) -> str:
        return f"{self._request}-{number}"

    def _read(self, uri: str) -> Evidence | None:
        try:
            return decode(Evidence, self._store.read(uri), where=f"evidence {uri}")
        except BadInputError:
            return None  # announced and never written, purged since, or damaged: it stands for nothing


def _said(evidence: Evidence) -> str:
    """All that a verdict rests on and says, without what differs between two tries: times, words and pictures."""
    findings = [
        [finding.subject, finding.measure, finding.observed, finding.limit, finding.p_value, finding.status]
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
