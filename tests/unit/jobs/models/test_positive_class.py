"""Of two classes, the one that a model's YAML names is what its rates and scores speak of, in every step."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_score, recall_score

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import read_evidence

SPEC = {
    "name": "leavers",
    "task": "classification",
    "target": "staff",
    "features": ["a", "b"],
    "trainer": "leavers:build",
    "metrics": {"recall": "higher", "precision": "higher"},
    "split": {"folds": 2},
    "positive_class": "left",
}


class World:
    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, str(folder / "mlops")
        (folder / "leavers.py").write_text("from sklearn.linear_model import LogisticRegression as build")
        self.spec: dict[str, Any] = SPEC | {"root": str(folder)}
        self.train_on, self.held_out = self.write("train", 1), self.write("held_out", 2)
        self.trained = self.run("train", model=self.spec, dataset=self.train_on)

    def write(self, name: str, seed: int) -> str:
        random = np.random.default_rng(seed)
        frame = pd.DataFrame({"a": random.normal(size=3000), "b": random.normal(size=3000)})
        frame["staff"] = np.where(frame.a + random.normal(size=3000) > 1.2, "left", "stayed")
        frame["shift"] = random.choice(["day", "night"], 3000)
        frame.to_parquet(self.folder / f"{name}.parquet", index=False)
        return str(self.folder / f"{name}.parquet")

    def run(self, job: str, **keys: Any) -> Any:
        return jobs.run(job, {"evidence_root": self.root, **keys})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> World:
    folder = tmp_path_factory.mktemp("world")
    (folder / "mlops").mkdir()
    shutil.copy(empty_mlflow, folder / "mlops" / "mlflow.db")
    return World(folder)


def test_every_step_speaks_of_the_class_that_the_declaration_names(world: World, tmp_path: Path) -> None:
    model, output = world.trained.model, str(tmp_path / "scores.parquet")
    world.run("predict", model=model, dataset=world.held_out, output_uri=output)
    scores, truth = pd.read_parquet(output), pd.read_parquet(world.held_out).staff
    assert ((scores.score > 0.5) == (scores.prediction == "left")).all()

    evaluated = world.run("evaluate", model=model, dataset=world.held_out)
    report = read_evidence(evaluated.evidence_uri).report
    values = {each["name"]: each["value"] for each in report["candidate"]}
    assert values["recall"] == pytest.approx(recall_score(truth, scores.prediction, pos_label="left"))
    assert values["precision"] == pytest.approx(precision_score(truth, scores.prediction, pos_label="left"))

    sliced = world.run("bias", model=model, dataset=world.held_out, slices=["shift"], metric="selection_rate")
    bias = read_evidence(sliced.evidence_uri).report
    assert bias["value"] == pytest.approx((scores.prediction == "left").mean())

    training = read_evidence(world.trained.evidence_uri).report
    assert training["metrics"][0]["mean"] == pytest.approx(values["recall"], abs=0.08)
    assert {each["positive_class"] for each in (report, bias, training)} == {"left"}


def test_a_champion_that_speaks_of_the_other_class_is_compared_in_the_same_one(world: World) -> None:
    other = {key: value for key, value in world.spec.items() if key != "positive_class"} | {"name": "leavers_before"}
    champion = world.run("train", model=other, dataset=world.train_on).model
    candidate = world.run("train", model=other | {"positive_class": "left"}, dataset=world.train_on).model
    store_keys = {"model": candidate, "dataset": world.held_out, "champion_alias": "live"}
    from airflow_mlops_provider.stores.models import ModelStore

    ModelStore(evidence_root=world.root).set_alias("leavers_before", "live", champion.version)
    report = read_evidence(world.run("evaluate", **store_keys).evidence_uri).report
    assert report["against_champion"]["gain"] == 0.0
    assert report["other_metrics"][0]["gain"] == 0.0


def test_classes_of_a_sensitive_target_stand_in_no_message(world: World) -> None:
    spec = world.spec | {"name": "secret", "sensitive": ["staff"]}
    model = world.run("train", model=spec, dataset=world.train_on).model
    frame = pd.read_parquet(world.held_out).assign(staff="elsewhere")
    frame.to_parquet(world.folder / "other.parquet")
    with pytest.raises(BadInputError, match="'staff' holds none of the classes that the model knows") as told:
        world.run("evaluate", model=model, dataset=str(world.folder / "other.parquet"))
    assert "stayed" not in str(told.value)
    assert "elsewhere" not in str(told.value)


def test_values_of_sensitive_columns_stand_in_the_report_of_slices_and_in_no_message(world: World) -> None:
    spec = world.spec | {"name": "masked", "sensitive": ["shift"]}
    model = world.run("train", model=spec, dataset=world.train_on).model
    keys = {"slices": ["shift", "staff"], "metric": "accuracy", "policy": {"critical": {"shift=dusk": 0.5}}}
    outcome = world.run("bias", model=model, dataset=world.held_out, **keys)
    said = json.dumps(outcome.to_json())
    assert not [value for value in ("day", "night", "dusk") if value in said]
    subjects = {finding.subject for finding in outcome.verdict.findings}
    assert subjects >= {"shift=<1>", "shift=<2>", "shift=<?>", "staff=left", "shift=<1> & staff=left"}
    evidence = read_evidence(outcome.evidence_uri)
    assert {piece["subject"] for piece in evidence.report["slices"]} >= {"shift=day", "shift=night"}
    checked = world.run("verify", evidence=outcome.evidence_uri)
    assert checked.verdict.status is Status.PASS


def test_a_class_that_there_is_not_is_refused_by_name(world: World) -> None:
    with pytest.raises(BadInputError, match="positive_class 'gone' is none of the classes"):
        world.run("train", model=world.spec | {"positive_class": "gone"}, dataset=world.train_on)
    with pytest.raises(BadInputError, match="'positive_class' is for classification, the task is regression"):
        world.run(
            "train", model=world.spec | {"task": "regression", "metrics": {"rmse": "lower"}}, dataset=world.train_on
        )


def test_a_declaration_without_a_positive_class_keeps_its_digest() -> None:
    spec = ModelSpec(
        name="m", task=Task.CLASSIFICATION, target="y", features=("x",), trainer="a:b", metrics={"f1": Direction.HIGHER}
    )
    assert "positive_class" not in encode(spec)
    assert spec.digest == "sha256:076f0af00a5c98c55a08347af8922b1ff5d927de0e5f054b892a4a23328be82f"
