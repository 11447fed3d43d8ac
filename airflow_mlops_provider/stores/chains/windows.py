"""The windows that were judged, one after another, so that a check knows what the one before it found."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_mlops_provider.exceptions import AlreadyExistsError
from airflow_mlops_provider.records.codec import decode, digest, parse_json
from airflow_mlops_provider.records.window_label import window_order
from airflow_mlops_provider.stores.evidence.store import EvidenceStore


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedWindow:
    """One window's place in the log.

    :param fingerprint: content of the batch that was judged.
    :param unusual: whether it was out of the ordinary.
    :param label: the window's own name, the latest value of the window column; empty when the batch carries none, or
        it may not be kept.
    """

    fingerprint: str
    unusual: bool
    label: str = ""


class WindowLog:
    """Judged windows of one stream of batches, numbered in the order in which they were first judged.

    :param store: where evidence is kept.
    :param stream: what makes windows comparable: the reference, columns, window column.
    """

    def __init__(self, store: EvidenceStore, stream: object) -> None:
        self._store = store
        self._chain = f"windows/{digest(stream).removeprefix('sha256:')[:32]}"

    def enter(self, window: JudgedWindow) -> JudgedWindow | None:
        """Enter ``window``, unless the same content was entered before, and return the one judged before it.

        A retry, or a second scheduler, finds the entry of the first try and the same predecessor.
        """
        while True:
            entries = [
                decode(JudgedWindow, parse_json(data, where=uri)) for uri, data in self._store.chain(self._chain)
            ]
            at = next((i for i, entry in enumerate(entries) if entry.fingerprint == window.fingerprint), None)
            if at is not None:
                return _predecessor(entries, at)
            try:
                self._store.append(self._chain, len(entries) + 1, window)
            except AlreadyExistsError:
                continue  # another window was entered meanwhile: look again
            return _predecessor([*entries, window], len(entries))


def _predecessor(entries: list[JudgedWindow], at: int) -> JudgedWindow | None:
    """The window before entry ``at``: by label where all tell an order, because a backfill judges out of order.

    Of a window that was delivered again, corrected, what was found last before entry ``at`` counts; where it was only
    judged after that, as in a backfill, what was found last.
    """
    orders = [window_order(entry.label) for entry in entries]
    own = orders[at]
    if own is None or None in orders:
        return entries[at - 1] if at else None
    earlier = [(order, i < at, i) for i, order in enumerate(orders) if order is not None and order < own]
    return entries[max(earlier)[2]] if earlier else None
