"""Which batch a run is given and which it waits past; alike in poke, reschedule and deferrable mode."""

from __future__ import annotations

import shutil
import types
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import s3fs
from airflow.sdk import Asset
from airflow.sdk.execution_time.context import OutletEventAccessors

from airflow_mlops_provider.airflow_versions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)
from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.policies.drift import DriftPolicy
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.runners.in_process import InProcessRunner
from airflow_mlops_provider.sensors.drift import DriftSensor
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.triggers.datasets import DatasetTrigger
from tests.unit.jobs.replaced_files import watched_files

MODES = ("poke", "reschedule", "deferrable")
ASSET = Asset("drifted")


def write(path: Path, seed: int, shift: float = 0.0, count: int = 400) -> None:
    rng = np.random.default_rng(seed)
    pd.DataFrame({"x": rng.normal(shift, size=count)}).to_parquet(path)


class Watched:
    """A folder with a reference and a batch, watched by one task in one mode."""

    def __init__(self, folder: Path, mode: str) -> None:
        self.folder, self.mode = folder, mode
        self.batch, self.root = folder / "batch.parquet", folder / "mlops"
        write(folder / "reference.parquet", 0, count=1200)
        write(self.batch, 1, shift=1.0)

    def sensor(self, **more):
        how = {"deferrable": True} if self.mode == "deferrable" else {"mode": self.mode}
        keys = {
            "reference": str(self.folder / "reference.parquet"),
            "current": str(self.batch),
            "policy": DriftPolicy(joint=False),
            "drift_asset": ASSET,
            "html_report": "never",
            "timeout": 0,
            "evidence_root": str(self.root),
        }
        return DriftSensor(task_id="drift", **keys | how | more)

    def look(self, run="scheduled 1", *, attempt=1, map_index=-1, **more):
        """One look of a task: its Outcome, or None when it waits."""
        context = self.context(run, attempt=attempt, map_index=map_index)
        op = self.sensor(**more)
        try:
            outcome = Outcome.from_json(op.execute(context))
        except (AirflowSensorTimeout, AirflowRescheduleException, TaskDeferred):
            return None
        events = context["outlet_events"][op.drift_alias].asset_alias_events
        assert [event.extra for event in events] == [outcome.to_json()] * (outcome.verdict.status is Status.FAIL)
        return outcome

    def context(self, run, *, attempt=1, map_index=-1):
        ti = types.SimpleNamespace(
            dag_id="monitor", run_id=run, task_id="drift", map_index=map_index, try_number=attempt
        )
        # Asked for in reschedule mode, where no look ends the time.
        ti.get_first_reschedule_date = lambda _: datetime.now(UTC) + timedelta(hours=1)
        dag_run = types.SimpleNamespace(run_type=run.split()[0])
        return {"ti": ti, "dag_run": dag_run, "outlet_events": OutletEventAccessors()}

    @property
    def evidence(self):
        return EvidenceStore(str(self.root)).uris("drift")


@pytest.fixture(params=MODES)
def watched(request, tmp_path):
    return Watched(tmp_path, request.param)


def test_a_retry_and_a_cleared_task_get_the_standing_verdict_under_its_identity(watched):
    first = watched.look(attempt=1)
    assert first.verdict.status is Status.FAIL
    assert watched.look(attempt=2) == first
    assert watched.evidence == [first.evidence_uri]


def test_the_next_run_of_a_schedule_waits_for_the_next_batch_and_judges_it(watched):
    first = watched.look("scheduled 1")
    assert watched.look("scheduled 2") is None
    write(watched.batch, 2)
    second = watched.look("scheduled 2")
    assert second.verdict.status is Status.PASS
    assert second.judgement != first.judgement
    assert watched.look("scheduled 3") is None


@pytest.mark.parametrize("kind", ["manual", "asset_triggered", "backfill", "operator_triggered"])
def test_a_run_that_somebody_started_gets_the_standing_verdict_at_once(watched, kind):
    first = watched.look("scheduled 1")
    assert watched.look(f"{kind} 2") == first


def test_a_run_whose_batch_is_named_by_content_gets_the_standing_verdict_at_once(watched):
    first = watched.look("scheduled 1")
    assert watched.look("scheduled 2", current=first.to_json()) == first


def test_a_cleared_task_whose_batch_is_gone_gets_what_there_is_at_once(watched):
    watched.look("scheduled 1")
    write(watched.batch, 2)
    second = watched.look("scheduled 2")
    assert watched.look("scheduled 1", attempt=2) == second


@pytest.mark.parametrize(
    "changed",
    [{"policy": DriftPolicy(joint=False, min_ks_d=0.08)}, {"columns": ["x"]}, {"sensitive": ["x"]}, {"map_index": 1}],
    ids=lambda changed: next(iter(changed)),
)
def test_what_makes_another_verdict_is_judged_at_once_by_a_cleared_task_and_a_new_run(watched, changed):
    first = watched.look("scheduled 1")
    cleared = watched.look("scheduled 1", attempt=2, **changed)
    assert cleared.judgement != first.judgement
    new = watched.look("scheduled 2", **changed | {"policy": DriftPolicy(joint=False, min_ks_d=0.09)})
    assert new.judgement not in (first.judgement, cleared.judgement)


