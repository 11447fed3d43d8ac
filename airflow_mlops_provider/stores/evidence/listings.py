"""What lies in a local folder, listed again only when the folder has changed.

A folder's time of change moves with every file that comes or goes, but only as finely as its filesystem's clock. A
listing is therefore kept only of a folder that had been still for a while when it was listed, and never for long.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from airflow_mlops_provider.stores.evidence.file_cache import Kept

MOST_NAMES = 500_000
"""Names that are kept of all folders together: about 100 MB."""
_STILL_NS = 2 * 10**9
"""Nanoseconds that a folder must not have changed before its listing; filesystems keep times to 2 s at worst."""
_LONGEST_S = 60.0
"""Seconds after which a folder is listed again whatever its time of change says."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies directly in a folder; names with a dot in front are left out.

    :param names: of files and folders, sorted.
    :param folders: those of them that are folders; links to folders are not followed.
    """

    names: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The names of what is no folder; where there are no folders, the very same object as ``names``."""
        return tuple(name for name in self.names if name not in self.folders) if self.folders else self.names


_KEPT: Kept[tuple[Listing, float]] = Kept(most=MOST_NAMES)
"""By path: the listing, and until when it may be used."""


def list_folder(path: str) -> Listing:
    """What lies in the local folder at ``path``; as long as it does not change, the very same object.

    :raises OSError: when the folder is not there or cannot be read.
    """
    now = time.time_ns()
    state = os.stat(path)  # noqa: PTH116  # asked hundreds of times a request, where a Path costs more than the answer
    stamp = (state.st_mtime_ns, state.st_ino, state.st_dev)
    found, until = _KEPT.get(path, stamp) or (None, 0.0)
    if found is not None and time.monotonic() < until:
        return found
    made = _list(path)
    was_still = now - state.st_mtime_ns > _STILL_NS
    _KEPT.put(path, stamp, (made, time.monotonic() + _LONGEST_S if was_still else 0.0), weight=len(made.names) + 1)
    return made


def forget_listings() -> None:
    """Begin anew, as a process does that has just started."""
    _KEPT.forget()


def _list(path: str) -> Listing:
    with os.scandir(path) as entries:
        found = sorted((e.name, e.is_dir(follow_symlinks=False)) for e in entries if not e.name.startswith("."))
    return Listing(tuple(name for name, _ in found), tuple(name for name, is_folder in found if is_folder))
