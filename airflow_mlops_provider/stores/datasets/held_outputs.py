"""Outputs that are whole and wait for their names until what they came from is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.secrets_in_text import masked
from airflow_mlops_provider.stores.storage_errors import storage_reason


class Held(Protocol):
    """An output that is whole and has no name yet."""

    @property
    def uri(self) -> str:
        """What it will be called."""

    @property
    def rows_uri(self) -> str:
        """What the file with its rows will be called."""

    def give_name(self) -> None:
        """Let it appear; raises ``BackendError`` when that fails."""

    def remove(self) -> None:
        """Leave nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A whole file under a temporary name.

    :param fs: the filesystem that it lies on.
    :param is_local: whether that is this machine's own.
    :param part: its path.
    :param path: what it will be called.
    :param uri: that, as a person calls it.
    """

    fs: Any
    is_local: bool
    part: str
    path: str
    uri: str

    @property
    def rows_uri(self) -> str:
        """What the file with its rows will be called: it is that file itself."""
        return self.uri

    def give_name(self) -> None:
        """Put it in its place, in one step where the filesystem can; raises ``BackendError`` when that fails."""
        try:
            if self.is_local:
                Path(self.part).replace(self.path)
            else:
                self.fs.mv(self.part, self.path)
        except Exception as error:  # every remote filesystem raises a family of its own
            raise BackendError(f"{self.uri} cannot be written: {storage_reason(error)}") from error

    def remove(self) -> None:
        """Remove it, if it is there and that can be."""
        with suppress(Exception):
            if self.fs.exists(self.part):
                self.fs.rm(self.part)


_held: ContextVar[list[Held] | None] = ContextVar("held", default=None)
"""What waits, within :func:`held_back`."""


@contextmanager
def held_back() -> Iterator[None]:
    """Outputs that are written in the block get their names when it ends well, and never otherwise.

    For a block that also records what they are: with a full disk behind the evidence, older outputs stay as they are.
    """
    parts: list[Held] = []
    token = _held.set(parts)
    try:
        try:
            yield
        finally:
            _held.reset(token)  # what is written from here on, as the pointer to a snapshot, does not wait
        while parts:
            parts[0].give_name()
            parts.pop(0)
    finally:
        for part in parts:
            part.remove()


def finish(part: Held) -> bool:
    """Give what is whole its name, now or when the block of :func:`held_back` ends; whether it is left as it is."""
    waiting = _held.get()
    if waiting is None:
        part.give_name()
        return False
    waiting.append(part)
    return True


def waiting_part(uri: str) -> Part | None:
    """The file with the rows of what will be called ``uri`` when the block of :func:`held_back` ends, if any waits.

    :param uri: as it is recorded, without secrets.
    """
    waiting = list(reversed(_held.get() or []))
    rows = next((each.rows_uri for each in waiting if masked(each.uri) == uri), None)
    return next((each for each in waiting if isinstance(each, Part) and each.uri == rows), None)
