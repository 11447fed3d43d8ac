"""A command in a process group of its own: its lines as they come, and the end of the whole group."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import IO

_LOOK_SECONDS = 0.2
_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 24


class Stream(StrEnum):
    """Where a line was written to."""

    OUTPUT = "output"
    ERROR = "error"


class ProcessGroup:
    """A running command and every process that it starts, unless one leaves the group on purpose.

    :param command: program and arguments.
    :param given: what the command reads on standard input.
    :param environment: all of its environment variables.
    :param parent_pipe: environment variable that tells the command the number of a pipe, which closes when this process
        ends.
    :raises OSError: when the program cannot be started.
    """

    def __init__(
        self, *, command: Sequence[str], given: bytes, environment: Mapping[str, str], parent_pipe: str
    ) -> None:
        self.status: int | None = None
        """Exit status of the command once it has ended; negative for the signal that killed it."""
        watched, self._alive = os.pipe()
        try:
            with tempfile.TemporaryFile() as spec:
                spec.write(given)
                spec.seek(0)
                self._process = subprocess.Popen(  # noqa: S603  # the program is the Dag author's own choice
                    command,
                    stdin=spec,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env={**environment, parent_pipe: str(watched)},
                    pass_fds=[watched],
                    start_new_session=True,
                )
        except BaseException:
            os.close(self._alive)
            raise
        finally:
            os.close(watched)

    def lines(self) -> Iterator[tuple[Stream, str]]:
        """The lines of both streams as they come, until the command has ended and all it wrote is read."""
        texts = {Stream.OUTPUT: _Lines(_pipe(self._process.stdout)), Stream.ERROR: _Lines(_pipe(self._process.stderr))}
        with selectors.DefaultSelector() as selector:
            for stream, text in texts.items():
                selector.register(text.pipe, selectors.EVENT_READ, stream)
            # The pipes may stay open after the command's end, in the hands of what it started.
            while selector.get_map() and not self.has_ended():
                for key, _ in selector.select(_LOOK_SECONDS):
                    yield from ((key.data, line) for line in texts[key.data].read())
                    if texts[key.data].is_closed:
                        selector.unregister(key.fileobj)
        self.wait()
        for stream, text in texts.items():
            yield from ((stream, line) for line in text.rest())
        self._close()

    def has_ended(self) -> bool:
        """Whether the command has ended; what it started may still run."""
        return self._ended(block=False)

    def wait(self) -> None:
        """Wait for the command's end, and ask what it left running to end as well."""
        self._ended(block=True)
        self._signal(signal.SIGTERM)

    def end(self, *, grace_seconds: float) -> None:
        """End the whole group: SIGTERM, and SIGKILL for what is still there after ``grace_seconds``."""
        deadline = time.monotonic() + grace_seconds
        self._signal(signal.SIGTERM)
        while self._is_there() and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS / 4)
        self._signal(signal.SIGKILL)
        self._ended(block=True)

    def _is_there(self) -> bool:
        self._ended(block=False)
        try:
            os.killpg(self._process.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            return  # nobody there, or nobody of ours any more

    def _ended(self, *, block: bool) -> bool:
        # Popen.wait() holds a lock, and a signal's handler that cancels the job may run in the midst of it.
        if self.status is None:
            try:
                pid, status = os.waitpid(self._process.pid, 0 if block else os.WNOHANG)
            except ChildProcessError:
                return True  # reaped by the call that this one interrupts, which keeps its status
            if pid:
                self.status = self._process.returncode = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def _close(self) -> None:
        for pipe in (self._process.stdout, self._process.stderr):
            _pipe(pipe).close()
        if self._alive >= 0:
            os.close(self._alive)
            self._alive = -1


class _Lines:
    """Whole lines from a pipe that is never waited on."""

    def __init__(self, pipe: IO[bytes]) -> None:
        os.set_blocking(pipe.fileno(), False)
        self.pipe = pipe
        self.is_closed = False
        self._open_line = bytearray()

    def read(self) -> list[str]:
        """The lines that the next chunk completes; none when nothing has come."""
        return self._completed(self._chunk() or b"")

    def rest(self) -> Iterator[str]:
        """What is still in the pipe, and a last line without its newline."""
        while chunk := self._chunk():
            yield from self._completed(chunk)
        if self._open_line:
            yield _text(self._open_line)

    def _chunk(self) -> bytes | None:
        """Bytes; none at all at the pipe's end, ``None`` when nothing has come."""
        try:
            chunk = os.read(self.pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return None
        self.is_closed = not chunk
        return chunk

    def _completed(self, chunk: bytes) -> list[str]:
        first, *others = chunk.split(b"\n")
        self._open_line += first
        if not others and len(self._open_line) <= _LONGEST_LINE:
            return []
        whole = [bytes(self._open_line), *others[:-1]]
        self._open_line = bytearray(others[-1] if others else b"")
        return [_text(line) for line in whole]


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101  # it was asked for
    return pipe


def _text(line: bytes | bytearray) -> str:
    return line.decode("utf-8", errors="backslashreplace").rstrip("\r")
