"""Who last wrote a dataset, as far as Airflow knows: asked before a job runs, because only the task can see it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow.sdk import Asset, XComArg

from airflow_mlops_provider.exceptions import MLOpsError
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.outcome import Outcome, as_outcome
from airflow_mlops_provider.records.refs import Writer
from airflow_mlops_provider.records.requests.short_forms import dataset_ref

log = logging.getLogger(__name__)


def source_tasks(value: Any) -> tuple[str, ...]:
    """The ids of the tasks whose output ``value`` is, when it has not been rendered yet; for constructors."""
    return tuple(dict.fromkeys(operator.task_id for operator, _ in XComArg.iter_xcom_references(value)))


def writers_of(dataset: Any, *, tasks: Sequence[str], context: Mapping[str, Any]) -> tuple[Writer, ...]:
    """Who wrote ``dataset``, the last one first; empty when nobody can tell.

    Taken from, in this order: the evidence of the Outcome that names the dataset; the newest event of an asset whose
    URI is the dataset's or its folder's, among the task's inlets and what triggered the run; the tasks whose output the
    dataset's URI is; the only asset there is among the inlets and triggers.

    :param dataset: URI, :class:`DatasetRef` or Outcome, rendered.
    :param tasks: what :func:`source_tasks` said.
    """
    outcome = as_outcome(dataset)
    if outcome is not None:
        return _of_outcome(outcome)
    uri = dataset_ref(dataset).uri
    events = _events(context)
    same = [event for asset, event in events if _is_same_place(uri, asset.uri)]
    if same:
        return (_of_event(same[0]),)
    if tasks:
        ti = context["ti"]
        return tuple(Writer(dag_id=ti.dag_id, task_id=task, run_id=ti.run_id) for task in tasks)
    return (_of_event(events[0][1]),) if len(events) == 1 else ()


def _of_outcome(outcome: Outcome) -> tuple[Writer, ...]:
    """The task that wrote the dataset of ``outcome``, and who wrote what it read."""
    from airflow_mlops_provider.stores.evidence.store import read_evidence

    try:
        evidence = read_evidence(outcome.evidence_uri)
        earlier = [decode(Writer, found) for found in evidence.details.get("written_by", ())]
        read = {ref.uri for ref in evidence.inputs.values()}
        if evidence.dataset is None or evidence.dataset.uri in read or not evidence.origin:
            return tuple(earlier)
        names = ("dag_id", "task_id", "run_id")
        return (decode(Writer, {name: evidence.origin.get(name) for name in names}), *earlier)
    except MLOpsError as error:
        # Who wrote the data is good to know; the verdict does not depend on it.
        log.warning("nobody can tell who wrote %s: %s", outcome.dataset and outcome.dataset.uri, error)
        return ()


def _events(context: Mapping[str, Any]) -> list[tuple[Asset, Any]]:
    """The newest event of every asset that the task reads or that triggered its run."""
    found: dict[str, tuple[Asset, Any]] = {}
    for events in (context.get("inlet_events"), context.get("triggering_asset_events")):
        for asset, event in _newest(events):
            found.setdefault(asset.name, (asset, event))
    return list(found.values())


def _newest(events: Any) -> Iterator[tuple[Asset, Any]]:
    for asset in events or ():
        if isinstance(asset, Asset):
            try:
                listed = list(events[asset])
            except Exception as error:  # noqa: BLE001  # as above, whatever Airflow's API answers
                log.warning("the events of asset %s cannot be read: %s", asset.name, error)
                continue
            if listed:
                yield asset, max(listed, key=lambda event: event.timestamp)


def _of_event(event: Any) -> Writer:
    return Writer(
        asset=event.asset.name,
        dag_id=event.source_dag_id,
        task_id=event.source_task_id,
        run_id=event.source_run_id,
    )


def _is_same_place(uri: str, asset_uri: str) -> bool:
    """Whether the dataset is the asset, or lies in the folder that the asset is."""
    from airflow_mlops_provider.stores.local_files import place_of

    place, folder = place_of(uri), place_of(asset_uri)
    return place == folder or place.startswith(f"{folder}/")
