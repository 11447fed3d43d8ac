"""A copy that nobody may write to verifies like the original."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.decision_record import Effect
from airflow_mlops_provider.records.verdict import Status
from tests.builders.history import History

NOBODY = 65534


@contextmanager
def read_only(root: Path) -> Iterator[None]:
    """Takes the right to write below ``root`` away, from root too."""
    for place in (root, *root.rglob("*")):
        place.chmod(0o555 if place.is_dir() else 0o444)
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(was)
        for place in (root, *root.rglob("*")):
            place.chmod(0o755)


@pytest.fixture
def root() -> Iterator[Path]:
    """Not below the temporary folder of the tests, which is closed to others than its owner."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place) / "mlops"


def test_a_read_only_root_is_verified_and_the_verdict_says_that_it_was_not_kept(root: Path) -> None:
    History(root, days=1).decide(Effect.MOVED)
    original = shutil.copytree(root, root.with_name("original"))
    kept = run("verify", {"model": "wage", "evidence_root": str(original)})
    before = sorted(root.rglob("*"))
    with read_only(root):
        outcome = run("verify", {"model": "wage", "evidence_root": str(root), "run_key": "again"})
    assert sorted(root.rglob("*")) == before
    assert outcome.evidence_uri == ""
    assert outcome.verdict.status is kept.verdict.status
    added = [found for found in outcome.verdict.findings if found.measure == "recorded"]
    assert [found.status for found in added] == [Status.NOTICE]
    assert len(outcome.verdict.findings) == len(kept.verdict.findings) + 1


def test_other_jobs_ask_before_the_work_whether_evidence_can_be_kept(root: Path) -> None:
    History(root, days=1).decide(Effect.MOVED)
    with read_only(root), pytest.raises(BackendError, match="cannot be written"):
        run("purge", {"retention_days": 1, "evidence_root": str(root)})