def test_other_content_of_the_reference_is_judged_at_once(watched):
    first = watched.look("scheduled 1")
    write(watched.folder / "reference.parquet", 7, count=1200)
    assert watched.look("scheduled 2").judgement != first.judgement


def test_mapped_references_are_each_judged(watched):
    write(watched.folder / "other.parquet", 3, shift=1.0, count=1200)
    first = watched.look(map_index=0)
    second = watched.look(map_index=1, reference=str(watched.folder / "other.parquet"))
    assert (first.verdict.status, second.verdict.status) == (Status.FAIL, Status.PASS)


def test_the_same_rows_in_another_file_are_judged(watched):
    first = watched.look("scheduled 1")
    shutil.copy(watched.batch, watched.folder / "tuesday.parquet")
    second = watched.look("scheduled 2", current=str(watched.folder / "tuesday.parquet"))
    assert second.judgement != first.judgement
    assert second.verdict == first.verdict


def test_the_same_content_written_again_gets_the_standing_verdict_once(watched):
    first = watched.look("scheduled 1")
    watched.batch.write_bytes(watched.batch.read_bytes())
    assert watched.look("scheduled 2") == first
    assert watched.look("scheduled 3") is None


class KilledAfterwards(InProcessRunner):
    """A place whose task is killed once the job has judged and claimed."""

    def submit(self, job, spec, *, environment):
        super().submit(job, spec, environment=environment).collect()
        raise KeyboardInterrupt


def test_a_batch_that_a_killed_run_left_is_for_the_next_run(watched):
    with pytest.raises(KeyboardInterrupt):
        watched.look("scheduled 1", runner=KilledAfterwards())
    assert watched.look("scheduled 2").verdict.status is Status.FAIL


def test_nothing_is_read_while_nothing_has_changed(watched, monkeypatch):
    monkeypatch.setattr("airflow_mlops_provider.stores.datasets.stamps.SETTLED_SECONDS", -60.0)
    watched.look("scheduled 1")
    assert watched.look("scheduled 2") is None
    with watched_files("batch.parquet", "reference.parquet") as moments:
        assert [watched.look("scheduled 2") for _ in range(3)] == [None] * 3
    assert moments.passed == 0
    with watched_files("batch.parquet") as moments:
        assert watched.look("scheduled 2", attempt=2) is None
    assert moments.passed > 0


def test_a_batch_that_changes_at_any_moment_of_the_look_is_judged_as_one_content(watched):
    later = watched.folder / "later.bin"
    drifted = watched.look("manual a")
    drifted_content = watched.batch.read_bytes()
    write(watched.batch, 2)
    later.write_bytes(watched.batch.read_bytes())
    quiet = watched.look("manual b")
    verdicts = {outcome.dataset.fingerprint: outcome.verdict for outcome in (drifted, quiet)}

    def replace():
        shutil.copy(later, aside := watched.folder / "aside.bin")
        aside.replace(watched.batch)

    moment, passed = 0, 1
    while moment < passed:
        shutil.rmtree(watched.root)
        watched.batch.write_bytes(drifted_content)
        with watched_files("batch.parquet", actions={moment: replace}, stats=True) as moments:
            first = watched.look("scheduled 1")
        passed = moments.passed
        outcomes = [outcome for outcome in (first, watched.look("scheduled 1", attempt=2)) if outcome]
        assert outcomes[-1].dataset.fingerprint == quiet.dataset.fingerprint
        for outcome in outcomes:
            assert outcome.verdict == verdicts[outcome.dataset.fingerprint]
        assert watched.look("scheduled 2") is None
        moment += 1
    assert passed > 5


def test_a_batch_and_evidence_on_s3_follow_the_same_rules(tmp_path, s3_root):
    watched = Watched(tmp_path, "reschedule")
    client = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    keys = {"current": f"{s3_root}/batch.parquet", "evidence_root": f"{s3_root}/evidence"}
    client.put_file(str(watched.batch), keys["current"])
    first = watched.look("scheduled 1", **keys)
    assert watched.look("scheduled 1", attempt=2, **keys) == watched.look("manual 1", **keys) == first
    assert watched.look("scheduled 2", **keys) is None
    with watched_files("batch.parquet", protocol="s3") as moments:
        assert watched.look("scheduled 2", **keys) is None
    assert moments.passed == 0
    write(watched.batch, 2)
    client.put_file(str(watched.batch), keys["current"])
    assert watched.look("scheduled 2", **keys).verdict.status is Status.PASS


