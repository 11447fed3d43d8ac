"""What an evidence root must be able to do, wherever it lies."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from airflow_mlops_provider.exceptions import BadInputError


class EvidenceFiles(Protocol):
    """Files by their names below a root; every name is written once."""

    root: str
    """The root as a URI."""

    def require_writable(self) -> None:
        """Raise ``BackendError`` when the root cannot be written or reached."""

    def require_readable(self) -> None:
        """Raise ``BackendError`` when the root is there and cannot be read, is no folder, or cannot be reached."""

    def uri_of(self, name: str) -> str:
        """Where ``name`` lies."""

    def name_of(self, uri: str) -> str:
        """The name of ``uri``; raises ``BadInputError`` for what does not lie below the root."""

    def create(self, name: str, data: bytes) -> str:
        """Write a file whole and return its URI; raises ``AlreadyExistsError`` when there is one of that name."""

    def read(self, name: str, *, at_most: int | None = None) -> bytes:
        """The bytes of a file.

        :param at_most: bytes; a larger file is not read.
        :raises BadInputError: when there is none, or it is larger.
        """

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name."""

    def names(self, folder: str) -> list[str]:
        """The files directly in ``folder``, sorted."""

    def names_below(self, folder: str) -> list[str]:
        """The files in ``folder`` and all folders below it, sorted."""

    def listing(self, folder: str) -> tuple[str, ...]:
        """The last parts of the names directly in ``folder``, sorted; nothing with a dot in front.

        As long as the folder has not changed it may be the very same object.
        """

    def listings_below(self, folder: str) -> dict[str, tuple[str, ...]]:
        """As :meth:`listing`, by folder, for ``folder`` and all folders below it that hold files."""

    def stamps(self, folder: str) -> dict[str, str]:
        """The names directly in ``folder``, each with what changes when its content does."""

    def stamp(self, name: str) -> str:
        """What changes when the content of a file does; empty where asking would cost a request.

        :raises BadInputError: when there is no such file.
        """

    def times_below(self, folder: str) -> dict[str, datetime]:
        """When each file in ``folder``, and in all folders below it, was written."""

    def folders(self, under: str = "") -> list[str]:
        """The folders directly in ``under``, by their last part, sorted."""

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone already is no fault."""

    def sweep(self) -> int:
        """Remove what killed writers left half written; returns how many files that were."""


def require_size(uri: str, size: int, at_most: int | None) -> None:
    """Raise ``BadInputError`` for a file of more than ``at_most`` bytes, before anything of it is read."""
    if at_most is not None and size > at_most:
        raise BadInputError(f"evidence {uri} has {size:,} bytes; at most {at_most:,} are read here")
