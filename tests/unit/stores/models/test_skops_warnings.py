from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys, types, warnings

def ask(name):
    warnings.warn(f"The `airflow.old.{name}` attribute is deprecated. Please use another.", FutureWarning, stacklevel=2)
    raise AttributeError(name)

old = types.ModuleType("old_names")  # warns when it is asked for any name, as some of Airflow's modules do
old.__getattr__ = ask
sys.modules["old_names"] = old  # loaded before SciPy, as Airflow is

from sklearn.tree import DecisionTreeClassifier
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.stores.models.artifact import MODEL_FILE, check_types, load_estimator

warnings.simplefilter("always")
fitted = DecisionTreeClassifier(max_depth=1).fit([[0.0], [1.0]], [0, 1])
keys = {"features": ("a",), "trainer": "toy:build", "metrics": {"accuracy": Direction.HIGHER}}
spec = ModelSpec(name="toy", task=Task.CLASSIFICATION, target="y", **keys)
"""
STEPS = "check_types(fitted, spec)\nimport skops.io\nload_estimator({MODEL_FILE: skops.io.dumps(fitted)}, spec, 'here')"


def warned(steps: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM + steps], capture_output=True, text=True, check=True)
    return done.stderr.count("The `airflow.old.")


def test_a_model_is_stored_and_loaded_without_a_thousand_warnings_of_airflow():
    assert warned("import skops.io") > 100  # what would stand in the log
    assert warned(STEPS) == 0
