"""The pages: overview, one piece of evidence, one decision; and what they load."""

from __future__ import annotations

import mimetypes
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.pages.rendering import STYLE
from airflow_mlops_provider.stores.chains.decision_chain import Link
from airflow_mlops_provider.stores.specs import local_path
from airflow_mlops_provider.tasks.settings import evidence_roots
from airflow_mlops_provider.ui.api import EvidenceUri, load_evidence
from airflow_mlops_provider.ui.auth import ReaderDep
from airflow_mlops_provider.ui.chains import ModelDecisions, read_decisions
from airflow_mlops_provider.ui.entries import read_entries
from airflow_mlops_provider.ui.grouping import NEWEST
from airflow_mlops_provider.ui.rendering import render
from airflow_mlops_provider.ui.roots import find_evidence, find_root, read_boards
from airflow_mlops_provider.ui.s3_access import s3_access
from airflow_mlops_provider.ui.vega import vega_script, vega_version

router = APIRouter()
_reads_evidence = [Depends(s3_access)]

_STATIC = {path.name: path for path in sorted((Path(__file__).parent / "static").iterdir())} | {"page.css": STYLE}

_MAX_SHOWN = 200_000
"""Characters of a report that are shown in the page; the rest is one click away as JSON."""

_LARGEST_ATTACHMENT = 64 * 2**20
"""Bytes of an attachment that the page hands out; a larger one is fetched from the evidence root."""

_ATTACHMENT_HEADERS = {
    # A report is somebody else's HTML: it runs in an origin of its own, without cookies and without the network.
    "Content-Security-Policy": (
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
}
_SHOWN_TYPES = ("text/html", "text/plain", "text/csv", "text/markdown", "application/json", "image/")


@router.get("/", dependencies=_reads_evidence)
def overview(request: Request, reader: ReaderDep) -> HTMLResponse:
    """Every model: champion, latest checks, history and decisions."""
    return render(request, "overview.html", board=read_boards(evidence_roots(), reader), newest=NEWEST)


@router.get("/evidence", dependencies=_reads_evidence)
def evidence(request: Request, reader: ReaderDep, uri: EvidenceUri) -> HTMLResponse:
    """One piece of evidence: findings, inputs, origin, attachments, policy and report."""
    found = load_evidence(uri, reader)
    shown = {name: _is_shown(name) for name in found.attachments}
    return render(request, "evidence.html", uri=uri, evidence=found, shown=shown, max_shown=_MAX_SHOWN)


@router.get("/attachment", dependencies=_reads_evidence)
def attachment(reader: ReaderDep, uri: EvidenceUri, name: Annotated[str, Query()]) -> Response:
    """What was attached to a piece of evidence, such as an HTML report, confined to a sandbox."""
    found = load_evidence(uri, reader).attachments
    if name not in found:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"evidence {uri} has no attachment {name!r}")
    store, _ = find_evidence(evidence_roots(), uri)
    refuse_outside(store.root, found[name])
    content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    disposition = "inline" if _is_shown(name) else "attachment"
    return Response(
        store.read_bytes(found[name], at_most=_LARGEST_ATTACHMENT),
        media_type="text/plain" if content_type == "text/markdown" else content_type,
        headers={**_ATTACHMENT_HEADERS, "Content-Disposition": disposition},
    )


@router.get("/decision", dependencies=_reads_evidence)
def decision(
    request: Request,
    reader: ReaderDep,
    model: Annotated[str, Query()],
    number: Annotated[int, Query(ge=1)],
    root: Annotated[str | None, Query()] = None,
) -> HTMLResponse:
    """One decision: what was decided, on which evidence, by whom, and what is wrong with the record if anything."""
    known = read_decisions(find_root(evidence_roots(), root), reader).get(model)
    link = _link_of(known, number)
    if known is None or link is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no decision {number} about a model {model!r} to show you")
    evidence = read_entries(link.record.evidence, reader, known.buried)
    return render(request, "decision.html", link=link, record=link.record, known=known, evidence=evidence)


@router.get("/static/{name}")
def static(name: str) -> Response:
    """Style, script and icons, by name."""
    if name == "vega.js" and vega_version():
        # Its address names its version, so that a browser may keep it.
        headers = {"Cache-Control": "private, max-age=604800"}
        return Response(vega_script(), media_type="text/javascript", headers=headers)
    if name not in _STATIC:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no {name!r}")
    path = _STATIC[name]
    content_type = mimetypes.guess_type(name)[0]
    return Response(path.read_bytes(), media_type=content_type, headers={"Cache-Control": "private, max-age=300"})


def refuse_outside(root: str, uri: str) -> None:
    """Refuse an attachment that does not lie under the evidence root, also by ``..`` or a symbolic link.

    :param root: the store's root as a URI.
    :raises BadInputError: naming the attachment.
    """
    inside = uri.startswith(f"{root}/") and ".." not in PurePosixPath(unquote(uri)).parts
    if inside and root.startswith("file:"):
        inside = local_path(uri).resolve().is_relative_to(local_path(root).resolve())
    if not inside:
        raise BadInputError(f"attachment {uri} does not lie under the evidence root {root}")


def _is_shown(name: str) -> bool:
    return (mimetypes.guess_type(name)[0] or "").startswith(_SHOWN_TYPES)


def _link_of(known: ModelDecisions | None, number: int) -> Link | None:
    links = known.links if known else ()
    return next((link for link in links if link.record.number == number), None)