def test_a_file_that_is_still_being_written_is_looked_at_again(watched):
    whole = watched.batch.read_bytes()
    watched.batch.write_bytes(whole[:-10])

    def more():
        watched.batch.write_bytes(whole[:-5])

    with watched_files("batch.parquet", actions={0: more}):
        assert watched.look() is None
    watched.batch.write_bytes(whole)
    assert watched.look().verdict.status is Status.FAIL


@pytest.mark.parametrize("soft_fail", [False, True])
def test_bad_input_fails_in_every_mode_whatever_soft_fail_says(watched, soft_fail):
    op = watched.sensor(columns=["misspelt"], soft_fail=soft_fail)
    with pytest.raises(AirflowFailException, match="misspelt"):
        op.execute(watched.context("scheduled 1"))
    if watched.mode == "deferrable":
        with pytest.raises(AirflowFailException, match="misspelt"):
            op.resume_execution("execute_complete", {"event": {"stamp": "x"}}, watched.context("scheduled 1"))


def test_a_place_that_can_never_be_read_fails_in_every_mode(watched):
    (watched.folder / "table" / "_delta_log").mkdir(parents=True)
    (watched.folder / "table" / "_delta_log" / "0.json").write_text("{}")
    with pytest.raises(AirflowFailException, match="Delta"):
        watched.look(current=str(watched.folder / "table"))


class Unreachable(InProcessRunner):
    """A place that is out of reach."""

    def submit(self, job, spec, *, environment):
        raise BackendError(f"no place for {job}")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, BackendError),
        ({"soft_fail": True}, BackendError),
        ({"never_fail": True}, AirflowSkipException),
        ({"silent_fail": True}, (AirflowSensorTimeout, AirflowRescheduleException, TaskDeferred)),
    ],
    ids=str,
)
def test_a_backend_that_fails_means_the_same_in_every_mode(watched, flags, expected):
    op = watched.sensor(**flags, runner=Unreachable())
    with pytest.raises(expected):
        op.execute(watched.context("scheduled 1"))


@pytest.mark.parametrize(("soft_fail", "expected"), [(False, AirflowSensorTimeout), (True, AirflowSkipException)])
def test_a_time_out_fails_or_skips_alike_in_every_mode(watched, soft_fail, expected):
    op = watched.sensor(current=str(watched.folder / "never.parquet"), soft_fail=soft_fail, timeout=3600)
    context = watched.context("scheduled 1")
    long_ago = datetime.now(UTC) - timedelta(seconds=3601)
    context["ti"].get_first_reschedule_date = lambda _: long_ago
    if watched.mode == "poke":
        op.timeout = 0
    resumed = {"started": long_ago.isoformat()}
    with pytest.raises(expected):
        _ = (
            op.resume_execution("execute_complete", resumed, context)
            if watched.mode == "deferrable"
            else op.execute(context)
        )


@pytest.mark.parametrize(("soft_fail", "expected"), [(False, AirflowSensorTimeout), (True, AirflowSkipException)])
def test_a_time_out_in_the_triggerer_fails_or_skips_too(tmp_path, soft_fail, expected):
    op = Watched(tmp_path, "deferrable").sensor(soft_fail=soft_fail)
    with pytest.raises(expected):
        op.resume_execution("__fail__", {"error": "Trigger timeout"}, {})


def test_a_trigger_that_failed_fails_the_task_whatever_soft_fail_says(tmp_path):
    op = Watched(tmp_path, "deferrable").sensor(soft_fail=True)
    with pytest.raises(Exception, match="Trigger failure") as failed:
        op.resume_execution("__fail__", {"error": "Trigger failure"}, {})
    assert not isinstance(failed.value, AirflowSkipException)


def test_the_time_out_of_a_deferred_sensor_counts_from_its_first_look(tmp_path):
    watched = Watched(tmp_path, "deferrable")
    op = watched.sensor(current=str(tmp_path / "never.parquet"), timeout=3600)
    with pytest.raises(TaskDeferred) as first:
        op.execute(watched.context("scheduled 1"))
    assert first.value.timeout == timedelta(hours=1)
    began = datetime.now(UTC) - timedelta(minutes=50)
    with pytest.raises(TaskDeferred) as resumed:
        op.resume_execution(first.value.method_name, {"started": began.isoformat()}, watched.context("scheduled 1"))
    assert resumed.value.timeout <= timedelta(minutes=10)
    assert resumed.value.kwargs == {"started": began.isoformat()}


def test_a_task_that_0_1_0_deferred_is_resumed_and_its_trigger_fires_once(tmp_path):
    watched = Watched(tmp_path, "deferrable")
    outcome = Outcome.from_json(
        watched.sensor().resume_execution("execute_complete", {"event": {"stamp": "x"}}, watched.context("scheduled 1"))
    )
    assert outcome.verdict.status is Status.FAIL
    path, arguments = DatasetTrigger(uri="a", seen="of 0.1.0", poll_seconds=60).serialize()
    assert path == "airflow_mlops_provider.triggers.datasets.DatasetTrigger"
    assert arguments == {"uri": "a", "seen": "of 0.1.0", "poll_seconds": 60}
