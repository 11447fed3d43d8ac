"""A task that is killed takes its job with it, and whatever the trainer has started: nothing moves an alias later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

TRAINER = """
import subprocess, sys
from sklearn.tree import DecisionTreeClassifier

CHILD = "import signal; held = open({path!r}, 'w'); held.write('child '); held.flush(); signal.pause()"

class Waiting(DecisionTreeClassifier):
    def fit(self, values, target):
        print("training has begun", flush=True)
        held = open({path!r}, "w")
        child = subprocess.Popen([sys.executable, "-c", CHILD])
        child.wait()
        return super().fit(values, target)

def build():
    return Waiting(max_depth=2)
"""
TASK = """
import signal, sys, types
from airflow_mlops_provider.operators.training import TrainOperator
from airflow_mlops_provider.runners.external_python import ExternalPythonRunner

model = {{"name": "toy", "task": "classification", "target": "y", "features": ["a", "b"], "root": {folder!r}}}
model |= {{"trainer": "toy:build", "metrics": {{"accuracy": "higher"}}, "split": {{"folds": 2}}}}
task = TrainOperator(
    task_id="train", model=model, dataset={folder!r} + "/data.parquet", evidence_root={root!r},
    runner=ExternalPythonRunner(python=sys.executable),
)
signal.signal(signal.SIGTERM, lambda *_: task.on_kill())  # as Airflow's task runner does
task.execute({{"ti": types.SimpleNamespace(dag_id="d", run_id="r", task_id="train", map_index=-1, try_number=1)}})
"""


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_task_leaves_no_process_and_no_model_behind(sent, tmp_path: Path, mlops_root, witness):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.normal(size=100), "b": random.normal(size=100)})
    frame.assign(y=(frame.a > frame.b).astype(int)).to_parquet(tmp_path / "data.parquet")
    (tmp_path / "toy.py").write_text(TRAINER.format(path=witness.path))
    task = subprocess.Popen(
        [sys.executable, "-c", TASK.format(folder=str(tmp_path), root=mlops_root)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    witness.wait_for(b"child ")
    task.send_signal(sent)
    output, errors = task.communicate()
    witness.wait_for_the_end()
    assert task.returncode != 0
    if sent is signal.SIGTERM:
        assert "training has begun" in output
        assert "JobCancelledError: job 'train' under" in errors
    assert not (Path(mlops_root) / "training").exists()
