"""A judgement is made once: its identity, its claim, and a batch that changes between look and claim."""

from __future__ import annotations

import dataclasses
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BadInputError, JobCancelledError
from airflow_mlops_provider.jobs.data.drift import DriftJob
from airflow_mlops_provider.jobs.data.drift_watch import ELSEWHERE, BatchWatch, judgement_identity
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests.drift import DriftRequest
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence
from tests.builders.requests import KEYS
from tests.unit.jobs.replaced_files import watched_files

TASK = {"dag_id": "monitor", "task_id": "drift", "map_index": "-1"}


def rows(seed: int, shift: float = 0.0, count: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {"x": rng.normal(shift, size=count), "y": rng.normal(size=count), "day": np.arange(count) // 10}
    )


def write(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write(rows(0, count=1200), tmp_path / "reference.parquet")
    write(rows(1), tmp_path / "batch.parquet")
    return tmp_path


def spec(home: Path, **changed: Any) -> dict[str, Any]:
    keys = {
        "reference": str(home / "reference.parquet"),
        "current": str(home / "batch.parquet"),
        "columns": ["x", "y"],
        "policy": {"joint": False},
        "html_report": "never",
        "evidence_root": str(home / "mlops"),
        "origin": {**TASK, "run_id": "run 1"},
        "run_key": "monitor/run 1/drift/-1",
        "once": True,
    }
    return keys | changed


def judged(home: Path, **changed: Any) -> Outcome:
    return jobs.run("drift", spec(home, **changed))


def evidence_of(home: Path) -> list[str]:
    return EvidenceStore(str(home / "mlops")).uris("drift")


def claims_of(home: Path) -> list[Outcome]:
    found = sorted((home / "mlops" / "claims").glob("*.json"))
    return [Outcome.from_json(json.loads(path.read_text())["outcome"]) for path in found]


def test_the_same_judgement_asked_for_again_is_the_same_evidence_and_identity(home):
    first = judged(home)
    again = judged(home, origin={**TASK, "run_id": "run 2", "try_number": "3"}, run_key="monitor/run 2/drift/-1")
    assert again == first
    assert first.judgement is not None
    assert evidence_of(home) == [first.evidence_uri]
    assert claims_of(home) == [first]
    assert read_evidence(first.evidence_uri).details["judgement"] == first.judgement


def test_a_job_that_is_not_asked_to_judge_once_judges_for_each_request_and_claims_nothing(home):
    outcomes = [judged(home, once=False, run_key=f"monitor/run {number}/drift/-1") for number in range(2)]
    assert outcomes[0].evidence_uri != outcomes[1].evidence_uri
    assert all(outcome.judgement is None and "judgement" not in outcome.to_json() for outcome in outcomes)
    assert not (home / "mlops" / "claims").exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"columns": ["x"]},
        {"columns": None},
        {"policy": {"joint": False, "min_ks_d": 0.08}},
        {"policy": {"joint": False, "rule": "psi"}},
        {"window_column": "day"},
        {"group_column": "day"},
        {"label_column": "day"},
        {"prediction_column": "day"},
        {"sensitive": ["x"]},
        {"origin": {**TASK, "dag_id": "other"}},
        {"origin": {**TASK, "task_id": "other"}},
        {"origin": {**TASK, "map_index": "1"}},
        {"origin": {}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_whatever_else_makes_the_verdict_makes_another_judgement(home, changed):
    first, second = judged(home), judged(home, **changed)
    assert first.judgement != second.judgement
    assert len(evidence_of(home)) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"columns": ["y", "x"]},
        {"html_report": "always"},
        {"keep_profile": False},
        {"written_by": [{"dag_id": "etl"}]},
        {"policy": {"joint": False, "min_ks_d": 0.05}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_makes_no_other_verdict_makes_no_other_judgement(home, changed):
    assert judged(home) == judged(home, **changed)


def test_every_key_of_the_job_is_part_of_the_identity_or_exempt_with_a_reason(home):
    told = {field.name for field in dataclasses.fields(DriftRequest)}
    assert set(ELSEWHERE) <= told
    pinned = {"reference": DatasetRef(uri="r", fingerprint="1"), "current": DatasetRef(uri="c", fingerprint="2")}
    plain = DriftRequest(reference=DatasetRef(uri="r"), current=DatasetRef(uri="c"))
    changed = DriftRequest.from_spec(KEYS["drift"])
    for name in told - set(ELSEWHERE):
        one = dataclasses.replace(plain, **{name: getattr(changed, name)})
        assert judgement_identity(one, pinned) != judgement_identity(plain, pinned), name


def test_the_same_rows_in_another_file_are_another_batch(home):
    shutil.copy(home / "batch.parquet", home / "tuesday.parquet")
    first, second = judged(home), judged(home, current=str(home / "tuesday.parquet"))
    assert first.dataset.fingerprint == second.dataset.fingerprint
    assert first.judgement != second.judgement


def test_another_spelling_of_a_place_is_the_same_batch(home):
    assert judged(home) == judged(home, current=(home / "sub" / ".." / "batch.parquet").resolve().as_uri())


def test_other_content_of_the_reference_is_another_judgement_and_its_name_is_none(home):
    first = judged(home)
    shutil.copy(home / "reference.parquet", home / "moved.parquet")
    assert judged(home, reference=str(home / "moved.parquet")) == first
    write(rows(5, count=1200), home / "reference.parquet")
    assert judged(home).judgement != first.judgement


def test_a_judgement_whose_evidence_was_purged_is_made_again_under_its_identity(home):
    first = judged(home)
    store = EvidenceStore(str(home / "mlops"))
    store.withdraw(first.evidence_uri)
    shutil.rmtree(home / "mlops" / "announced")  # which a purge removes as well
    second = judged(home)
    assert (second.judgement, second.evidence_uri != first.evidence_uri) == (first.judgement, True)
    assert judged(home) == second


def test_a_judgement_stands_in_a_root_that_was_moved(home):
    first = judged(home)
    (home / "mlops").rename(home / "archive")
    moved = judged(home, evidence_root=str(home / "archive"))
    assert moved.judgement == first.judgement
    assert read_evidence(moved.evidence_uri).verdict == first.verdict
    assert moved.evidence_uri.startswith((home / "archive").as_uri())


def test_a_claim_of_version_0_1_0_is_no_judgement(home):
    from airflow_mlops_provider.records.codec import digest

    first = judged(home, once=False)
    store = EvidenceStore(str(home / "mlops"))
    name = digest(["drift", "monitor", "drift", first.dataset.fingerprint])
    store.claim(name, {"run_key": "monitor/run 0/drift/-1", "outcome": first.to_json()})
    second = judged(home)
    assert second.judgement is not None
    assert second.evidence_uri != first.evidence_uri


class HeldJob(DriftJob):
    """Writes its evidence when all of its rivals have judged too."""

    barrier: Any = None

    def record(self, *args: Any, **keys: Any) -> Outcome:
        self.barrier.wait(timeout=120)
        return super().record(*args, **keys)


def test_eight_that_judge_at_once_leave_one_piece_of_evidence_and_one_claim(home):
    HeldJob.barrier = Barrier(8)

    def run(number: int) -> Outcome:
        key = f"monitor/run {number}/drift/-1"
        return HeldJob.from_spec(spec(home, run_key=key, html_report="always" if number < 2 else "never")).run()

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(run, range(8)))
    assert len({outcome.evidence_uri for outcome in outcomes}) == 1
    assert evidence_of(home) == [outcomes[0].evidence_uri]
    assert claims_of(home) == [outcomes[0]]
    store = EvidenceStore(str(home / "mlops"))
    assert [entry.evidence for entry in store.index.entries()] == store.names("drift")
    attached = set(read_evidence(outcomes[0].evidence_uri).attachments.values())
    assert set(store.uris("drift/attachments")) == {uri for uri in attached if uri.endswith(".json")}
    assert {path.as_uri() for path in (home / "mlops" / "drift" / "attachments").glob("*")} == attached


class KilledJob(DriftJob):
    """Ends before its claim, as when its worker dies."""

    def record(self, *args: Any, **keys: Any) -> Outcome:
        super().record(*args, **keys)
        raise JobCancelledError("killed")


def test_a_killed_run_leaves_the_batch_for_the_next_one(home):
    with pytest.raises(JobCancelledError):
        KilledJob.from_spec(spec(home)).run()
    assert not (home / "mlops" / "claims").exists()
    assert judged(home).verdict.status is Status.PASS


QUIET, DRIFTED = rows(1), rows(2, shift=1.0)


class Disturbed:
    """A judgement of a batch that changes at a moment between the look and the claim."""

    def __init__(self, home: Path, name: str, **changed: Any) -> None:
        self.home, self.batch, self.changed = home, home / name, changed
        self.later, self.aside = home / f"later-{name}", home / f"aside-{name}"
        self.verdicts: dict[str, Status] = {}
        for frame, status in ((QUIET, Status.PASS), (DRIFTED, Status.FAIL)):
            write(frame, self.batch)
            self.verdicts[self.run(once=False).dataset.fingerprint] = status
        write(DRIFTED, self.later)

    def run(self, **more: Any) -> Outcome:
        return judged(self.home, current=str(self.batch), **self.changed, **more)

    def fresh(self) -> None:
        shutil.rmtree(self.home / "mlops", ignore_errors=True)
        write(QUIET, self.batch)

    def replace(self) -> None:
        shutil.copy(self.later, self.aside)
        self.aside.replace(self.batch)

    def overwrite(self) -> None:
        self.batch.write_bytes(self.later.read_bytes())

    def require_one_content(self) -> None:
        """Verdict, evidence and claim speak of one and the same content."""
        for uri in evidence_of(self.home):
            evidence = read_evidence(uri)
            assert evidence.verdict.status is self.verdicts[evidence.dataset.fingerprint]
        for outcome in claims_of(self.home):
            evidence = read_evidence(outcome.evidence_uri)
            assert evidence.details["judgement"] == outcome.judgement
            assert (evidence.dataset, evidence.verdict) == (outcome.dataset, outcome.verdict)


@pytest.mark.parametrize("name", ["batch.parquet", "batch.csv"])
@pytest.mark.parametrize("how", ["replace", "overwrite", "there and back"])
def test_a_batch_that_changes_at_any_moment_is_judged_and_claimed_as_one_content_or_not_at_all(home, name, how):
    batch = Disturbed(home, name)
    batch.fresh()
    with watched_files(name) as undisturbed:
        batch.run()
    ends = set()
    for moment in range(undisturbed.passed):
        batch.fresh()
        if how == "there and back":
            original = batch.home / f"original-{name}"

            def away() -> None:
                batch.batch.rename(original)  # noqa: B023  # called within this turn
                batch.replace()

            actions = {moment: away, moment + 1: lambda: original.replace(batch.batch)}  # noqa: B023
        else:
            actions = {moment: getattr(batch, how)}
        with watched_files(name, actions=actions):
            try:
                ends.add(str(batch.run().verdict.status))
            except BadInputError:
                ends.add("stopped")
        batch.require_one_content()
        write(DRIFTED, batch.batch)
        assert batch.run().verdict.status is Status.FAIL, "what was delivered at last is judged"
        batch.require_one_content()
    assert "stopped" in ends or how == "there and back"
    assert ends <= {"stopped", "pass", "fail"}


def test_the_log_of_windows_is_never_told_of_rows_that_were_not_judged(home):
    batch = Disturbed(home, "batch.csv")
    batch.changed = {"window_column": "day"}
    batch.fresh()
    with watched_files("batch.csv") as undisturbed:
        expected = batch.run()
    log = _windows(home)
    assert expected.dataset.fingerprint in log
    for moment in range(1, undisturbed.passed):
        batch.fresh()
        with watched_files("batch.csv", actions={moment: batch.overwrite}), suppress(BadInputError):
            batch.run()
        told = _windows(home).get(expected.dataset.fingerprint)
        assert told in (None, log[expected.dataset.fingerprint])


def _windows(home: Path) -> dict[str, bool]:
    found = [json.loads(path.read_text()) for path in (home / "mlops").glob("windows/*/*.json")]
    return {entry["fingerprint"]: entry["unusual"] for entry in found}


@pytest.fixture
def watch(home: Path):
    def make(run: str = "run 1", attempt: str = "1") -> BatchWatch:
        store = EvidenceStore(str(home / "mlops"))
        return BatchWatch(store=store, uri=str(home / "batch.parquet"), run_key=run, attempt=attempt)

    return make


def test_a_delivery_is_for_the_run_that_asked_first_and_for_every_run_that_waits_for_no_other(watch):
    found = watch().stamps()
    assert watch("run 1").take("j", found, expects_another=True) == "run 1"
    assert watch("run 2").take("j", found, expects_another=True) == "run 1"
    assert watch("run 2").take("other judgement", found, expects_another=True) == "run 2"
    assert watch("run 3").take("j", found, expects_another=False) == "run 3"


def test_a_run_that_had_a_batch_is_given_what_there_is_when_it_is_cleared(watch, home):
    found = watch().stamps()
    watch("run 1").take("monday", found, expects_another=True)
    write(DRIFTED, home / "batch.parquet")
    now = watch().stamps()
    watch("run 2").take("tuesday", now, expects_another=True)
    assert watch("run 1", "2").take("tuesday", now, expects_another=True) == "run 1"
    assert watch("run 3").take("tuesday", now, expects_another=True) == "run 2"


def test_the_same_content_written_again_is_a_delivery_for_the_next_run(watch, home):
    watch("run 1").take("j", watch().stamps(), expects_another=True)
    content = (home / "batch.parquet").read_bytes()
    (home / "batch.parquet").write_bytes(content)
    again = watch().stamps()
    assert watch("run 2").take("j", again, expects_another=True) == "run 2"
    assert watch("run 3").take("j", again, expects_another=True) == "run 2"


def test_a_look_is_remembered_for_this_try_alone_and_only_while_nothing_can_change_unnoticed(watch, monkeypatch):
    found = watch().stamps()
    watch().looked_at(found)
    assert not found.is_settled
    assert not watch().has_looked_at(found)
    monkeypatch.setattr("airflow_mlops_provider.stores.datasets.stamps.SETTLED_SECONDS", -60.0)
    settled = watch().stamps()
    watch().looked_at(settled)
    assert watch().has_looked_at(settled)
    assert not watch("run 1", "2").has_looked_at(settled)
    assert not watch("run 2").has_looked_at(settled)
