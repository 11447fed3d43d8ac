"""What was read or listed once, kept as long as its stamp says that it is unchanged, up to a stated size."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
    """Values by key, each good for one stamp only; what was asked for least lately goes first.

    Threads may share it.

    :param most: the weight of all values together.
    """

    def __init__(self, *, most: int) -> None:
        self._most, self._weight = most, 0
        self._kept: OrderedDict[str, tuple[object, V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, stamp: object) -> V | None:
        """What was kept under ``key``; ``None`` when nothing was, or under another stamp."""
        with self._lock:
            found = self._kept.get(key)
            if found is None or (found[0] is not stamp and found[0] != stamp):
                return None
            self._kept.move_to_end(key)
            return found[1]

    def put(self, key: str, stamp: object, value: V, *, weight: int = 1) -> None:
        """Keep ``value`` in place of what was kept under ``key``; one that is too heavy alone is not kept."""
        with self._lock:
            _, _, before = self._kept.pop(key, (None, None, 0))
            self._weight -= before
            if weight > self._most:
                return
            self._kept[key] = (stamp, value, weight)
            self._weight += weight
            while self._weight > self._most:
                _, (_, _, gone) = self._kept.popitem(last=False)
                self._weight -= gone

    def forget(self) -> None:
        """Begin anew, as a process does that has just started."""
        with self._lock:
            self._kept.clear()
            self._weight = 0
