"""Kept profiles: only new files are read, the counts are those of all rows, and few small files are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_mlops_provider.analysis.drift.profile_file import encode_profile
from airflow_mlops_provider.analysis.drift.scan import edges_of, profile_rows
from airflow_mlops_provider.jobs.data import kept_profiles
from airflow_mlops_provider.jobs.data.kept_profiles import read_kept_profile, stored_profile
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.file_facts import keep_facts, read_facts
from airflow_mlops_provider.stores.datasets.parquet_dataset import ParquetDataset
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

COLUMNS = ["x", "code", "kind"]


class Folder:
    """Daily files, and what is kept of them."""

    def __init__(self, root: Path) -> None:
        self.days, self.store = root / "days", EvidenceStore(str(root / "mlops"))
        self.kept = root / "mlops" / "profiles"
        self.days.mkdir(parents=True)

    def write(self, day: int, *, seed: int | None = None, rows: int = 30) -> Path:
        rng = np.random.default_rng(day if seed is None else seed)
        columns = {
            "x": pa.array(rng.normal(size=rows), mask=rng.random(rows) < 0.1),
            "code": rng.integers(0, 5, rows),
            "kind": rng.choice(["a", "b", f"only {day}"], rows).tolist(),
        }
        pq.write_table(pa.table(columns), path := self.days / f"{day:04d}.parquet")
        return path

    def profiled(self, *, by_content: bool = False) -> int:
        """Profile the folder, hold it against its rows, and return how many files were read for it."""
        known = read_facts(self.store, str(self.days))
        data = open_dataset(str(self.days), known=known)
        found, fresh = stored_profile(data, COLUMNS, self.store, by_content=by_content)
        assert isinstance(data, ParquetDataset)
        keep_facts(self.store, str(self.days), data.facts())
        rows = open_dataset(str(self.days))
        expected = profile_rows(rows, COLUMNS, edges_of(found.profiles))
        assert found.rows == rows.rows
        for name in ("x", "code"):
            one, other = found.profiles[name], expected[name]
            assert one.below.tolist() == other.below.tolist()
            assert (one.missing, one.minimum, one.maximum) == (other.missing, other.minimum, other.maximum)
        assert found.profiles["code"].levels.counts == expected["code"].levels.counts
        assert found.profiles["kind"].counts == expected["kind"].counts
        return fresh

    def files(self) -> list[Path]:
        return [path for path in self.kept.rglob("*") if path.is_file()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setattr(kept_profiles, "BLOCK_FILES", 20)
    return Folder(tmp_path)


def test_files_are_read_once_and_kept_together(folder):
    for day in range(50):
        folder.write(day)
    assert [folder.profiled() for _ in range(2)] == [50, 0]
    blocks = [path for path in folder.files() if path.suffix == ".kept"]
    assert len(blocks) == 3 + 1  # of twenty files each, and what the files' ends tell


def test_a_new_day_costs_itself_and_days_are_put_together_in_time(folder):
    counts = []
    for day in range(40):
        folder.write(day)
        assert folder.profiled() == 1
        counts.append(len(newest(folder)))
    assert max(counts) <= 16
    assert folder.profiled() == 0


def newest(folder: Folder) -> list[str]:
    """Names of the profile blocks that count."""
    lists = [path for path in folder.files() if path.parent.name == "generations" and "-files" not in str(path)]
    return sorted(lists)[-1].read_text().split(".kept")[:-1]


def test_a_changed_or_removed_file_costs_the_files_of_its_block(folder):
    for day in range(60):
        folder.write(day)
    assert folder.profiled() == 60
    folder.write(25, seed=999, rows=31)
    assert folder.profiled() == 20
    (folder.days / "0003.parquet").unlink()
    assert folder.profiled() == 19
    assert folder.profiled() == 0


def test_files_of_one_content_are_counted_as_often_as_they_are_there(folder):
    for day in range(3):
        folder.write(day, seed=7)
        path = folder.days / f"{day:04d}.parquet"
        path.write_bytes((folder.days / "0000.parquet").read_bytes())
    assert [folder.profiled(by_content=True) for _ in range(2)] == [3, 0]
    folder.write(3, seed=8)
    assert folder.profiled(by_content=True) == 1


def test_what_version_0_1_0_kept_of_each_file_is_not_read_again(folder):
    for day in range(5):
        folder.write(day)
    data = open_dataset(str(folder.days))
    whole, _ = stored_profile(data, COLUMNS, folder.store)
    edges_name = next(path for path in folder.files() if path.name == "edges")
    place = edges_name.parent.relative_to(folder.kept.parent).as_posix()
    for path in folder.files():
        if path != edges_name:
            path.unlink()
    for mark, file in zip(data.stamps(), data.files, strict=True):
        part = profile_rows(data.only([file]), COLUMNS, edges_of(whole.profiles))
        kept = type(whole)(uri=file, schema=whole.schema, rows=30, profiles=part)
        folder.store.attach(f"{place}/{mark}", encode_profile(kept))
    assert read_kept_profile(folder.store, f"{place}/edges") is not None
    assert [folder.profiled() for _ in range(2)] == [0, 0]


@pytest.mark.parametrize("damage", [b"", b"nonsense"])
def test_what_is_damaged_or_gone_is_made_again(folder, damage):
    for day in range(25):
        folder.write(day)
    assert folder.profiled() == 25
    for path in folder.files():
        if path.suffix == ".kept":
            path.write_bytes(damage) if damage else path.unlink()
    assert folder.profiled() == 25


def test_other_edges_after_a_purge_begin_anew(folder):
    for day in range(3):
        folder.write(day)
    assert folder.profiled() == 3
    for path in folder.files():
        if path.name == "edges":
            path.unlink()
    for day in range(3, 30):
        folder.write(day)
    assert folder.profiled() == 30


def test_two_runs_at_once_that_keep_the_same_files_lose_nothing(folder):
    folder.write(0)
    first, second = (open_dataset(str(folder.days)) for _ in range(2))
    folder.write(1)
    third = open_dataset(str(folder.days))
    assert [stored_profile(each, COLUMNS, folder.store)[1] for each in (first, third, second)] == [1, 1, 0]
    assert folder.profiled() in (0, 1)


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from(["add", "change", "remove"]), st.integers(0, 30)), max_size=12))
def test_whatever_happens_to_the_files_the_counts_are_those_of_the_rows(tmp_path_factory, steps):
    folder = Folder(tmp_path_factory.mktemp("folder"))
    folder.write(100)
    folder.profiled()
    for number, (what, day) in enumerate(steps):
        path = folder.days / f"{day:04d}.parquet"
        if what == "remove":
            path.unlink(missing_ok=True)
        elif what == "add" or path.exists():
            folder.write(day, seed=1_000 + number, rows=20 + number)
        folder.profiled()


def test_a_file_without_rows_or_with_other_types_is_typed_as_if_all_were_read(folder):
    for day in range(3):
        folder.write(day)
    assert folder.profiled() == 3
    empty = pa.table({"x": pa.nulls(0), "code": pa.array([], pa.int32()), "kind": pa.nulls(0)})
    pq.write_table(empty, folder.days / "0009.parquet")
    assert folder.profiled() in (1, 4)
    known = open_dataset(str(folder.days), known=read_facts(folder.store, str(folder.days)))
    assert known.schema == open_dataset(str(folder.days)).schema
    assert known.rows == open_dataset(str(folder.days)).rows
    pq.write_table(pa.table({"x": [1], "code": pa.array([2.5]), "kind": ["a"]}), folder.days / "0010.parquet")
    known = open_dataset(str(folder.days), known=read_facts(folder.store, str(folder.days)))
    assert known.schema == open_dataset(str(folder.days)).schema
