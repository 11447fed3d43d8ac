"""From training to scores with MLflow on PostgreSQL, artifacts and evidence on S3."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status

MODEL = """
name: toy
task: classification
target: high
features: [exper, hours, black]
sensitive: [black]
trainer: toy:build
metrics: {roc_auc: higher}
split: {folds: 2}
owners: [ml-team]
card: {intended_use: tests}
"""
TRAINER = """
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
def build(): return make_pipeline(StandardScaler(), LogisticRegression())
"""
RULE = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "high"}}


def wages(seed: int) -> pd.DataFrame:
    random, rows = np.random.default_rng(seed), 600
    found = pd.DataFrame({"exper": random.normal(8, 3, rows), "hours": random.normal(2000, 300, rows)})
    found["black"] = random.integers(0, 2, rows)
    return found.assign(high=(found.exper + found.hours / 300 + random.normal(0, 2, rows) > 14.5).astype(int))


@pytest.fixture(scope="module")
def place(mlflow_server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    from tests.services.conftest import make_bucket

    bucket = make_bucket()
    folder: Path = tmp_path_factory.mktemp("toy")
    (folder / "toy.yaml").write_text(MODEL)
    (folder / "toy.py").write_text(TRAINER)
    for name, seed in (("train", 1), ("held_out", 2)):
        wages(seed).to_parquet(f"{bucket}/data/{name}.parquet", index=False)
    return {"data": f"{bucket}/data", "root": f"{bucket}/mlops", "model": str(folder / "toy.yaml")}


@pytest.fixture(scope="module")
def outcomes(place: dict[str, str], mlflow_server: str) -> dict[str, Outcome]:
    """Every step once."""
    where = {"evidence_root": place["root"], "tracking_uri": mlflow_server}
    train, held_out = f"{place['data']}/train.parquet", f"{place['data']}/held_out.parquet"
    done = {"validate": run("validate", {"dataset": train, "suite": {"expectations": [RULE]}, **_only_root(where)})}
    done["train"] = run("train", {"model": place["model"], "dataset": train, **where})
    model = {"model": f"models:/toy/{done['train'].model.version}", **where}
    done["evaluate"] = run("evaluate", {"dataset": held_out, **model})
    slices = {"slices": ["black"], "max_depth": 1, "policy": {"min_gap": 0.3}}
    done["bias"] = run("bias", {"dataset": held_out, **slices, **model})
    evidence = [done[name].evidence_uri for name in done]
    done["card"] = run("card", {"evidence": evidence, **model})
    pieces = [*evidence, done["card"].evidence_uri]
    done["promote"] = run("promote", {"evidence": pieces, "policy": {"min_rows": 100}, **model})
    scores = {"dataset": held_out, "output_uri": f"{place['data']}/scores.parquet"}
    done["predict"] = run("predict", {"model": "models:/toy@champion", **scores, **where})
    done["verify"] = run("verify", {"model": "toy", **where})
    return done


def _only_root(where: dict[str, str]) -> dict[str, str]:
    return {"evidence_root": where["evidence_root"]}


def test_every_step_passes(outcomes):
    held = (Status.PASS, Status.NOTICE)
    assert {name: found.verdict.summary for name, found in outcomes.items() if found.verdict.status not in held} == {}


def test_the_champion_scores_the_batch_on_s3(outcomes, place):
    assert outcomes["predict"].model.version == outcomes["train"].model.version
    assert len(pd.read_parquet(f"{place['data']}/scores.parquet")) == 600


def test_the_record_and_the_stored_model_verify(outcomes):
    assert outcomes["verify"].verdict.status is Status.PASS, outcomes["verify"].verdict
    assert "1 decision record" in outcomes["verify"].verdict.summary


def test_all_evidence_lies_on_s3(outcomes, place):
    assert all(found.evidence_uri.startswith(f"{place['root']}/") for found in outcomes.values())


def test_no_artifact_lies_beside_the_tests(outcomes):
    assert not Path("mlruns").exists()
    assert not Path("mlartifacts").exists()
