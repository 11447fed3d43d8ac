"""Blocks of what is kept to save reading: immutable files, and numbered lists of those that count.

A generation names the blocks that count, and the newest generation is all that is read. Both are created exclusively.
What is lost here costs reading again and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from airflow_mlops_provider.exceptions import AlreadyExistsError, BadInputError, IntegrityError
from airflow_mlops_provider.records.codec import canonical_json, parse_json
from airflow_mlops_provider.records.evidence_name import number_in, record_name
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

_AT_ONCE = 8
"""Blocks read at a time: on S3 each is a request."""
SMALL = 16
"""Blocks of one size from which they are worth being merged into one of the next size."""


class KeptBlocks:
    """The blocks below one folder of an evidence root.

    :param store: the evidence root.
    :param folder: where they lie.
    """

    def __init__(self, store: EvidenceStore, folder: str) -> None:
        self._store, self._folder = store, folder

    def read(self) -> dict[str, bytes]:
        """The blocks of the newest generation by name; one that was purged is left out."""
        names = self._newest()[1]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return {name: data for name, data in zip(names, pool.map(self._read, names), strict=True) if data}

    def write(self, kept: Iterable[str], new: Sequence[bytes]) -> None:
        """Make the next generation.

        :param kept: names of the blocks that still count.
        :param new: further blocks.
        """
        added = [self._store.keep(f"{self._folder}/blocks/block.kept", data) for data in new]
        names = sorted({*kept, *(f"{self._folder}/blocks/{uri.rsplit('/', 1)[1]}" for uri in added)})
        number, standing = self._newest()
        if names == sorted(standing):
            return
        body = canonical_json({"blocks": names})
        # Of two that write at once, what the other one found is read again next time.
        with suppress(AlreadyExistsError):
            self._store.attach(record_name(f"{self._folder}/generations", number + 1), body)

    def _newest(self) -> tuple[int, list[str]]:
        numbered = [(number_in(name) or 0, name) for name in self._store.files.names(f"{self._folder}/generations")]
        if not numbered:
            return 0, []
        number, name = max(numbered)
        with suppress(BadInputError, IntegrityError):
            found = parse_json(self._store.files.read(name), where=name)
            return number, [str(each) for each in found["blocks"]]
        return number, []

    def _read(self, name: str) -> bytes | None:
        try:
            return self._store.read_bytes(self._store.uri_of(name))
        except (BadInputError, IntegrityError):
            return None


def to_merge(sizes: dict[str, int], *, at_most: int | None = None) -> list[list[str]]:
    """Groups of blocks that are worth being merged, so that there are few blocks whatever there was to keep.

    :param sizes: name of each block to the number of files in it.
    :param at_most: number of files from which a block stays as it is.
    """
    found = []
    tier = 1
    while at_most is None or tier < at_most:
        names = sorted(name for name, size in sizes.items() if tier <= size < tier * SMALL)
        found += [names[start : start + SMALL] for start in range(0, len(names) - SMALL + 1, SMALL)]
        if not any(size >= tier for size in sizes.values()):
            break
        tier *= SMALL
    return found
