"""Labels of every type that tables hold, of two classes and of three, from training to slices."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.records.verdict import Status

TRAINER = "from sklearn.tree import DecisionTreeClassifier\ndef build(): return DecisionTreeClassifier(max_depth=3)\n"
LABELS = {
    "bool": [False, True],
    "int": [0, 1],
    "int8": np.array([1, 2], dtype=np.int8),
    "float": [0.0, 1.0],
    "text": ["left", "stayed"],
    "category": pd.Categorical(["no", "yes"], ["yes", "no", "unused"]),
    "nullable": pd.array([0, 1], dtype="Int64"),
    "nullable_bool": pd.array([False, True], dtype="boolean"),
    "three_texts": ["high", "low", "mid"],
    "three_ints": [10, 20, 30],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    (folder / "mlops").mkdir()
    shutil.copy(empty_mlflow, folder / "mlops" / "mlflow.db")
    (folder / "toy.py").write_text(TRAINER)
    return folder


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_a_type_are_learnt_judged_and_answered_in_that_type(folder, kind):
    rng, classes = np.random.default_rng(0), pd.Series(LABELS[kind])
    frame = pd.DataFrame({"a": rng.normal(size=900), "group": rng.choice(["x", "y"], 900)})
    chosen = pd.cut(frame.a, len(classes), labels=False).to_numpy()
    frame["y"] = classes.take(chosen).reset_index(drop=True)
    learnt, data, root = str(folder / f"{kind}.parquet"), str(folder / f"{kind}-new.parquet"), str(folder / "mlops")
    frame[:500].to_parquet(learnt)
    frame[500:].to_parquet(data)
    model = {"name": kind, "task": "classification", "target": "y", "features": ["a"], "root": str(folder)}
    model |= {"trainer": "toy:build", "metrics": {"accuracy": "higher"}, "split": {"folds": 2}}
    version = jobs.run("train", {"model": model, "dataset": learnt, "evidence_root": root}).model
    given = {"model": f"models:/{kind}/{version.version}", "dataset": data, "evidence_root": root}
    verdict = jobs.run("evaluate", given).verdict
    assert "the candidate may be promoted" in verdict.summary
    assert jobs.run("bias", {**given, "slices": ["group"]}).verdict.status is Status.PASS
    output = folder / f"{kind}-scores.parquet"
    jobs.run("predict", {**given, "output_uri": str(output), "keep": ["y"]})
    scores = pd.read_parquet(output)
    assert (scores.prediction.astype(str) == scores.y.astype(str)).mean() > 0.95
    own = [name for name in scores if name.startswith("score")]
    assert len(own) == (1 if len(classes) == 2 else 3)
