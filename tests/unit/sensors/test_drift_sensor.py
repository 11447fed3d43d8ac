"""DriftSensor: waits for a batch, judges it once, and emits an event only on drift; alike in every mode."""

from __future__ import annotations

import asyncio
import types
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from airflow.sdk import Asset
from airflow.sdk.execution_time.context import OutletEventAccessors

from airflow_mlops_provider import jobs
from airflow_mlops_provider.airflow_versions import AirflowFailException, TaskDeferred
from airflow_mlops_provider.exceptions import JobCancelledError
from airflow_mlops_provider.records.html_report import HtmlReport
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.sensors.drift import DriftSensor
from airflow_mlops_provider.stores.datasets.writing import write_dataset
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.triggers.datasets import DatasetTrigger

ASSET = Asset("drifted")


@pytest.fixture
def batches(tmp_path):
    """Paths of a reference, a quiet batch and a drifted one."""
    rng = np.random.default_rng(5)
    frames = {"reference": rng.normal(size=2000), "quiet": rng.normal(size=1000), "drifted": rng.normal(1, 1, 1000)}
    paths = {name: str(tmp_path / f"{name}.parquet") for name in frames}
    for name, values in frames.items():
        write_dataset(pa.table({"x": values, "y": rng.normal(size=len(values))}), paths[name])
    return paths


@pytest.fixture
def sensor(batches, evidence_root):
    def make(current, **more):
        return DriftSensor(
            task_id="drift",
            reference=batches["reference"],
            current=batches.get(current, current),
            drift_asset=ASSET,
            evidence_root=evidence_root,
            **{"html_report": HtmlReport.NEVER, **more},
        )

    return make


def context(run_id="run1", try_number=1):
    ti = types.SimpleNamespace(dag_id="monitor", run_id=run_id, task_id="drift", map_index=-1, try_number=try_number)
    return {"ti": ti, "outlet_events": OutletEventAccessors()}


def events(sensor, ctx):
    return ctx["outlet_events"][sensor.drift_alias].asset_alias_events


@pytest.mark.parametrize("mode", ["poke", "reschedule", "deferrable"])
def test_every_mode_reaches_the_same_verdict_and_emits_the_same_event(sensor, mode):
    how = {"deferrable": True} if mode == "deferrable" else {"mode": mode}
    op, ctx = sensor("drifted", **how), context()
    ctx["ti"].get_first_reschedule_date = lambda _: None
    outcome = Outcome.from_json(op.execute(ctx))
    assert outcome.verdict.status is Status.FAIL
    [event] = events(op, ctx)
    assert event.dest_asset_key.name == "drifted"
    assert event.extra == outcome.to_json()


def test_a_quiet_batch_succeeds_without_an_event(sensor):
    op, ctx = sensor("quiet"), context()
    assert Outcome.from_json(op.execute(ctx)).verdict.status is Status.PASS
    assert events(op, ctx) == []


def test_a_batch_that_is_not_there_yet_is_waited_for(sensor, tmp_path):
    assert not sensor(str(tmp_path / "later.parquet")).poke(context())


def test_a_batch_judged_by_another_run_is_waited_past(sensor):
    assert sensor("drifted").poke(context("run1"))
    assert not sensor("drifted").poke(context("run2"))


def test_a_retry_returns_the_recorded_verdict_and_emits_its_event_again(sensor):
    op = sensor("drifted")
    first, second = context(), context(try_number=2)
    assert op.poke(first).xcom_value == op.poke(second).xcom_value
    assert len(events(op, second)) == 1


def test_two_runs_that_judge_at_once_leave_one_verdict(sensor, monkeypatch):
    op, rival = sensor("drifted"), sensor("drifted")
    judge = op._judge

    def overtaken(ctx, environment):
        assert rival.poke(context("rival"))
        return judge(ctx, environment)

    monkeypatch.setattr(op, "_judge", overtaken)
    assert not op.poke(context("run1"))


def test_a_deferred_sensor_asks_for_a_change_of_the_files_it_saw(sensor, tmp_path):
    path = str(tmp_path / "later.parquet")
    with pytest.raises(TaskDeferred) as deferred:
        sensor(path, deferrable=True, poke_interval=30, timeout=600).execute(context())
    trigger = deferred.value.trigger
    assert trigger.serialize()[1] == {"uri": path, "seen": None, "poll_seconds": 30}
    assert deferred.value.method_name == "execute_complete"
    assert deferred.value.timeout.total_seconds() == 600


