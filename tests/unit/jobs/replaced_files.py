"""Filesystems that act in the middle of a job: before a file is opened, when it is first read, when it is closed.

A test goes over all these moments, so that it needs to know nothing of when a job opens what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import fsspec
import s3fs
from fsspec.implementations.local import LocalFileSystem

from airflow_mlops_provider.stores.aws_access import _made


class Moments:
    """Counts the moments of the watched files and acts at some of them.

    :param watched: ends of the names of the files that count.
    :param stats: count a file's being asked for its size and times as well.
    :param actions: number of a moment to what happens then.
    """

    def __init__(
        self, watched: tuple[str, ...], actions: dict[int, Callable[[], None]], *, stats: bool = False
    ) -> None:
        self.watched = watched
        self.stats = stats
        self.actions = actions
        self.kinds: list[str] = []
        self.bytes_read: Counter[str] = Counter()

    @property
    def passed(self) -> int:
        """How many moments there were."""
        return len(self.kinds)

    def pass_one(self, kind: str) -> None:
        action = self.actions.get(self.passed)
        self.kinds.append(kind)
        if action is not None:
            action()


class _Handle:
    """A handle that tells of its first read and of its end."""

    def __init__(self, handle: Any, name: str, moments: Moments) -> None:
        self._handle, self._name, self._moments = handle, name, moments
        self._fresh = True

    def read(self, *args: Any) -> Any:
        if self._fresh:
            self._fresh = False
            self._moments.pass_one("first read")
        data = self._handle.read(*args)
        self._moments.bytes_read[self._name] += len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._handle)

    def __enter__(self) -> _Handle:
        self._handle.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._handle.__exit__(*error)
        self._moments.pass_one("end")


def _watching(base: type, moments: Moments) -> type:
    class Watching(base):  # type: ignore[misc]
        cachable = False

        def open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
            if mode != "rb" or not str(path).endswith(moments.watched):
                return super().open(path, mode, **kwargs)
            moments.pass_one("opening")
            return _Handle(super().open(path, mode, **kwargs), str(path).rsplit("/", 1)[-1], moments)

        def info(self, path: Any, **kwargs: Any) -> Any:
            if moments.stats and str(path).endswith(moments.watched):
                moments.pass_one("stat")
            return super().info(path, **kwargs)

    return Watching


@contextmanager
def watched_files(
    *watched: str,
    actions: dict[int, Callable[[], None]] | None = None,
    protocol: str = "file",
    stats: bool = False,
) -> Iterator[Moments]:
    """While the block runs, files whose names end in ``watched`` are opened through a filesystem that counts.

    :param protocol: ``file`` or ``s3``.
    :param stats: count a file's being asked for its size and times as well.
    """
    base = {"file": LocalFileSystem, "s3": s3fs.S3FileSystem}[protocol]
    moments = Moments(watched, actions or {}, stats=stats)
    fsspec.register_implementation(protocol, _watching(base, moments), clobber=True)
    _made.cache_clear()  # S3 is reached by one filesystem as long as the same is said
    try:
        yield moments
    finally:
        fsspec.register_implementation(protocol, base, clobber=True)
        _made.cache_clear()
