"""A snapshot is added to DVC and committed to Git, in a real repository of both."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.evidence.store import read_evidence
from tests.builders.dvc_repository import DvcRepository


class Lake:
    """A raw zone within a DVC repository."""

    def __init__(self, root: Path) -> None:
        self.root, self.repository = root, DvcRepository(root)
        self.repository.git("config", "user.name", "Test")
        self.repository.git("config", "user.email", "test@example.com")
        self.repository.git("add", "--all")
        self.repository.git("commit", "--quiet", "--message", "the repository")
        self.raw = self.repository.folder / "raw" / "wages"

    def ingest(self, day: int, rows: int = 10, **keys):
        pd.DataFrame({"nr": range(rows)}).to_parquet(self.root / "source.parquet")
        start = dt.datetime(2026, 1, day, tzinfo=dt.UTC).isoformat()
        spec = {"source": str(self.root / "source.parquet"), "output_uri": str(self.raw), "interval_start": start}
        return run("ingest", {**spec, "dvc": True, "evidence_root": str(self.root / "mlops"), **keys})


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    return Lake(tmp_path)


def test_the_rows_are_tracked_by_dvc_the_snapshot_is_in_git_and_the_commit_in_the_evidence(lake):
    outcome = lake.ingest(1)
    commit = lake.repository.git("rev-parse", "HEAD")
    assert outcome.dataset.revision == commit
    assert read_evidence(outcome.evidence_uri).dataset.revision == commit
    committed = lake.repository.git("ls-tree", "-r", "--name-only", "HEAD", "raw").splitlines()
    [file] = [path.name for path in (lake.raw / "data").glob("*.parquet")]
    assert [name.removeprefix("raw/wages/") for name in committed] == [
        "20260101T000000.000000Z.snapshot",
        "data/.gitignore",
        f"data/{file}.dvc",
        "latest.snapshot",
        "published/20260101T000000.000000Z",
    ]
    assert lake.repository.git("log", "-1", "--format=%s") == "Snapshot 20260101T000000.000000Z of wages: 10 rows"
    assert open_dataset(outcome.dataset).rows == 10


def test_the_rows_can_be_read_by_their_commit_once_somebody_pushed_them(lake):
    from dvc.repo import Repo

    outcome = lake.ingest(1)
    with Repo(str(lake.repository.folder)) as repo:
        repo.push()
    [file] = [path.name for path in (lake.raw / "data").glob("*.parquet")]
    data = open_dataset(lake.repository.uri(f"raw/wages/data/{file}", rev=outcome.dataset.revision))
    assert data.ref.fingerprint == outcome.dataset.fingerprint


def test_a_retry_finds_its_commit_and_makes_no_other(lake):
    first = lake.ingest(1)
    lake.ingest(2)
    again = lake.ingest(1)
    assert again.dataset.revision == first.dataset.revision
    assert lake.repository.git("rev-list", "--count", "HEAD") == "3"


def test_what_else_is_changed_in_the_repository_is_left_out(lake):
    (lake.repository.folder / "notes.txt").write_text("not mine")
    lake.repository.git("add", "notes.txt")
    lake.ingest(1)
    assert "notes.txt" not in lake.repository.git("ls-tree", "-r", "--name-only", "HEAD")
    assert "notes.txt" in lake.repository.git("status", "--porcelain")


def test_a_snapshot_that_is_not_published_is_not_committed(lake):
    lake.ingest(1, rows=100)
    refused = lake.ingest(2, rows=3)
    assert (refused.verdict.status, refused.dataset.revision) == (Status.FAIL, None)
    assert lake.repository.git("rev-list", "--count", "HEAD") == "2"


def test_a_folder_outside_a_repository_is_refused_before_anything_is_read(lake, tmp_path):
    with pytest.raises(BadInputError, match=r"key 'dvc': .*/elsewhere lies in no DVC repository"):
        lake.ingest(1, output_uri=str(tmp_path / "elsewhere"))
    with pytest.raises(BadInputError, match="key 'dvc': s3://bucket/raw is no local folder"):
        lake.ingest(1, output_uri="s3://bucket/raw")
    assert not (tmp_path / "elsewhere").exists()


def test_what_git_refuses_is_told_in_one_sentence_and_the_next_try_commits(lake):
    hook = lake.repository.folder / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\necho 'commits are closed today' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(BackendError, match="wages cannot be committed: commits are closed today"):
        lake.ingest(1)
    hook.unlink()
    assert lake.ingest(1).dataset.revision == lake.repository.git("rev-parse", "HEAD")
