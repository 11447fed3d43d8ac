"""Metrics that a model brings along: money of cells, functions beside the YAML, and limits on any metric."""

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
from airflow_mlops_provider.stores.evidence.store import read_evidence

COST = """
from leaver_prices import price

def cost(truth, predicted, scores):
    return price * ((truth == "left") & (predicted == "stayed")) + 1.0 * ((truth == "stayed") & (predicted == "left"))

def found_share(truth, predicted, scores):
    import numpy as np
    left = truth == "left"
    return np.column_stack([left & (predicted == "left"), left])

def broken(truth, predicted, scores):
    return 1.0

def unknown(truth, predicted, scores):
    return truth == "left" if False else [float("nan")] * len(truth)
"""
CELLS = {"left": {"left": 40, "stayed": -40}, "stayed": {"left": -30, "stayed": 0}}
SPEC: dict[str, Any] = {
    "name": "leavers",
    "task": "classification",
    "target": "staff",
    "features": ["a", "b"],
    "trainer": "leaver_model:build",
    "positive_class": "left",
    "split": {"folds": 2},
    "metrics": {
        "money": {"cell_values": CELLS},
        "cost": {"function": "leaver_cost:cost", "direction": "lower", "max": 3.0},
        "found_share": {"function": "leaver_cost:found_share", "direction": "higher"},
        "recall": {"min": 0.3},
    },
}


class World:
    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, str(folder / "mlops")
        (folder / "leaver_model.py").write_text("from sklearn.linear_model import LogisticRegression as build")
        (folder / "leaver_cost.py").write_text(COST)
        (folder / "leaver_prices.py").write_text("price = 5.0")
        self.train_on, self.held_out = self.write("train", 1), self.write("held_out", 2)
        self.trained = self.run("train", model=SPEC | {"root": str(folder)}, dataset=self.train_on)
        self.evidence = self.evaluated()

    def write(self, name: str, seed: int) -> str:
        random = np.random.default_rng(seed)
        frame = pd.DataFrame({"a": random.normal(size=3000), "b": random.normal(size=3000)})
        frame["staff"] = np.where(frame.a + random.normal(size=3000) > 0.8, "left", "stayed")
        frame["shift"] = random.choice(["day", "night"], 3000)
        frame.to_parquet(self.folder / f"{name}.parquet", index=False)
        return str(self.folder / f"{name}.parquet")

    def run(self, job: str, **keys: Any) -> Any:
        return jobs.run(job, {"evidence_root": self.root, **keys})

    def evaluated(self, **keys: Any) -> Any:
        outcome = self.run("evaluate", model=self.trained.model, dataset=self.held_out, **keys)
        return read_evidence(outcome.evidence_uri)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> World:
    folder = tmp_path_factory.mktemp("world")
    (folder / "mlops").mkdir()
    shutil.copy(empty_mlflow, folder / "mlops" / "mlflow.db")
    return World(folder)


@pytest.fixture(scope="module")
def answers(world: World) -> pd.DataFrame:
    output = str(world.folder / "scores.parquet")
    world.run("predict", model=world.trained.model, dataset=world.held_out, output_uri=output)
    return pd.DataFrame(
        {"truth": pd.read_parquet(world.held_out).staff, "prediction": pd.read_parquet(output).prediction}
    )


def values_of(evidence: Any) -> dict[str, float]:
    return {each["name"]: each["value"] for each in evidence.report["candidate"]}


def test_own_metrics_are_those_of_their_definition(world: World, answers: pd.DataFrame) -> None:
    left, said_left = answers.truth == "left", answers.prediction == "left"
    money = 40 * (left & said_left) - 40 * (left & ~said_left) - 30 * (~left & said_left)
    found = values_of(world.evidence)
    assert found["money"] == pytest.approx(money.mean())
    assert found["cost"] == pytest.approx((5 * (left & ~said_left) + (~left & said_left)).mean())
    assert found["found_share"] == pytest.approx(found["recall"])


