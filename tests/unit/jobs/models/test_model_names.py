"""A model has any name that MLflow allows, and a version is found by every URI that MLflow writes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.verdict import Status

NAMES = ("main.hr.wage", "2nd model of O'Neill", "Löhne (brutto)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Path:
    folder = tmp_path_factory.mktemp("names")
    (folder / "mlops").mkdir()
    shutil.copy(empty_mlflow, folder / "mlops" / "mlflow.db")
    (folder / "toy.py").write_text("from sklearn.linear_model import LogisticRegression as build")
    random = np.random.default_rng(0)
    for name in ("train", "held_out"):
        frame = pd.DataFrame({"a": random.normal(size=3000)})
        frame["y"] = (frame.a + random.normal(size=3000) > 0).astype(int)
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def run(folder: Path, job: str, **keys: Any) -> Any:
    return jobs.run(job, {"evidence_root": str(folder / "mlops"), **keys})


def declared(folder: Path, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "task": "classification",
        "target": "y",
        "features": ["a"],
        "trainer": "toy:build",
        "metrics": {"accuracy": "higher"},
        "split": {"folds": 2},
        "root": str(folder),
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_model_of_any_name_goes_from_training_to_verification(folder: Path, name: str) -> None:
    trained = run(folder, "train", model=declared(folder, name), dataset=str(folder / "train.parquet"))
    assert trained.model.name == name
    evaluated = run(folder, "evaluate", model=f"models:/{name}/latest", dataset=str(folder / "held_out.parquet"))
    promoted = run(
        folder,
        "promote",
        model=f"runs:/{trained.model.run_id}/model",
        evidence=[evaluated.evidence_uri],
        policy={"required": ["evaluation"]},
    )
    assert promoted.model.uri == trained.model.uri == f"models:/{name}/1"
    output = str(folder / "scores.parquet")
    scored = run(
        folder, "predict", model=f"models:/{name}@champion", dataset=str(folder / "held_out.parquet"), output_uri=output
    )
    assert scored.verdict.status is Status.PASS
    assert set(pd.read_parquet(output).model_name) == {name}
    assert run(folder, "verify", model=name).verdict.status is Status.PASS


@pytest.mark.parametrize("name", ["a/b", "a:b", "a@b", "..", ".hidden", " a", "a ", "", "a\\b", "a\nb"])
def test_a_name_that_no_registry_or_folder_can_have_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(BadInputError, match="model name"):
        run(folder, "train", model=declared(folder, name), dataset=str(folder / "train.parquet"))


def test_a_run_that_made_no_version_is_named(folder: Path) -> None:
    with pytest.raises(BadInputError, match="'runs:/no_such_run': this run made no version of a model"):
        run(folder, "evaluate", model="runs:/no_such_run", dataset=str(folder / "held_out.parquet"))


def test_the_newest_version_of_a_model_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(BadInputError, match="there is no model 'nothing'"):
        run(folder, "evaluate", model="models:/nothing/latest", dataset=str(folder / "held_out.parquet"))
