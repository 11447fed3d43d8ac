"""Real processes that play the other interpreter, and real ways to see that processes are gone."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_mlops_provider.jobs.protocol import outcome_line
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

LONG_ENOUGH = 60.0
"""Seconds after which a test gives up; nothing waits for them to pass."""


@pytest.fixture
def outcome() -> Outcome:
    finding = Finding(subject="it", measure="number", observed=1.0, limit=1.0, status=Status.PASS)
    verdict = Verdict.of([finding], summary="nothing to see")
    return Outcome(kind=Kind.DRIFT, verdict=verdict, evidence_uri="file:///mlops/drift/one.json")


@pytest.fixture
def program(tmp_path: Path, outcome: Outcome) -> Callable[[str], str]:
    """Writes a program that is started in place of another Python; ``OUTCOME`` in its text is the line of one."""

    def write(text: str) -> str:
        path = tmp_path / "program"
        head = f"#!{sys.executable}\nimport os, signal, subprocess, sys\nOUTCOME = {outcome_line(outcome)!r}\n"
        path.write_text(head + text)
        path.chmod(0o700)
        return str(path)

    return write


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


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness")
