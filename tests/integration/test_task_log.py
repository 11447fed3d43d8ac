"""What the log of a task shows a person, without any filter of warnings: the verdict at once, and little else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

DAG = """
from pathlib import Path

from airflow.sdk import dag

from airflow_mlops_provider.operators.training import TrainOperator

HOME = Path(__file__).parent.parent


@dag(schedule=None)
def logged():
    TrainOperator(task_id="train", model=str(HOME / "toy.yaml"), dataset=str(HOME / "toy.parquet"))


logged()
"""
MODEL = """
name: toy
task: classification
target: y
features: [a, b]
trainer: toy_trainer:build
metrics: {accuracy: higher}
"""
TRAINER = "from sklearn.linear_model import LogisticRegression\ndef build(): return LogisticRegression()\n"
OF_THE_COMMAND = re.compile(r"\[airflow\.(?!task)|graphviz|starlette.testclient")
"""Lines of the command that runs the task in place of a worker: of parsing, scheduling, its graph and its API."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines that a training writes under Airflow."""
    home = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.normal(size=300), "b": rng.normal(size=300)})
    rows.assign(y=(rows.a > 0).astype(int)).to_parquet(home / "toy.parquet")
    (home / "dags").mkdir()
    (home / "dags" / "logged.py").write_text(DAG)
    (home / "toy.yaml").write_text(MODEL)
    (home / "toy_trainer.py").write_text(TRAINER)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "MLFLOW", "PYTHONW"))}
    environment = {**kept, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    airflow, said = str(Path(sys.executable).with_name("airflow")), ""
    for arguments in (["db", "migrate"], ["dags", "test", "logged"]):
        done = subprocess.run([airflow, *arguments], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        said = done.stdout + done.stderr
    return [line for line in said.splitlines() if line.strip() and not OF_THE_COMMAND.search(line)]


def test_the_log_of_a_training_shows_its_verdict_in_less_than_thirty_lines(log):
    assert len(log) < 30, "\n".join(log)
    assert any("training: PASS - " in line for line in log)


def test_no_warning_of_other_modules_stands_in_it(log):
    assert not [line for line in log if "Deprecat" in line or "py.warnings" in line]
