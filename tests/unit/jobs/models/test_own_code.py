"""The user's own classes are part of a version: editing their module changes no version that is there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs.stored_probe import load_version
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.stores.models import ModelStore, registry, tags
from airflow_mlops_provider.stores.models.artifact import digest_of, read_files
from airflow_mlops_provider.stores.specs import local_path

TRAINER = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from own_features.signs import turned
class Scaled(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self
    def transform(self, X):
        from own_late import FACTOR
        return X * FACTOR
def build():
    return make_pipeline(Scaled(), FunctionTransformer(turned), LogisticRegression())
"""
CODE = {
    "own_trainer.py": TRAINER,
    "own_late.py": "FACTOR = 1.0\n",
    "own_features/__init__.py": "from .signs import turned\n",
    "own_features/signs.py": "from own_features import sign\ndef turned(X):\n    return X * sign.SIGN\n",
    "own_features/sign.py": "SIGN = 1.0\n",
}
SPEC = {
    "name": "wage",
    "task": "classification",
    "target": "high",
    "features": ["a", "b"],
    "trainer": "own_trainer:build",
    "metrics": {"roc_auc": "higher"},
    "split": {"folds": 2},
    "trusted_types": ["own_trainer.Scaled", "own_features.signs.turned"],
}


class Bench:
    """A folder with a model of several files, data and a registry."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, str(folder / "mlops")
        self.dags = folder / "dags"
        self.write()
        self.frame, self.data = self.rows("data", seed=0)

    def rows(self, name: str, *, seed: int) -> tuple[pd.DataFrame, str]:
        random = np.random.default_rng(seed)
        frame = pd.DataFrame({"a": random.normal(size=400), "b": random.normal(size=400)})
        frame["high"] = (frame.a + frame.b * 0.5 > 0).astype(int)
        path = self.folder / f"{name}.parquet"
        frame.to_parquet(path, index=False)
        return frame, str(path)

    def write(self, **edited: str) -> None:
        """The code of the Dag's folder, with other text in some files: ``own_late="..."``."""
        changed = {f"{name.replace('__', '/')}.py": text for name, text in edited.items()}
        for name, text in (CODE | changed).items():
            path = self.dags / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def train(self, **changed: Any) -> ModelRef:
        model = SPEC | {"root": str(self.dags)} | changed
        found = self.run("train", model=model, dataset=self.data).model
        assert found is not None
        return found

    def run(self, job: str, **keys: Any) -> Outcome:
        return jobs.run(job, {"evidence_root": self.root, **keys})

    @property
    def store(self) -> ModelStore:
        return ModelStore(evidence_root=self.root)

    def artifact(self, ref: ModelRef) -> Path:
        store = self.store
        return local_path(store._location(registry.version_of(store._client, "wage", ref.version or "")))

    def without_code(self, ref: ModelRef) -> ModelRef:
        """The version as 0.1.0 would have stored it."""
        folder = self.artifact(ref)
        shutil.rmtree(folder / "code")
        declared = json.loads((folder / "mlops_spec.json").read_text())
        declared.pop("code")
        (folder / "mlops_spec.json").write_text(json.dumps(declared))
        self.store.set_version_tag(ref, tags.DIGEST, digest_of(read_files(folder)))
        return self.store.resolve("models:/wage/" + str(ref.version))

    def scores(self, ref: ModelRef | str, name: str) -> pd.DataFrame:
        output = self.folder / f"{name}.parquet"
        self.run("predict", model=ref, dataset=self.data, output_uri=str(output))
        return pd.read_parquet(output)


def bench_in(folder: Path, empty_mlflow: Path) -> Bench:
    (folder / "mlops").mkdir()
    shutil.copy(empty_mlflow, folder / "mlops" / "mlflow.db")
    return Bench(folder)


@pytest.fixture
def bench(tmp_path: Path, empty_mlflow: Path) -> Iterator[Bench]:
    yield bench_in(tmp_path, empty_mlflow)
    forget()


def forget() -> None:
    """As a new process: nothing of the user's code is loaded under its plain name."""
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Iterator[tuple[Bench, ModelRef, ModelRef]]:
    """Two versions that learnt from code with other signs and factors, and a Dag's folder with yet another code."""
    bench = bench_in(tmp_path_factory.mktemp("pair"), empty_mlflow)
    first = bench.train()
    bench.write(own_features__sign="SIGN = -1.0\n", own_late="FACTOR = 0.5\n")
    second = bench.train()
    bench.write(own_features__sign="raise RuntimeError('edited')\n", own_trainer="raise RuntimeError('edited')\n")
    forget()
    yield bench, first, second
    forget()


def test_a_version_carries_its_code_under_its_digest(pair):
    bench, first, second = pair
    names = sorted(name for name in read_files(bench.artifact(first)) if name.startswith("code/"))
    assert names == sorted(f"code/{name}" for name in CODE)
    assert (bench.artifact(first) / "code/own_late.py").read_text() == "FACTOR = 1.0\n"
    assert (bench.artifact(second) / "code/own_late.py").read_text() == "FACTOR = 0.5\n"


def test_two_versions_with_other_code_of_one_class_answer_in_one_process_each_as_at_training(pair):
    bench, first, second = pair
    models = [load_version(bench.store, ref) for ref in (first, second)]
    classes = [type(model.estimator.steps[0][1]) for model in models]
    assert classes[0] is not classes[1]
    assert [model.estimator.steps[1][1].func.__globals__["sign"].SIGN for model in models] == [1.0, -1.0]
    weights = [model.estimator.steps[2][1].coef_[0] for model in models]
    assert weights[0][0] > 0 > weights[1][0]


