"""The page's contents as JSON, for programs: the same permissions, the same numbers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.records.codec import decode, encode
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.stores.chains.decision_chain import Link
from airflow_mlops_provider.tasks.settings import evidence_roots
from airflow_mlops_provider.ui.auth import Reader, ReaderDep
from airflow_mlops_provider.ui.board import Board, Group
from airflow_mlops_provider.ui.entries import LARGEST_SHOWN, Entry, read_entry
from airflow_mlops_provider.ui.roots import find_evidence, read_boards
from airflow_mlops_provider.ui.s3_access import s3_access

router = APIRouter(dependencies=[Depends(s3_access)])

EvidenceUri = Annotated[str, Query(description="evidence_uri of an Outcome")]


@router.get("/models")
def models(reader: ReaderDep) -> dict[str, Any]:
    """Every model: its champion, the latest Outcome and past statuses of each kind, its newest decisions."""
    board = read_boards(evidence_roots(), reader)
    return {
        "evidence_root": board.root,
        "evidence_roots": [board.root, *board.others],
        "unreadable": list(board.unreadable),
        "models": [_group(group) for group in board.models],
        "datasets": [_group(group) for group in board.datasets],
        "broken": [{"evidence_uri": entry.uri, "error": entry.fault} for entry in board.broken],
        "undelivered": [
            {"uri": each.uri, **(encode(each.record) if each.record else {"error": each.fault})}
            for each in board.undelivered
        ],
    }


@router.get("/outcomes")
def outcomes(
    reader: ReaderDep,
    model: Annotated[str | None, Query(description="registered name")] = None,
    kind: Annotated[Kind | None, Query(description="which check")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Outcomes, newest first, of one model and kind or of all."""
    found = _entries(read_boards(evidence_roots(), reader), model, kind)
    shown = [entry if entry.is_known else read_entry(entry.uri) for entry in found[:limit]]
    return {"outcomes": [_outcome(entry) for entry in shown if not entry.fault]}


@router.get("/evidence")
def evidence(reader: ReaderDep, uri: EvidenceUri) -> Any:
    """One piece of evidence in full, verified against the hash in its name."""
    return encode(load_evidence(uri, reader))


def load_evidence(uri: str, reader: Reader) -> Evidence:
    """The evidence at ``uri``, read anew and verified.

    :raises HTTPException: 404 when there is none, 403 when it is another Dag's that this person may not read.
    :raises BadInputError: when ``uri`` does not name evidence of a root that the page reads.
    :raises IntegrityError: when it was changed after it was written.
    """
    store, place = find_evidence(evidence_roots(), uri)
    try:
        data = store.read(place, at_most=LARGEST_SHOWN)
    except IntegrityError:
        raise
    except BadInputError as error:
        raise HTTPException(404, str(error)) from error
    found = decode(Evidence, data, where=f"evidence {place}")
    if not reader.may_read(found.origin):
        raise HTTPException(403, "This evidence was made by a Dag that you may not read")
    return found


def _entries(board: Board, model: str | None, kind: Kind | None) -> list[Entry]:
    groups = board.models if model is not None else (*board.models, *board.datasets)
    # By URI: data that two models used is in both of their groups.
    found = {
        entry.uri: entry
        for group in groups
        if model is None or group.name == model
        for check in group.of_all
        if kind is None or check.kind is kind
        for entry in check.history
    }
    return sorted(found.values(), key=lambda entry: entry.written_at, reverse=True)


def _outcome(entry: Entry) -> dict[str, Any]:
    origin = entry.evidence.origin if entry.evidence else {}
    return {**entry.outcome.to_json(), "written_at": entry.written_at.isoformat(), "origin": origin}


def _group(group: Group) -> dict[str, Any]:
    known = group.decisions
    return {
        "name": group.name,
        "subject": group.subject.value,
        "evidence_root": group.root,
        "champion": encode(known.champion) if known and known.champion else None,
        "previous": encode(known.previous) if known and known.previous else None,
        "latest": {check.kind.value: _outcome(check.latest) for check in group.of_all},
        "latest_in_force": {check.kind.value: _outcome(check.latest) for check in group.checks},
        "history": {
            check.kind.value: [
                {
                    "evidence_uri": entry.uri,
                    "written_at": entry.written_at.isoformat(),
                    "status": entry.status.value,
                }
                for entry in check.history
            ]
            for check in group.of_all
        },
        "decisions": [_decision(link) for link in reversed(known.links[-20:])] if known else [],
        "record_faults": [encode(fault) for fault in known.faults] if known else [],
    }


def _decision(link: Link) -> dict[str, Any]:
    record = link.record
    return {
        "number": record.number,
        "uri": link.uri,
        "created_at": record.created_at,
        "kind": record.kind.value,
        "effect": record.effect.value,
        "version": record.model.version,
        "status": record.verdict.status.value,
        "reason": record.reason or record.verdict.summary,
        "person": record.person,
    }
