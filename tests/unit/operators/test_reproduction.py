"""A version is trained again as a task, which is red when it answers differently."""

from __future__ import annotations

import shutil
import types

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider.airflow_versions import AirflowFailException
from airflow_mlops_provider.operators.reproduction import ReproduceOperator
from airflow_mlops_provider.operators.training import TrainOperator
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Status

YAML = """
name: toy
task: classification
target: y
features: [a, b]
trainer: toy:build
metrics: {accuracy: higher}
split: {folds: 2}
"""
TRAINER = """
from sklearn.ensemble import RandomForestClassifier
def build(n_estimators=5):
    return RandomForestClassifier(n_estimators)
"""


def context(task_id):
    return {
        "ti": types.SimpleNamespace(
            dag_id="d", run_id="r", task_id=task_id, map_index=-1, try_number=1, xcom_push=lambda **_: None
        )
    }


def test_a_version_is_made_again_or_the_task_is_red(mlops_root, tmp_path):
    (tmp_path / "toy.yaml").write_text(YAML)
    (tmp_path / "toy.py").write_text(TRAINER)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=300), "b": rng.integers(0, 5, 300)})
    frame.assign(y=(frame.a + frame.b > 2).astype(int)).to_parquet(tmp_path / "data.parquet")
    train = TrainOperator(
        task_id="train",
        model=str(tmp_path / "toy.yaml"),
        dataset=str(tmp_path / "data.parquet"),
        trainer_params={"n_estimators": 4},
        evidence_root=mlops_root,
    )
    trained = train.execute(context("train"))
    again = ReproduceOperator(task_id="again", model=trained, evidence_root=mlops_root)
    outcome = Outcome.from_json(again.execute(context("again")))
    assert (outcome.kind, outcome.verdict.status) == (Kind.REPRODUCTION, Status.PASS)

    shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
    (tmp_path / "toy.py").write_text(TRAINER.replace("(n_estimators)\n", "(n_estimators, max_depth=1)\n"))
    with pytest.raises(AirflowFailException, match="models:/toy/1 could not be reproduced"):
        ReproduceOperator(task_id="again", model="toy", evidence_root=mlops_root).execute(context("again"))
