"""The evidence roots that the page reads, and no others: what a request names is looked up among them.

Operators may write to roots of their own. The page opens those that the configuration declares: otherwise whoever may
open the page, or may write an XCom, would choose what the API server reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.ui.auth import Reader
from airflow_mlops_provider.ui.board import Board, Group, locate, read_board


def read_boards(roots: Sequence[str], reader: Reader) -> Board:
    """The overview of several evidence roots for one person.

    A root beside the first one that cannot be read costs nothing but itself, and says so.

    :param roots: the deployment's own and those that are declared beside it.
    :param reader: who asks; what they may not read is left out.
    :raises BackendError: when the first root cannot be listed.
    """
    boards, unreadable = [read_board(roots[0], reader)], []
    for root in roots[1:]:
        try:
            boards.append(read_board(root, reader))
        except (BadInputError, BackendError) as error:
            unreadable.append(str(error))
    return _joined(boards, unreadable) if len(roots) > 1 else boards[0]


def find_evidence(roots: Sequence[str], uri: str) -> tuple[EvidenceStore, str]:
    """The store of a piece of evidence, and its URI as that store gives it out.

    :raises BadInputError: for anything that is not evidence of one of ``roots``.
    """
    for root in roots:
        try:
            return EvidenceStore(root), locate(root, uri)
        except BadInputError:
            continue
    raise BadInputError(
        f"{uri!r} is not evidence under the evidence root {', '.join(roots)}; "
        "roots of single operators are declared in [mlops] evidence_roots"
    )


def find_root(roots: Sequence[str], named: str | None) -> EvidenceStore:
    """The store that a request names among ``roots``; the first one when it names none.

    :raises BadInputError: for one that is not among them.
    """
    if named is None:
        return EvidenceStore(roots[0])
    for root in roots:
        store = EvidenceStore(root)
        if store.root == named:
            return store
    raise BadInputError(f"{named!r} is not an evidence root of this page")


def _joined(boards: Sequence[Board], unreadable: Sequence[str]) -> Board:
    return replace(
        boards[0],
        others=tuple(board.root for board in boards[1:]),
        models=_by_name(board.models for board in boards),
        datasets=_by_name(board.datasets for board in boards),
        broken=tuple(chain.from_iterable(board.broken for board in boards)),
        undelivered=tuple(chain.from_iterable(board.undelivered for board in boards)),
        unread={root: count for board in boards for root, count in board.unread.items()},
        unreadable=tuple(unreadable),
    )


def _by_name(groups: Iterable[Iterable[Group]]) -> tuple[Group, ...]:
    # A stable sort: of two models with one name, the one of the first root comes first.
    return tuple(sorted(chain.from_iterable(groups), key=lambda group: (group.subject, group.name)))
