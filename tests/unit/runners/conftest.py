"""Real processes that play the other interpreter."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_mlops_provider.jobs.protocol import outcome_line
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict


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
