"""What the watch over a batch remembers: which judgement stands, which run took which delivery, what was looked at.

A judgement has an identity, made from all that makes its verdict, and a claim under that identity, made after its
evidence is written. The other marks decide only whether a sensor waits; losing them costs one more look.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count

from airflow_mlops_provider.decisions.drift import RULES_VERSION
from airflow_mlops_provider.exceptions import MLOpsError
from airflow_mlops_provider.records.codec import digest
from airflow_mlops_provider.records.evidence_name import name_of
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests.drift import DriftRequest
from airflow_mlops_provider.stores.datasets.presence import dataset_stamps
from airflow_mlops_provider.stores.datasets.stamps import Stamps
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.local_files import place_of

log = logging.getLogger(__name__)

ELSEWHERE = {
    "reference": "its content counts",
    "current": "its content and place count",
    "windows": "their content counts",
    "origin": "Dag, task and map index count",
    "run_key": "every run that asks the same gets the same answer",
    "once": "it asks for the identity",
    "html_report": "a picture to look at; nothing is judged by it",
    "keep_profile": "a matter of speed",
    "written_by": "named in the verdict as where to look, and no part of what was found",
    "evidence_root": "where the claim lies",
    "sender": "who packed the spec for another machine; the same is asked whoever packs it",
    "tracking_uri": "it finds the reference, whose content counts",
}
"""Keys of the job that are no part of a judgement's identity as they are, with the reason; every other key is."""

_WATCH = "drift_watch"
_DELIVERIES, _RUNS, _LOOKS = f"{_WATCH}/deliveries", f"{_WATCH}/runs", f"{_WATCH}/looks"


def judgement_identity(request: DriftRequest, inputs: Mapping[str, DatasetRef]) -> str:
    """``sha256:...`` over all that makes the verdict: who asks, which content is held against which, and how.

    The run is no part of it: two runs that ask the same get the same answer. Nor are the names of the reference, whose
    content counts; the batch's place counts as well, because the same rows at another place are another batch.

    :param inputs: ``reference`` and ``current``, pinned, and the profiles of windows, if any.
    """
    keys = {key: value for key, value in request.to_spec().items() if key not in ELSEWHERE and value not in ([], {})}
    windows = [ref.fingerprint for name, ref in inputs.items() if name not in ("reference", "current")]
    return digest(
        {
            "job": request.job,
            "rules": RULES_VERSION,
            "asked_by": [request.origin.get(name) for name in ("dag_id", "task_id", "map_index")],
            "current": [place_of(request.current.uri), inputs["current"].fingerprint],
            "reference": inputs["reference"].fingerprint,
            **({"windows": windows} if windows else {}),
            "keys": {key: sorted(value) if isinstance(value, list) else value for key, value in keys.items()},
        }
    )


def judged_once(
    request: DriftRequest,
    inputs: Mapping[str, DatasetRef],
    *,
    store: EvidenceStore,
    judge: Callable[[str], Outcome],
) -> Outcome:
    """The Outcome that stands for this judgement, made now when there is none.

    Claimed after the evidence is written: a run that dies in between leaves the batch for the next one. Of several that
    judge at once the first one's stands, and the others withdraw their evidence.

    :param judge: makes the verdict and writes its evidence; is given the identity.
    """
    identity = judgement_identity(request, inputs)
    name, standing = _standing(store, identity)
    if standing is not None:
        log.info("this has been judged before: %s", standing.evidence_uri)
        return standing
    own = replace(judge(identity), judgement=identity)
    first = Outcome.from_json(store.claim(name, {"run_key": request.run_key, "outcome": own.to_json()})["outcome"])
    if first.evidence_uri != own.evidence_uri:
        _withdraw(store, own.evidence_uri)
    return first


def _standing(store: EvidenceStore, identity: str) -> tuple[str, Outcome | None]:
    """The standing Outcome with the name of its claim; without one, the name under which to claim.

    A claim whose evidence was purged stands no more, and the next number is free.
    """
    for number in count(1):
        name = f"drift-{identity.removeprefix('sha256:')}-{number}"
        claim = store.claimed(name)
        if claim is None:
            break
        outcome = Outcome.from_json(claim["outcome"])
        here = store.uri_of(name_of(outcome.evidence_uri))  # the root may have been moved
        if store.holds(here):
            return name, replace(outcome, evidence_uri=here)
    return name, None


def _withdraw(store: EvidenceStore, uri: str) -> None:
    try:
        store.withdraw(uri)
    except MLOpsError as error:
        # Evidence too many is no harm: nobody was handed it.
        log.warning("evidence %s of a judgement that another run made first could not be removed: %s", uri, error)


@dataclass(frozen=True, kw_only=True)
class BatchWatch:
    """The watch of one try of a task over one batch.

    :param store: where its marks lie.
    :param uri: of the batch.
    :param run_key: the task in its run, the same for every try.
    :param attempt: the number of the try.
    """

    store: EvidenceStore
    uri: str
    run_key: str
    attempt: str

    def stamps(self) -> Stamps | None:
        """The marks of what lies there, ``None`` while there is nothing; no data are read."""
        return dataset_stamps(self.uri)

    def has_looked_at(self, found: Stamps) -> bool:
        """Whether this try has looked at these very files already, and found nothing for its run."""
        return self.store.claimed(self._look_name(found), folder=_LOOKS) is not None

    def looked_at(self, found: Stamps) -> None:
        """Remember that these files hold nothing for this try, unless they may have changed unnoticed."""
        if found.is_settled and self.is_unchanged(found):
            self.store.claim(self._look_name(found), self._claim_body, folder=_LOOKS)

    def is_unchanged(self, found: Stamps) -> bool:
        """Whether the files are still those that had these marks."""
        now = self.stamps()
        return now is not None and now.state == found.state

    def take(self, judgement: str, found: Stamps, *, expects_another: bool) -> str:
        """The run that a judged batch is for: the one that asked first for this delivery of it.

        The same content that is written again is another delivery, with the same verdict.

        :param found: marks from before the look.
        :param expects_another: whether this run is to have a batch of its own. A run that had one, and was cleared, is
            given what there is.
        :returns: the key of that run; this one's when the batch is not to be waited past.
        """
        claiming_run = self._claiming_run(judgement, found)
        if claiming_run != self.run_key and expects_another and not self._had_a_batch():
            return claiming_run
        now = self.stamps()
        if now is not None:
            # Replaced between the first marks and the reading: what was judged is what lies there now.
            self._claiming_run(judgement, now)
        self.store.claim(_claim_name(self.run_key), self._claim_body, folder=_RUNS)
        return self.run_key

    def _claiming_run(self, judgement: str, found: Stamps) -> str:
        name = _claim_name(judgement, found.delivery)
        taken: str = self.store.claim(name, self._claim_body, folder=_DELIVERIES)["run_key"]
        return taken

    def _had_a_batch(self) -> bool:
        return self.store.claimed(_claim_name(self.run_key), folder=_RUNS) is not None

    def _look_name(self, found: Stamps) -> str:
        return _claim_name(self.run_key, self.attempt, found.state)

    @property
    def _claim_body(self) -> dict[str, str]:
        return {"run_key": self.run_key}


def _claim_name(*parts: str) -> str:
    return digest(parts).removeprefix("sha256:")
