"""A file is replaced in the middle of a validation, at every moment in turn: nothing unjudged reaches an output."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import s3fs

from airflow_mlops_provider.exceptions import IntegrityError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.stores.datasets.pinned_files import fingerprint
from airflow_mlops_provider.stores.evidence.store import read_evidence
from tests.unit.jobs.replaced_files import watched_files

SUITE = {
    "name": "signs",
    "expectations": [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "v", "min_value": 0}}],
}
POLICY = {"max_quarantine_share": 0.6}

pytestmark = pytest.mark.filterwarnings("error")


def _frame(first: int, bad: list[int]) -> pd.DataFrame:
    """Thirty rows, numbered from ``first``, of which ``bad`` break the rule; as CSV always the same number of bytes."""
    rows = pd.DataFrame({"nr": range(first, first + 30), "v": [10 + n for n in range(30)]})
    rows.loc[bad, "v"] = -1
    return rows


NOW, LATER = _frame(100, [4]), _frame(300, list(range(0, 30, 2)))
FLAWLESS, FLAWLESS_LATER = _frame(100, []), _frame(300, [])


def _write(frame: pd.DataFrame, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if ".csv" in place.name:
        frame.to_csv(place, index=False)
    else:
        frame.to_parquet(place, index=False)


class Batch:
    """A batch of one or three files, whose last one is replaced, and what is right for each content of it."""

    protocol = "file"

    def __init__(self, folder: Path, name: str, now: pd.DataFrame, later: pd.DataFrame) -> None:
        self.folder = folder
        self.is_folder = name.startswith("in/")
        self.file = folder / name
        others = [_frame(500, [1]), _frame(700, [])] if self.is_folder else []
        for number, frame in enumerate(others):
            _write(frame, self.file.with_name(f"{number}{''.join(self.file.suffixes)}"))
        _write(now, self.file)
        _write(later, folder / "later" / self.file.name)
        self.contents = {"now": pd.concat([*others, now]), "later": pd.concat([*others, later])}
        self.now, self.later = self.file.read_bytes(), (folder / "later" / self.file.name).read_bytes()
        self.fingerprints = {fingerprint(self.uri): "now"}
        self.replace()
        self.fingerprints[fingerprint(self.uri)] = "later"

    @property
    def uri(self) -> str:
        return str(self.file.parent if self.is_folder else self.file)

    def replace(self) -> None:
        """Another file gets the name."""
        (self.folder / "next").write_bytes(self.later)
        (self.folder / "next").replace(self.file)

    def overwrite(self) -> None:
        """The same file gets other bytes."""
        with self.file.open("r+b") as handle:
            handle.write(self.later)
            handle.truncate()
        os.utime(self.file, (1, 1))

    def set_aside(self) -> None:
        self.file.rename(self.folder / "aside")
        self.file.write_bytes(self.later)

    def bring_back(self) -> None:
        (self.folder / "aside").replace(self.file)

    def reset(self) -> None:
        shutil.rmtree(self.out, ignore_errors=True)
        (self.folder / "aside").unlink(missing_ok=True)
        self.file.unlink(missing_ok=True)
        self.file.write_bytes(self.now)

    @property
    def out(self) -> str:
        return str(self.folder / "out")

    def outputs(self) -> list[str]:
        return [place.name for place in Path(self.out).glob("*")]

    def validate(self, clean: str) -> Any:
        places = {"clean_uri": f"{self.out}/{clean}", "quarantine_uri": f"{self.out}/bad{clean}"}
        evidence = str(self.folder / "ev")
        return run(
            "validate", {"dataset": self.uri, "suite": SUITE, "policy": POLICY, "evidence_root": evidence, **places}
        )

    def written(self, name: str) -> pd.DataFrame:
        return _read(Path(self.out) / name, name)


def _read(place: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(place, compression="infer") if ".csv" in name else pd.read_parquet(place)


class Run:
    """One validation in which something happened, checked.

    :ivar kinds: of the moments that passed.
    :ivar end: ``now`` or ``later``, the content that was judged and written, or ``stopped``.
    """

    def __init__(self, batch: Batch, clean: str, actions: dict[int, Callable[[], None]]) -> None:
        batch.reset()
        self._batch, self._clean = batch, clean
        with watched_files(f"/{batch.file.name}", actions=actions, protocol=batch.protocol) as moments:
            self.end = self._end()
        self.kinds = moments.kinds

    def _end(self) -> str:
        try:
            outcome = self._batch.validate(self._clean)
        except IntegrityError as error:
            self._require_nothing(error)
            return "stopped"
        judged = self._batch.fingerprints[read_evidence(outcome.evidence_uri).inputs["dataset"].fingerprint]
        rows = self._batch.contents[judged]
        good = rows[rows.v >= 0].reset_index(drop=True)
        pd.testing.assert_frame_equal(self._batch.written(self._clean), good)
        assert list(self._batch.written(f"bad{self._clean}").nr) == list(rows[rows.v < 0].nr)
        return judged

    def _require_nothing(self, error: IntegrityError) -> None:
        assert self._batch.file.name in str(error)
        assert self._batch.outputs() == []


CASES = {
    "a Parquet file": ("b.parquet", "clean.parquet", NOW, LATER),
    "a Parquet file without fault, which is copied": ("b.parquet", "clean.parquet", FLAWLESS, FLAWLESS_LATER),
    "a folder of Parquet": ("in/b.parquet", "clean.parquet", NOW, LATER),
    "a CSV file": ("b.csv", "clean.csv", NOW, LATER),
    "a CSV file without fault": ("b.csv", "clean.csv", FLAWLESS, FLAWLESS_LATER),
    "a CSV file as Parquet": ("b.csv", "clean.parquet", NOW, LATER),
    "a folder of CSV": ("in/b.csv", "clean.csv", NOW, LATER),
    "a compressed CSV file": ("b.csv.gz", "clean.csv.gz", NOW, LATER),
}


@pytest.mark.parametrize(
    ("case", "how"),
    [
        *((case, "replace") for case in CASES),
        *((case, how) for case in ("a folder of Parquet", "a CSV file") for how in ("overwrite", "there and back")),
    ],
)
def test_a_file_that_changes_at_any_moment_stops_the_job_or_is_judged_as_it_is_written(
    tmp_path: Path, case: str, how: str
) -> None:
    _go_over_all_moments(tmp_path, case, how)


@pytest.mark.parametrize(("case", "how"), [("a folder of Parquet", "there and back"), ("a CSV file", "overwrite")])
def test_a_file_written_long_ago_that_changes_at_any_moment_stops_the_job_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, how: str
) -> None:
    # Its time stamps are a proof, so that it is not hashed once more at the end.
    monkeypatch.setattr("airflow_mlops_provider.stores.datasets.pinned_files.SETTLED_SECONDS", -60.0)
    _go_over_all_moments(tmp_path, case, how)


def _go_over_all_moments(folder: Path, case: str, how: str) -> None:
    name, clean, now, later = CASES[case]
    batch = Batch(folder, name, now, later)
    undisturbed = Run(batch, clean, {})
    assert undisturbed.end == "now"
    ends = []
    for moment in range(len(undisturbed.kinds)):
        if how == "there and back":
            actions = {moment: batch.set_aside, moment + 1: batch.bring_back}
        else:
            actions = {moment: getattr(batch, how)}
        ends.append(Run(batch, clean, actions).end)
    assert "stopped" in ends
    if how != "there and back":
        assert ends[0] == "later"  # before the first opening: the batch is what is found then


def test_a_file_that_is_removed_stops_the_job_by_name(tmp_path: Path) -> None:
    batch = Batch(tmp_path, "in/b.parquet", NOW, LATER)
    moments = len(Run(batch, "clean.parquet", {}).kinds)
    ends = [Run(batch, "clean.parquet", {moment: batch.file.unlink}).end for moment in range(moments - 2)]
    assert set(ends) == {"stopped"}


def test_a_file_that_appears_after_the_listing_is_no_part_of_the_batch(tmp_path: Path) -> None:
    batch = Batch(tmp_path, "in/b.parquet", NOW, LATER)
    late = batch.file.with_name("late.parquet")
    assert Run(batch, "clean.parquet", {0: lambda: _write(LATER, late)}).end == "now"
    assert late.exists()


def test_a_file_that_is_touched_or_replaced_by_an_equal_one_between_two_readings_goes_on(tmp_path: Path) -> None:
    batch = Batch(tmp_path, "b.csv", NOW, LATER)
    batch.later = batch.now
    kinds = Run(batch, "clean.csv", {}).kinds
    for moment in (number for number, kind in enumerate(kinds) if kind == "opening"):
        assert Run(batch, "clean.csv", {moment: batch.replace}).end == "now"
        assert Run(batch, "clean.csv", {moment: lambda: os.utime(batch.file)}).end == "now"


class BatchOnS3(Batch):
    """A batch of one object, whose outputs lie beside it."""

    protocol = "s3"

    def __init__(self, folder: Path, name: str, root: str) -> None:
        super().__init__(folder, name, NOW, LATER)
        self._client = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
        self._root = root

    @property
    def uri(self) -> str:
        return f"{self._root}/{self.file.name}" if hasattr(self, "_root") else super().uri

    @property
    def out(self) -> str:
        return f"{self._root}/out"

    def replace(self) -> None:
        if hasattr(self, "_root"):
            self._client.pipe_file(self.uri, self.later)
        else:
            super().replace()

    def reset(self) -> None:
        self._client.pipe_file(self.uri, self.now)
        if self._client.exists(self.out):
            self._client.rm(self.out, recursive=True)

    def outputs(self) -> list[str]:
        return list(self._client.ls(self.out)) if self._client.exists(self.out) else []

    def written(self, name: str) -> pd.DataFrame:
        place = self.folder / "fetched"
        place.write_bytes(self._client.cat_file(f"{self.out}/{name}"))
        return _read(place, name)


@pytest.mark.parametrize("name", ["b.parquet", "b.csv"])
def test_an_object_on_s3_that_is_replaced_at_any_moment_stops_the_job(s3_root: str, tmp_path: Path, name: str) -> None:
    batch = BatchOnS3(tmp_path, name, s3_root)
    undisturbed = Run(batch, f"clean{batch.file.suffix}", {})
    assert undisturbed.end == "now"
    moments = range(len(undisturbed.kinds))
    ends = [Run(batch, f"clean{batch.file.suffix}", {moment: batch.replace}).end for moment in moments]
    assert ends[0] == "later"
    assert "stopped" in ends


@pytest.mark.parametrize("name", ["b.parquet", "b.csv"])
def test_a_batch_is_not_read_more_often_than_before_it_was_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("airflow_mlops_provider.stores.datasets.pinned_files.SETTLED_SECONDS", -60.0)
    place = tmp_path / name
    rows = random.Random(1)
    _write(pd.DataFrame({"nr": [rows.random() for _ in range(60_000)], "v": 1}), place)
    whole = place.stat().st_size
    spec = {"dataset": str(place), "suite": SUITE, "policy": POLICY, "evidence_root": str(tmp_path / "ev")}
    spec |= {"clean_uri": str(tmp_path / "out" / name), "quarantine_uri": str(tmp_path / "out" / f"bad-{name}")}
    with watched_files(f"/{name}") as moments:
        run("validate", spec)
    # Parquet: once for the hash, once for the rows that are written, and footers; DuckDB's own reading does not count.
    # CSV: types, leading zeros, rows, hash, scan and the writing.
    assert moments.bytes_read[name] <= {"b.parquet": 2.4, "b.csv": 6.1}[name] * whole
