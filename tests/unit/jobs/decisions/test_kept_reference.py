"""The reference of drift is what the champion was trained on, also after its file was overwritten or is gone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.decision_record import TRAINING_PROFILE
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.stores.specs import local_path
from tests.builders.world import World


def week(folder: Path, name: str, *, seed: int, hours: float = 0.0) -> str:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"exper": random.normal(size=2000), "hours": random.normal(loc=hours, size=2000)})
    frame.assign(union=random.choice(["yes", "no"], 2000)).to_parquet(folder / f"{name}.parquet", index=False)
    return str(folder / f"{name}.parquet")


def promote(world: World, curated: str) -> Outcome:
    training = open_dataset(curated).ref
    model = world.register(training=training)
    return world.promote(model, world.evidence_for(model, training=training))


def drift(world: World, current: str) -> Outcome:
    return run("drift", {"reference": "models:/wage@champion", "current": current, **world.where})


@pytest.mark.parametrize("gone", [False, True])
def test_drift_is_measured_against_the_champion_after_its_data_were_overwritten(world, tmp_path, gone):
    promote(world, week(tmp_path, "curated", seed=1))
    assert drift(world, week(tmp_path, "quiet", seed=2)).verdict.status is Status.PASS
    if gone:
        (tmp_path / "curated.parquet").unlink()
    else:
        week(tmp_path, "curated", seed=9, hours=3.0)  # the next week, under the same name
    assert drift(world, str(tmp_path / "quiet.parquet")).verdict.status is Status.PASS
    moved = drift(world, week(tmp_path, "moved", seed=3, hours=1.0))
    assert [f.subject for f in moved.verdict.of_status(Status.FAIL)] == ["hours"]
    kept = world.links[-1].record.datasets[TRAINING_PROFILE]
    assert read_evidence(moved.evidence_uri).inputs["reference"] == kept
    assert kept.rows == 2000


def test_a_rollback_brings_the_kept_reference_back(world, tmp_path):
    promote(world, week(tmp_path, "curated", seed=1))
    promote(world, week(tmp_path, "curated", seed=4, hours=2.0))
    world.rollback()
    assert drift(world, week(tmp_path, "quiet", seed=2)).verdict.status is Status.PASS


def test_a_kept_profile_that_was_changed_is_refused(world, tmp_path):
    promote(world, week(tmp_path, "curated", seed=1))
    week(tmp_path, "curated", seed=9)
    path = local_path(world.links[-1].record.datasets[TRAINING_PROFILE].uri)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match=path.name):
        drift(world, week(tmp_path, "quiet", seed=2))


def test_a_promotion_stands_without_a_profile_when_its_data_are_gone_already(world, tmp_path):
    curated = week(tmp_path, "curated", seed=1)
    training = open_dataset(curated).ref
    model = world.register(training=training)
    (tmp_path / "curated.parquet").unlink()
    assert world.promote(model, world.evidence_for(model, training=training)).verdict.status is Status.PASS
    assert TRAINING_PROFILE not in world.links[-1].record.datasets
    with pytest.raises(BadInputError, match=r"curated\.parquet"):
        drift(world, week(tmp_path, "quiet", seed=2))
