"""Drift events as the Dag that answers them sees them: each judgement is acted on once."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import digest
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.tasks.environment import s3_access
from airflow_mlops_provider.tasks.settings import evidence_root as configured_root

if TYPE_CHECKING:
    from airflow_mlops_provider.stores.evidence.store import EvidenceStore

log = logging.getLogger(__name__)

_FOLDER = "drift_watch/answered"


def unanswered(
    events: Mapping[Any, Iterable[Any]] | None,
    *,
    ti: Any,
    evidence_root: str | None = None,
    aws_conn_id: str | None = None,
) -> list[Outcome]:
    """The judgements among asset events that no other run of this Dag has acted on; from now on they are this run's.

    A cleared drift task emits its event again, under the identity of the same judgement. A retry of this run, or its
    being cleared, finds its own judgements again.

    :param events: ``triggering_asset_events``, the events by asset; those whose extra is no Outcome are left out.
    :param ti: the running task instance.
    :param evidence_root: where the answers are remembered; ``[mlops] evidence_root`` by default.
    :param aws_conn_id: Connection by which S3 is reached; ``[mlops] aws_conn_id`` by default.
    :raises BackendError: when they cannot be.
    """
    from airflow_mlops_provider.stores.evidence.store import EvidenceStore

    with s3_access(aws_conn_id):
        return _taken(EvidenceStore(evidence_root or configured_root()), events, ti)


def _taken(store: EvidenceStore, events: Mapping[Any, Iterable[Any]] | None, ti: Any) -> list[Outcome]:
    own = []
    each = [event for of_asset in (events or {}).values() for event in of_asset]
    found = {_identity(outcome): outcome for outcome in filter(None, map(_outcome, each))}
    for identity, outcome in found.items():
        name = digest([ti.dag_id, identity]).removeprefix("sha256:")
        run = store.claim(name, {"run_id": ti.run_id}, folder=_FOLDER)["run_id"]
        if run == ti.run_id:
            own.append(outcome)
        else:
            log.info("run %s has acted on %s already", run, outcome.evidence_uri)
    return own


def _identity(outcome: Outcome) -> str:
    # What 0.1.0 emitted has none; its evidence was the same for every repeat.
    return outcome.judgement or outcome.evidence_uri


def _outcome(event: Any) -> Outcome | None:
    extra = event.extra or {}
    try:
        # What an AssetWatcher passes on lies one step deeper.
        return Outcome.from_json(extra.get("payload", extra) if extra.get("from_trigger") else extra)
    except BadInputError:
        return None
