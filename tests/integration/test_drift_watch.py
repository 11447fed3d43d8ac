"""Which batch a run of a real Dag is given: repeated runs, cleared tasks, mapped references, in every mode."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import textwrap
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

pytestmark = [
    pytest.mark.floor_too,
    # dag.test() runs Airflow itself in this process, whose warnings are not ours to answer.
    pytest.mark.filterwarnings("ignore"),
]

DAGS = """
import json
from pathlib import Path

import pandas as pd
from airflow.sdk import Asset, dag

from airflow_mlops_provider.decisions.drift import DriftPolicy
from airflow_mlops_provider.sensors.drift import DriftSensor

HERE = Path({folder!r})
POLICY = json.loads((HERE / "policy.json").read_text())
MODES = {{"poke": {{"mode": "poke"}}, "reschedule": {{"mode": "reschedule"}}, "deferrable": {{"deferrable": True}}}}


def watch(name, **how):
    keys = {{
        "task_id": "drift",
        "current": str(HERE / f"{{name}}.parquet"),
        "policy": DriftPolicy(**POLICY),
        "drift_asset": Asset("watched drift"),
        "html_report": "never",
        "evidence_root": str(HERE / name),
        "timeout": 30,
    }}
    return DriftSensor.partial(**keys, **how)


for mode, how in MODES.items():

    @dag(dag_id=f"watch_{{mode}}", schedule=None)
    def watched():
        watch(mode, **how).expand(reference=[str(HERE / "reference.parquet")])

    @dag(dag_id=f"mapped_{{mode}}", schedule=None)
    def mapped():
        watch(mode, **how).expand(reference=[str(HERE / "reference.parquet"), str(HERE / "far.parquet")])

    @dag(dag_id=f"soft_{{mode}}", schedule=None)
    def soft():
        watch(mode, **how, soft_fail=True, columns=["misspelt"]).expand(reference=[str(HERE / "reference.parquet")])

    watched()
    mapped()
    soft()
"""


def rows(start: int) -> pd.DataFrame:
    return pd.DataFrame({"hours": np.random.default_rng(start).normal(start, size=400)})


class Bag:
    """The Dags above, parsed anew for each run, as a worker would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.policy(joint=False)
        for name, start in {"reference": 0, "far": 1000, "poke": 1000, "reschedule": 1000, "deferrable": 1000}.items():
            rows(start).to_parquet(folder / f"{name}.parquet")
        (folder / "dags").mkdir()
        (folder / "dags" / "watch.py").write_text(textwrap.dedent(DAGS.format(folder=str(folder))))

    def policy(self, **changed) -> None:
        (self.folder / "policy.json").write_text(json.dumps(changed))

    def run(self, dag_id: str, date: int):
        from airflow.dag_processing.bundles.manager import DagBundlesManager

        try:
            from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
        except ImportError:  # Airflow 3.1
            from airflow.models.dagbag import DagBag, sync_bag_to_db
        bag = DagBag(self.folder / "dags")
        assert bag.import_errors == {}
        DagBundlesManager().sync_bundles_to_db()
        sync_bag_to_db(bag, "mlops", None)
        done = bag.dags[dag_id].test(logical_date=dt.datetime(2024, 1, date, tzinfo=dt.UTC))
        tasks = sorted(done.get_task_instances(), key=lambda ti: ti.map_index)
        values = [ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index) for ti in tasks]
        return [str(getattr(ti.state, "value", ti.state)) for ti in tasks], [v and Outcome.from_json(v) for v in values]

    def outcome(self, dag_id: str, date: int) -> Outcome:
        states, [outcome] = self.run(dag_id, date)
        assert states == ["success"]
        return outcome


@pytest.fixture(scope="module")
def bag(airflow_db, tmp_path_factory):
    return Bag(tmp_path_factory.mktemp("watch"))


@pytest.mark.parametrize("mode", ["poke", "reschedule", "deferrable"])
def test_no_run_waits_for_a_week_because_of_a_claim(bag, mode):
    bag.policy(joint=False)
    first = bag.outcome(f"watch_{mode}", 1)
    assert first.verdict.status is Status.FAIL
    assert bag.outcome(f"watch_{mode}", 1) == first, "a cleared task"
    assert bag.outcome(f"watch_{mode}", 2) == first, "a new run that somebody started"
    store = EvidenceStore(str(bag.folder / mode))
    assert store.uris("drift") == [first.evidence_uri]

    bag.policy(joint=False, min_ks_d=0.08)
    changed = bag.outcome(f"watch_{mode}", 1)
    assert changed.judgement != first.judgement, "a cleared task under a new policy"
    assert len(store.uris("drift")) == 2

    rows(0).to_parquet(bag.folder / f"{mode}.parquet")
    assert bag.outcome(f"watch_{mode}", 1).verdict.status is Status.PASS, "a cleared task whose batch was replaced"


@pytest.mark.parametrize("mode", ["poke", "reschedule", "deferrable"])
def test_a_batch_is_judged_against_every_reference_of_a_mapped_sensor(bag, mode):
    rows(1000).to_parquet(bag.folder / f"{mode}.parquet")
    states, outcomes = bag.run(f"mapped_{mode}", 1)
    assert states == ["success", "success"]
    assert [outcome.verdict.status for outcome in outcomes] == [Status.FAIL, Status.PASS]


@pytest.mark.parametrize("mode", ["poke", "reschedule", "deferrable"])
def test_a_misspelt_column_fails_a_soft_sensor(bag, mode):
    assert bag.run(f"soft_{mode}", 1)[0] == ["failed"]


def test_the_reference_dag_answers_a_judgement_once(reference_dags, tmp_path, monkeypatch, bag):
    monkeypatch.setenv("AIRFLOW__MLOPS__EVIDENCE_ROOT", str(tmp_path / "mlops"))
    shutil.copy(bag.folder / "far.parquet", bag.folder / "poke.parquet")
    bag.policy(joint=False, min_ks_d=0.07)
    drift = bag.outcome("watch_poke", 5).to_json()
    drift["dataset"]["uri"] = str(tmp_path / "wage-1983.parquet")
    events = {"wage_drift": [types.SimpleNamespace(extra=drift)]}
    year = reference_dags().dags["wage_retrain"].get_task("drifted_year").python_callable

    def asked(run_id):
        ti = types.SimpleNamespace(dag_id="wage_retrain", run_id=run_id)
        return year(triggering_asset_events=events, params={"year": None}, ti=ti)

    assert [asked("run 1"), asked("run 1"), asked("run 2")] == [1983, 1983, None]
    assert year(params={"year": 1985}) == 1985
    with pytest.raises(ValueError, match="no drift event"):
        year(params={"year": None})
