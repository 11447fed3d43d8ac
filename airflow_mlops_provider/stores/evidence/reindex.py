"""``python -m airflow_mlops_provider.stores.evidence.reindex ROOT``: make the index again from the evidence alone.

Safe beside writers, readers and a purge. In a Dag, call :func:`rebuild_index` from a task.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from airflow_mlops_provider.exceptions import BadInputError, MLOpsError
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence

_AT_ONCE = 8
"""Reads at a time: on S3 each is a request."""


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """What a rebuild found.

    :param entries: how many pieces of evidence are in the index now.
    :param added: how many of them were not, or were wrong.
    :param removed: how many entries were wrong or had lost their evidence.
    :param unreadable: URIs of evidence that cannot be read, each with the reason; the page names them too.
    """

    entries: int
    added: int
    removed: int
    unreadable: tuple[str, ...] = ()


def rebuild_index(root: str) -> Rebuilt:
    """Make the index of an evidence root say what its evidence says; every piece is read once.

    :param root: path, ``file://`` URI or ``s3://bucket/prefix``.
    :raises BackendError: when the root cannot be read or written.
    """
    store = EvidenceStore(root)
    # Before the evidence is listed: whatever is entered meanwhile belongs to evidence that is there.
    standing = set(store.index.places())
    names = sorted(store.evidence_names())
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        found = list(pool.map(lambda name: _enter(store, name), names))
    wanted = {place for place, _, _ in found if place}
    stale = sorted(standing - wanted)
    store.index.remove(stale)
    return Rebuilt(
        entries=len(wanted),
        added=sum(added for _, added, _ in found),
        removed=len(stale),
        unreadable=tuple(fault for _, _, fault in found if fault),
    )


def _enter(store: EvidenceStore, name: str) -> tuple[str, bool, str]:
    """The place of the entry, whether it was added, and why there is none."""
    uri = store.uri_of(name)
    try:
        place, is_new = store.index.add(name, read_evidence(uri))
    except BadInputError as error:
        gone = not store.holds(uri)  # purged meanwhile, which is no fault
        return "", False, "" if gone else str(error)
    return place, is_new, ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; exit status 0, 2 for a bad root, 1 when a store fails."""
    parser = argparse.ArgumentParser(prog="python -m airflow_mlops_provider.stores.evidence.reindex")
    parser.add_argument("root", metavar="ROOT", help="evidence root: a path or s3://bucket/prefix")
    try:
        made = rebuild_index(parser.parse_args(arguments).root)
    except MLOpsError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2 if isinstance(error, BadInputError) else 1
    print(f"{made.entries} entries: {made.added} added, {made.removed} removed")
    for fault in made.unreadable:
        print(fault, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
