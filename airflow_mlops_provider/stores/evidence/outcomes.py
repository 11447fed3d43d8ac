"""The Outcomes of requests, kept in the evidence root so that whoever asked can fetch them later.

Each run of a request leaves a file of its own, ``outcomes/<request>/<time>-<SHA-256>.json``: nothing is overwritten,
and the newest stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

_FOLDER = "outcomes"


@dataclass(frozen=True, kw_only=True)
class RequestOutcomes:
    """The Outcomes of one request in one evidence root.

    :param store: the evidence root of the request.
    :param request: its identity, see :func:`~airflow_mlops_provider.records.request_identity.request_identity`.
    """

    store: EvidenceStore
    request: str

    def leave(self, outcome: Outcome) -> str:
        """Keep ``outcome`` as the newest one of the request; returns its URI.

        :raises BackendError: when the evidence root cannot be written.
        """
        return self.store.write(f"{_FOLDER}/{self.request}", outcome)

    def uris(self) -> list[str]:
        """What runs of the request have left, oldest first."""
        return self.store.uris(f"{_FOLDER}/{self.request}")

    def newest(self, *, besides: frozenset[str] = frozenset()) -> Outcome | None:
        """The Outcome that stands, or ``None`` when no run of the request has come to one.

        :param besides: URIs that are not meant: what earlier runs had left.
        :raises IntegrityError: when its file was changed after it was written.
        """
        left = [uri for uri in self.uris() if uri not in besides]
        return self.read(left[-1]) if left else None

    def read(self, uri: str) -> Outcome:
        """The Outcome that a run of the request left at ``uri``.

        :raises BadInputError: when there is none, or it was left in another evidence root.
        :raises IntegrityError: when its file was changed after it was written.
        """
        return decode(Outcome, self.store.read(uri), where=f"outcome {uri}")


def outcomes_left_by(store: EvidenceStore, limit: datetime) -> list[str]:
    """Names of the Outcomes, of whatever request, that were left at ``limit`` or before."""
    names = [name for request in store.chains(_FOLDER) for name in store.names(f"{_FOLDER}/{request}")]
    return [name for name in names if _written_at(name) <= limit]


def _written_at(name: str) -> datetime:
    return datetime.fromisoformat(name.rsplit("/", 1)[-1].partition("-")[0])
