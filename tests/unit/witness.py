"""How a test sees, without waiting in vain, that processes have come or are gone."""

from __future__ import annotations

import os
import select
from pathlib import Path

LONG_ENOUGH = 240.0
"""Seconds after which a test gives up; nothing waits for them to pass."""


class Witness:
    """A named pipe that processes hold open; the reader sees its end when the last of them is gone."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        os.mkfifo(path)
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def wait_for(self, word: bytes) -> None:
        """Wait until a process has written ``word``."""
        seen = b""
        for _ in range(1000):
            if word in seen:
                return
            assert select.select([self._reader], [], [], LONG_ENOUGH)[0], f"only {seen!r} came"
            seen += os.read(self._reader, 100)
        raise AssertionError(f"only {seen!r} came")

    def wait_for_the_end(self) -> None:
        """Wait until every process that held the pipe has ended."""
        while select.select([self._reader], [], [], LONG_ENOUGH)[0]:
            if not os.read(self._reader, 100):
                os.close(self._reader)
                return
        raise AssertionError("a process still runs")
