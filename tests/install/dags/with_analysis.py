"""Validation, drift and training need the analysis libraries."""

from pathlib import Path
from tempfile import mkdtemp

from airflow.sdk import dag, task

from airflow_mlops_provider.operators.training import TrainOperator
from airflow_mlops_provider.operators.validation import DataValidationOperator
from airflow_mlops_provider.sensors.drift import DriftSensor

TRAINER = """
from sklearn.linear_model import LogisticRegression
def build(): return LogisticRegression()
"""
MODEL = """
name: toy
task: classification
target: y
features: [x]
trainer: toy:build
metrics: {roc_auc: higher}
split: {folds: 2}
"""


@dag(schedule=None)
def with_analysis():
    @task
    def land() -> str:
        import numpy as np
        import pandas as pd

        folder, random = Path(mkdtemp()), np.random.default_rng(0)
        frame = pd.DataFrame({"x": random.normal(size=600)})
        frame.assign(y=(frame.x + random.normal(size=600) > 0).astype(int)).to_parquet(folder / "batch.parquet")
        (folder / "toy.py").write_text(TRAINER)
        (folder / "toy.yaml").write_text(MODEL)
        return str(folder)

    folder = land()
    suite = {"expectations": [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x"}}]}
    batch = "{{ ti.xcom_pull(task_ids='land') }}/batch.parquet"
    validate = DataValidationOperator(task_id="validate", dataset=batch, suite=suite)
    drift = DriftSensor(task_id="drift", reference=batch, current=batch, columns=["x"])
    train = TrainOperator(task_id="train", model="{{ ti.xcom_pull(task_ids='land') }}/toy.yaml", dataset=batch)
    folder >> validate >> drift >> train


with_analysis()
