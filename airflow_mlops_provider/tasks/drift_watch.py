"""The watch of a task over a batch, and whether its run waits past a batch that another run was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_mlops_provider.records.requests.short_forms import dataset_ref
from airflow_mlops_provider.tasks.run import run_key, task_origin

if TYPE_CHECKING:
    from airflow_mlops_provider.jobs.data.drift_watch import BatchWatch

_SCHEDULED = "scheduled"


def watch_over(current: Any, *, evidence_root: str, context: Mapping[str, Any]) -> BatchWatch:
    """The watch of the running task over ``current``.

    :param current: URI, reference or Outcome, rendered.
    :raises BadInputError: when it is none of them.
    """
    from airflow_mlops_provider.jobs.data.drift_watch import BatchWatch
    from airflow_mlops_provider.stores.evidence.store import EvidenceStore

    origin = task_origin(context)
    return BatchWatch(
        store=EvidenceStore(evidence_root),
        uri=dataset_ref(current).uri,
        run_key=run_key(origin),
        attempt=origin.get("try_number", ""),
    )


def expects_another(current: Any, *, tasks: Sequence[str], context: Mapping[str, Any]) -> bool:
    """Whether the run is to have a batch of its own, and waits when this one was another run's.

    Runs of a schedule do. A run that a person, an asset, a backfill or another Dag started is about what lies there.
    So is one whose own task handed the batch over, or to which its content was named: waiting would never end.

    :param tasks: the tasks whose output ``current`` is.
    """
    if tasks or dataset_ref(current).fingerprint is not None:
        return False
    kind = getattr(context.get("dag_run"), "run_type", _SCHEDULED)
    return str(getattr(kind, "value", kind)) == _SCHEDULED
