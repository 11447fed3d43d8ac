"""The command line as a stranger meets it, and what he may bring along."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider.jobs.__main__ import main
from airflow_mlops_provider.stores.specs import local_path

STATUSES = ("pass", "notice", "insufficient_evidence", "fail")


@dataclass(frozen=True)
class Answer:
    """What one run of the command gave."""

    status: int
    out: str
    err: str

    @property
    def outcome(self) -> dict[str, Any]:
        return json.loads(self.out.splitlines()[-1])


class Command:
    """``python -m airflow_mlops_provider.jobs`` in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.root, self._capsys = folder, folder / "mlops", capsys

    def __call__(self, name: str, spec: Any) -> Answer:
        file = self.folder / "spec.json"
        if isinstance(spec, dict):
            spec = json.dumps({"evidence_root": str(self.root), **spec})
        file.write_bytes(spec if isinstance(spec, bytes) else spec.encode())
        self._capsys.readouterr()
        status = main([name, str(file)])
        out, err = self._capsys.readouterr()
        return Answer(status, out, err)

    def judged(self, name: str, spec: dict[str, Any], *statuses: str) -> dict[str, Any]:
        """The Outcome of a run that must come to one of these verdicts."""
        answer = self(name, spec)
        assert answer.status == 0, answer.err
        check_outcome(answer.outcome)
        assert answer.outcome["verdict"]["status"] in (statuses or STATUSES), answer.outcome["verdict"]["summary"]
        return answer.outcome

    def refused(self, name: str, spec: Any, *words: str) -> str:
        """The line about a spec or input that must be refused, and nothing of which may be left."""
        return self._unfinished(2, name, spec, words)

    def failed(self, name: str, spec: Any, *words: str) -> str:
        """The line about a backend that fails, and nothing of which may be left."""
        return self._unfinished(1, name, spec, words)

    def _unfinished(self, status: int, name: str, spec: Any, words: tuple[str, ...]) -> str:
        before = self.files()
        answer = self(name, spec)
        assert answer.status == status, answer.out or answer.err
        assert answer.err.endswith("\n")
        assert len(answer.err.splitlines()) == 1
        assert "Traceback" not in answer.err
        assert '"verdict"' not in answer.out
        for word in words:
            assert word in answer.err
        assert self.files() == before
        return answer.err

    def files(self) -> dict[str, str]:
        """Every file below the folder with a hash of its bytes, but for specs and what MLflow keeps."""
        found = (path for path in self.folder.rglob("*") if path.is_file() and not _is_kept(path))
        return {str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def _is_kept(path: Path) -> bool:
    is_store = path.name.startswith("mlflow.db") or path.suffix == ".lock"
    return is_store or path.name == "spec.json" or bool({"mlartifacts", "__pycache__"} & set(path.parts))


def check_outcome(outcome: dict[str, Any]) -> None:
    """An Outcome has the shape of the interface, and its evidence is there and whole."""
    assert set(outcome) == {"schema", "kind", "evidence_uri", "verdict", "dataset", "model"}
    assert outcome["schema"] == 1
    verdict = outcome["verdict"]
    assert set(verdict) == {"status", "summary", "findings"}
    assert verdict["summary"]
    for finding in verdict["findings"]:
        assert set(finding) == {"subject", "measure", "observed", "limit", "p_value", "status", "detail"}
    found = [finding["status"] for finding in verdict["findings"]]
    assert verdict["status"] == max(found, key=STATUSES.index)
    if outcome["dataset"] is not None:
        assert set(outcome["dataset"]) == {"uri", "fingerprint", "rows", "schema_hash"}
        assert outcome["dataset"]["fingerprint"].startswith("sha256:")
    if outcome["model"] is not None:
        assert set(outcome["model"]) == {"name", "version", "uri", "digest", "run_id"}
    evidence = local_path(outcome["evidence_uri"])
    assert hashlib.sha256(evidence.read_bytes()).hexdigest() in evidence.name
    kept = json.loads(evidence.read_bytes())
    assert kept["kind"] == outcome["kind"]
    assert kept["verdict"] == verdict


@pytest.fixture
def command_in(capsys: pytest.CaptureFixture[str]) -> Callable[[Path], Command]:
    """Makes the command for a folder."""
    return lambda folder: Command(folder, capsys)


@pytest.fixture
def command(tmp_path: Path, command_in: Callable[[Path], Command]) -> Command:
    """The command, in a folder of its own."""
    return command_in(tmp_path)


@pytest.fixture(scope="session")
def wages() -> pd.DataFrame:
    """Rows that a model can learn from: two features tell something about the target, the others nothing."""
    random, rows = np.random.default_rng(7), 600
    frame = pd.DataFrame({"person": np.arange(rows) // 2, "year": 1980 + np.arange(rows) % 2})
    frame = frame.assign(exper=random.normal(8, 3, rows), hours=random.normal(2000, 300, rows))
    frame["black"] = random.integers(0, 2, rows)
    return frame.assign(high=(frame.exper + frame.hours / 300 + random.normal(0, 2, rows) > 14.5).astype(int))


MODEL = """
name: wage
task: classification
target: high
features: [exper, hours, black]
sensitive: [black]
group_column: person
trainer: quick:build
metrics: {roc_auc: higher, accuracy: higher}
params: {depth: 2}
split: {folds: 2}
owners: [ml-team]
card: {intended_use: tests}
"""
TRAINER = """
import sys
import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

nothing_to_call = 5

def build(depth):
    return DecisionTreeClassifier(max_depth=depth, min_samples_leaf=10)

def talkative(depth):
    print("half a line", end="")
    print("a warning", file=sys.stderr)
    return build(depth)

def raising(depth):
    raise RuntimeError("first line\\nsecond line")

def leaving(depth):
    sys.exit(0)

def empty_handed(depth):
    return None

def another_kind(depth):
    return LinearRegression()

def uninstantiated(depth):
    return DecisionTreeClassifier

def with_lambda(depth):
    return make_pipeline(FunctionTransformer(lambda values: values), build(depth))

class Undecided(DecisionTreeClassifier):
    def predict_proba(self, values):
        return np.full((len(values), 2), np.nan)

def undecided(depth):
    return Undecided()

class Stubborn(DecisionTreeClassifier):
    def fit(self, values, target):
        raise ValueError("I will\\nnot")

def stubborn(depth):
    return Stubborn()
"""


@dataclass(frozen=True)
class Bench:
    """A folder with a declared model, its trainer, its data and an MLflow store."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "mlops"

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def declare(self, name: str = "wage.yaml", *, swap: tuple[str, str] = ("", ""), more: str = "") -> str:
        """Write the declaration with a part of it replaced and text added; returns its path."""
        assert swap[0] in MODEL
        (self.folder / name).write_text(MODEL.replace(*swap) + more if swap[0] else MODEL + more)
        return self.path(name)

    def keep(self, name: str, frame: pd.DataFrame) -> str:
        """Write data; returns the path."""
        frame.to_parquet(self.folder / name, index=False)
        return self.path(name)


@pytest.fixture(scope="session")
def new_bench(empty_mlflow: Path, wages: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Makes a :class:`Bench`, without any model in its store."""

    def make() -> Bench:
        bench = Bench(tmp_path_factory.mktemp("bench"))
        bench.root.mkdir()
        shutil.copy(empty_mlflow, bench.root / "mlflow.db")
        bench.declare()
        (bench.folder / "quick.py").write_text(TRAINER)
        bench.keep("train.parquet", wages.head(400))
        bench.keep("held_out.parquet", wages.tail(200))
        return bench

    return make


@pytest.fixture(scope="session")
def bench(new_bench: Any) -> Bench:
    """A bench whose store holds no model: to train on."""
    return new_bench()


@pytest.fixture
def train(bench: Bench, command_in: Callable[[Path], Command]) -> Command:
    """The command, where everything is ready for a training."""
    return command_in(bench.folder)