def test_versions_with_other_code_are_compared_rightly(pair):
    bench, first, second = pair
    _, held_out = bench.rows("held_out", seed=1)
    policy = {"required": ["evaluation"], "min_rows": 10}
    evaluated = bench.run("evaluate", model=first, dataset=held_out, policy={"min_rows": 10})
    promoted = bench.run("promote", model=first, evidence=[evaluated], policy=policy)
    assert promoted.verdict.status is Status.PASS, promoted.verdict.summary
    compared = bench.run("evaluate", model=second, dataset=held_out)
    against = read_evidence(compared.evidence_uri).report["against_champion"]
    # With the code of the other one, either would be as bad as it is good.
    assert min(against["value"], against["other_value"]) > 0.95
    assert bench.run("verify", model="wage").verdict.status is Status.PASS


def test_versions_that_threads_load_at_once_have_their_own_code(pair):
    bench, first, second = pair
    store = bench.store
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(store.load, [first, second] * 4))
    found = [model.estimator.steps[0][1].transform(1.0) for model in models]
    assert found == [1.0, 0.5] * 4


def test_a_champion_answers_as_before_when_its_module_was_edited_or_is_gone(bench):
    ref = bench.train()
    before = bench.scores(ref, "before")
    bench.write(own_late="FACTOR = -3.0\n", own_features__sign="SIGN = -1.0\n")
    forget()
    pd.testing.assert_frame_equal(bench.scores(ref, "edited")[["prediction", "score"]], before[["prediction", "score"]])
    shutil.rmtree(bench.dags)
    forget()
    pd.testing.assert_frame_equal(bench.scores(ref, "gone")[["prediction", "score"]], before[["prediction", "score"]])


def test_code_of_a_version_that_was_changed_is_refused_by_name(pair, tmp_path):
    bench, first, _ = pair
    changed = bench.artifact(first) / "code" / "own_late.py"
    before = changed.read_text()
    changed.write_text("FACTOR = 9.0\n")
    try:
        with pytest.raises(IntegrityError, match="models:/wage/1 was changed after it was registered"):
            bench.store.load(first)
    finally:
        changed.write_text(before)


def test_a_version_of_before_loads_from_its_folder_and_is_asked_its_probe(bench):
    early = TRAINER.replace("from own_late import FACTOR", "FACTOR = 1.0")
    bench.write(own_trainer=early)
    old = bench.without_code(bench.train())
    forget()
    assert len(bench.scores(old, "before")) == 400
    bench.write(own_trainer=early, own_features__sign="SIGN = -1.0\n")
    forget()
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "CodeFinder"]
    with pytest.raises(IntegrityError, match=r"version 1 of wage answers its stored probe otherwise"):
        load_version(bench.store, old)


PLAIN = """
import sys, json, warnings
warnings.simplefilter("ignore")
import mlflow, pandas
model = mlflow.pyfunc.load_model(sys.argv[1])
print(json.dumps(model.predict(pandas.read_parquet(sys.argv[2])[["a", "b"]]).tolist()))
"""


def test_plain_mlflow_answers_without_the_folder_of_the_dag_and_leaves_the_digest_whole(pair, tmp_path):
    bench, first, _ = pair
    command = [sys.executable, "-c", PLAIN, str(bench.artifact(first)), bench.data]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=variables)
    assert done.returncode == 0, done.stderr
    model = bench.store.load(first)
    assert json.loads(done.stdout.splitlines()[-1]) == model.predict(bench.frame).tolist()
    assert list((bench.artifact(first) / "code").rglob("*.pyc"))


def test_a_pickle_has_its_own_code_too(bench, monkeypatch):
    monkeypatch.setenv("MLOPS_TRUSTED_PICKLES", "wage")
    lazy = "FunctionTransformer(lambda X: X * __import__('own_late').FACTOR)"
    trainer = TRAINER.replace("make_pipeline(Scaled()", f"make_pipeline({lazy}, Scaled()")
    bench.write(own_trainer=trainer)
    ref = bench.train()
    before = bench.scores(ref, "before")
    bench.write(own_late="FACTOR = -3.0\n", own_trainer="raise RuntimeError\n")
    forget()
    pd.testing.assert_frame_equal(bench.scores(ref, "edited")[["prediction", "score"]], before[["prediction", "score"]])


def test_a_module_that_is_imported_by_a_made_up_name_is_asked_for_under_files(bench):
    made_up = "import importlib\nFACTOR = importlib.import_module('own_' + 'made_up').FACTOR\n"
    (bench.dags / "own_made_up.py").write_text("FACTOR = 2.0\n")
    bench.write(own_late=made_up, own_trainer=f"import own_late\n{TRAINER}")
    with pytest.raises(BadInputError, match=r"No module named 'own_made_up'.*under 'files' in the YAML"):
        bench.train()
    bench.train(files=["own_made_up.py"])


def test_a_model_of_installed_types_alone_carries_no_code(bench):
    bench.write(own_trainer="from sklearn.tree import DecisionTreeClassifier as build\n")
    assert not (bench.artifact(bench.train()) / "code").exists()


def test_a_changed_sibling_trains_anew_and_is_told_as_another_recipe(bench):
    first = bench.train()
    bench.write(own_late="FACTOR = 2.0\n")
    second = bench.train()
    labels = [bench.store.version_tags(ref)[tags.LABEL].rsplit("-", 1)[0] for ref in (first, second)]
    assert labels == ["wage-v1.0.0", "wage-v1.1.0"]
    verdict = bench.run("reproduce", model="models:/wage/1").verdict
    assert "changed since: the trainer" in verdict.summary


def test_a_version_is_made_again_from_its_packed_code_when_its_folder_is_gone(bench):
    bench.train()
    shutil.rmtree(bench.dags)
    forget()
    assert bench.run("reproduce", model="wage").verdict.status is Status.PASS
