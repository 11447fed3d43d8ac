from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import IntegrityError
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

MODULE = "edited_after_training"
TRAINER = """
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
class Scaled(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self
    def transform(self, X):
        return X * 1.0
def build(C=1.0):
    return make_pipeline(Scaled(), LogisticRegression(C=C))
"""
SPEC = {
    "name": "wage",
    "task": "classification",
    "target": "high",
    "features": ["a", "b"],
    "trainer": f"{MODULE}:build",
    "metrics": {"roc_auc": "higher"},
    "split": {"folds": 2},
    "trusted_types": [f"{MODULE}.Scaled"],
}
ONLY_EVALUATED = {"required": ["evaluation"]}


class World:
    """Two champions, one after the other, whose transformer is a class of a library: no code of it is stored."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, str(folder / "mlops")
        self.library = folder / "site-packages" / f"{MODULE}.py"
        self.library.write_text(TRAINER)
        self.first, self.second = self.train("first", C=1e-6), self.train("second", C=1.0)
        self.held_out = self.write("held_out", 3)
        self.evaluated = [self.run("evaluate", self.first, dataset=self.held_out)]
        self.promote(self.first, self.evaluated[0])
        self.evaluated.append(self.run("evaluate", self.second, dataset=self.held_out))
        self.promote(self.second, self.evaluated[1])

    def write(self, name: str, seed: int) -> str:
        random = np.random.default_rng(seed)
        # Of two features on scales far apart, a strong penalty leaves the smaller one unused.
        frame = pd.DataFrame({"a": random.normal(size=3000) * 0.01, "b": random.normal(size=3000)})
        frame["high"] = (frame.a * 100 + 0.5 * frame.b + random.normal(size=3000) > 0).astype(int)
        path = self.folder / f"{name}.parquet"
        frame.to_parquet(path, index=False)
        return str(path)

    def train(self, name: str, *, trainer: str = f"{MODULE}:build", **params: Any) -> ModelRef:
        model = SPEC | {"root": str(self.folder), "trainer": trainer}
        spec = {"model": model, "dataset": self.write(name, 1), "trainer_params": params}
        found = jobs.run("train", {**spec, "evidence_root": self.root}).model
        assert found is not None
        return found

    def run(self, job: str, model: ModelRef | str, **keys: Any) -> Outcome:
        return jobs.run(job, {"model": model, "evidence_root": self.root, **keys})

    def promote(self, model: ModelRef, evaluated: Outcome, **keys: Any) -> Outcome:
        return self.run("promote", model, evidence=[evaluated], policy=ONLY_EVALUATED, **keys)

    @property
    def decisions(self) -> int:
        return len(DecisionChain(EvidenceStore(self.root), "wage").links())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    for name in ("mlops", "site-packages"):
        (folder / name).mkdir()
    shutil.copy(empty_mlflow, folder / "mlops" / "mlflow.db")
    sys.path.insert(0, str(folder / "site-packages"))
    yield World(folder)
    sys.path.remove(str(folder / "site-packages"))


@pytest.fixture
def edit(world: World) -> Iterator[Any]:
    """Puts other code into the library, as an upgrade does for every process that starts after it."""

    def write(code: str) -> None:
        world.library.write_text(code)
        shutil.rmtree(world.library.parent / "__pycache__", ignore_errors=True)
        sys.modules.pop(MODULE, None)

    yield write
    write(TRAINER)


ASKED: dict[str, dict[str, Any]] = {
    "evaluate": {"dataset": "held_out"},
    "bias": {"dataset": "held_out", "slices": ["high"], "metric": "accuracy"},
}


@pytest.mark.parametrize("job", ASKED)
def test_a_version_whose_code_was_edited_is_not_measured(world: World, edit: Any, job: str) -> None:
    keys = ASKED[job] | {"dataset": world.held_out}
    assert world.run(job, world.second, **keys).model == world.second
    edit(TRAINER.replace("X * 1.0", "X * -1.0"))
    with pytest.raises(
        IntegrityError, match=r"version 2 of wage answers its stored probe otherwise.* code or a library"
    ):
        world.run(job, world.second, **keys)


def test_a_champion_whose_code_was_edited_is_not_compared_with(world: World, edit: Any) -> None:
    (world.folder / "unedited.py").write_text("from sklearn.linear_model import LogisticRegression as build")
    third = world.train("third", trainer="unedited:build", C=0.5)
    edit(TRAINER.replace("X * 1.0", "X * -1.0"))
    with pytest.raises(IntegrityError, match="version 2 of wage answers its stored probe otherwise"):
        world.run("evaluate", third, dataset=world.held_out)


def test_a_version_whose_code_was_edited_is_not_promoted(world: World, edit: Any) -> None:
    before = world.decisions
    edit(TRAINER.replace("X * 1.0", "X * -1.0"))
    with pytest.raises(IntegrityError, match="version 2 of wage answers its stored probe otherwise than at training"):
        world.promote(world.second, world.evaluated[1])
    assert world.decisions == before


def test_a_version_whose_code_was_edited_is_not_put_back(world: World, edit: Any) -> None:
    edit(TRAINER.replace("X * 1.0", "X * -1.0"))
    verdict = world.run("rollback", "wage", reason="it answers nonsense").verdict
    assert verdict.status is Status.FAIL
    assert "version 1 answers its stored probe batch of 50 rows differently" in verdict.findings[0].detail


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (TRAINER.replace("class Scaled", "class Renamed").replace("Scaled()", "Renamed()"), "cannot be loaded"),
        (TRAINER.replace("X * 1.0", "X.nothing"), "cannot answer its stored probe"),
    ],
)
@pytest.mark.parametrize("job", ["evaluate", "promote", "rollback", "predict"])
def test_a_version_whose_code_is_gone_is_named(
    world: World, edit: Any, tmp_path: Path, job: str, code: str, told: str
) -> None:
    edit(code)
    keys: dict[str, dict[str, Any]] = {
        "evaluate": {"dataset": world.held_out},
        "promote": {"evidence": [world.evaluated[1]]},
        "rollback": {"reason": "it answers nonsense"},
        "predict": {"dataset": world.held_out, "output_uri": str(tmp_path / "scores.parquet")},
    }
    with pytest.raises(IntegrityError, match=rf"version [12] of wage {told}.* code or a library changed"):
        world.run(job, "wage" if job == "rollback" else world.second, **keys[job])