def test_money_decides_and_is_held_against_the_best_constant_answer(world: World, answers: pd.DataFrame) -> None:
    report, left = world.evidence.report, (answers.truth == "left").mean()
    assert report["metric"] == "money"
    assert report["against_dummy"]["other_value"] == pytest.approx(max(40 * left - 30 * (1 - left), -40 * left))


def test_own_metrics_have_intervals_and_slices(world: World) -> None:
    estimate = next(each for each in world.evidence.report["candidate"] if each["name"] == "cost")
    assert estimate["low"] < estimate["value"] < estimate["high"]
    sliced = world.run(
        "bias", model=world.trained.model, dataset=world.held_out, slices=["shift"], metric="found_share"
    )
    report = read_evidence(sliced.evidence_uri).report
    assert report["value"] == pytest.approx(values_of(world.evidence)["found_share"])
    assert {each["subject"] for each in report["slices"]} == {"shift=day", "shift=night"}


def test_limits_that_the_model_declares_are_judged(world: World) -> None:
    found = {each.measure: each.status for each in world.evidence.verdict.findings}
    assert found["recall_value_bound"] is Status.PASS
    assert found["cost_value_bound"] is Status.PASS


def test_a_limit_of_the_policy_refuses_and_is_the_summary(world: World) -> None:
    outcome = world.run(
        "evaluate",
        model=world.trained.model,
        dataset=world.held_out,
        policy={"guards": {"recall": {"min": 0.99}}},
    )
    assert outcome.verdict.status is Status.FAIL
    assert outcome.verdict.summary.startswith("not good enough: recall 0.")
    assert outcome.verdict.summary.endswith("(limit 0.99)")


def test_a_version_is_measured_by_its_own_function_after_the_module_was_edited(world: World) -> None:
    cost = world.folder / "leaver_prices.py"
    cost.write_text("price = 5000.0")
    try:
        assert values_of(world.evaluated()) == values_of(world.evidence)
    finally:
        cost.write_text("price = 5.0")


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"x": {"function": "leaver_cost:nothing", "direction": "lower"}}, "has no function 'nothing'"),
        ({"x": {"function": "no_such_module:f", "direction": "lower"}}, "No module named 'no_such_module'"),
        ({"x": {"function": "leaver_cost:broken", "direction": "lower"}}, r"metric 'x' returned shape \(\) for"),
        ({"x": {"function": "leaver_cost:unknown", "direction": "lower"}}, "metric 'x' returned NaN or infinity"),
        ({"x": {"cell_values": {"left": {"left": 1}}}}, "no value for true class"),
        ({"recall": {"cell_values": CELLS}}, "metric 'recall' is a known one"),
        (
            {"log_loss": {"min": 0.1}},
            "'min' of metric log_loss of model leavers: lower values are better, so give 'max'",
        ),
    ],
)
def test_what_is_wrong_with_an_own_metric_is_one_line(world: World, metrics: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        world.run("train", model=SPEC | {"root": str(world.folder), "metrics": metrics}, dataset=world.train_on)


def test_a_table_of_predictions_is_held_to_the_limits_of_the_policy(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    truth = (random.random(5000) < 0.1).astype(int)
    # Accuracy rises by half a point, recall falls from .79 to .20, as more negatives are right.
    old = np.where(truth == 1, random.random(5000) < 0.79, random.random(5000) < 0.0744).astype(int)
    new = np.where(truth == 1, random.random(5000) < 0.20, random.random(5000) < 0.0029).astype(int)
    pd.DataFrame({"paid": truth, "new": new, "old": old}).to_parquet(tmp_path / "answers.parquet")
    asked = {
        "predictions": str(tmp_path / "answers.parquet"),
        "label_column": "paid",
        "candidate": "new",
        "champion": "old",
        "evidence_root": str(tmp_path / "mlops"),
    }
    unguarded = jobs.run("evaluate", asked)
    guarded = jobs.run("evaluate", asked | {"policy": {"guards": {"recall": {"min": 0.7, "max_drop": 0.02}}}})
    assert unguarded.verdict.status is Status.PASS
    assert guarded.verdict.status is Status.FAIL
    assert guarded.verdict.summary.startswith("the champion stays: recall 0.")