def test_a_resumed_sensor_judges_in_the_worker(sensor, batches):
    op, ctx = sensor("drifted", deferrable=True), context()
    outcome = Outcome.from_json(op.execute_complete(ctx, {"stamp": "x"}))
    assert outcome.verdict.status is Status.FAIL
    assert len(events(op, ctx)) == 1


def test_bad_input_fails_the_task_without_a_retry(sensor, tmp_path):
    write_dataset(pa.table({"z": [1.0] * 300}), str(tmp_path / "other.parquet"))
    with pytest.raises(AirflowFailException, match="column"):
        sensor(str(tmp_path / "other.parquet")).poke(context())


def test_evidentlys_page_is_drawn_and_linked_on_drift_and_neither_on_a_quiet_day(sensor):
    drifted, quiet = (sensor(name, html_report=HtmlReport.ON_DRIFT) for name in ("drifted", "quiet"))
    for op in (drifted, quiet):
        op.execute(context(run_id=op.current))
    links = [op.operator_extra_links[1].get_link(op, ti_key=None) for op in (drifted, quiet)]
    assert links[0].startswith("http://airflow.example/plugin/mlops/mlops/attachment?uri=")
    assert links[0].endswith("&name=evidently.html")
    assert links[1] == ""
    assert quiet.operator_extra_links[0].get_link(quiet, ti_key=None)


def test_a_reference_kept_as_its_profile_alone_serves_the_sensor_without_the_rows(sensor, batches, tmp_path):
    kept = str(tmp_path / "reference.profile")
    root = str(tmp_path / "mlops")
    jobs.run("profile", {"dataset": batches["reference"], "output_uri": kept, "evidence_root": root})
    Path(batches["reference"]).unlink()
    verdicts = {}
    for name in ("drifted", "quiet"):
        op, ctx = sensor(name, html_report=HtmlReport.ON_DRIFT), context(run_id=name)
        op.reference = kept
        outcome = Outcome.from_json(op.execute(ctx))
        verdicts[name] = (outcome.verdict.status, len(events(op, ctx)))
        assert "profile without rows" in outcome.verdict.findings[0].detail
        assert read_evidence(outcome.evidence_uri).attachments == {}
    assert verdicts == {"drifted": (Status.FAIL, 1), "quiet": (Status.PASS, 0)}


def test_options_of_the_job_reach_it_from_the_sensor(sensor):
    op = sensor("quiet", html_report=HtmlReport.ALWAYS, keep_profile=False, group_column="y", sensitive=["x"])
    spec = op.request(context()).to_spec()
    assert spec | {"html_report": "always", "keep_profile": False, "group_column": "y", "sensitive": ["x"]} == spec


def test_a_sensor_without_an_asset_has_no_outlet(evidence_root):
    assert DriftSensor(task_id="drift", reference="a", current="b", evidence_root=evidence_root).outlets == []


def test_the_trigger_fires_on_new_files_only_and_never_within_seconds(batches, monkeypatch):
    waits = []

    async def at_once(seconds):
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", at_once)
    trigger = DatasetTrigger(uri=batches["quiet"], seen=None, poll_seconds=1)

    async def first():
        return await anext(trigger.run())

    event = asyncio.run(first())
    assert event.payload["stamp"]
    assert waits == [10.0]


def test_a_sensor_that_is_killed_cancels_the_comparison(sensor):
    class Place:
        """A place whose job is killed while it is waited for."""

        cancelled = False

        def submit(self, job, spec, *, environment):
            return self

        def logs(self):
            return iter(())

        def collect(self):
            op.on_kill()  # as Airflow's signal handler does in the midst of it
            raise JobCancelledError("cancelled")

        def cancel(self):
            self.cancelled = True

        def release(self):
            pass

    place = Place()
    op = sensor("quiet", runner=place)
    op.on_kill()  # nothing runs yet
    assert not place.cancelled
    with pytest.raises(JobCancelledError):
        op.execute(context())
    assert place.cancelled
