"""The MLOps layer for Apache Airflow 3."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.2.0"

_LAZY = {
    "BiasSliceOperator": "airflow_mlops_provider.operators.bias",
    "DataValidationOperator": "airflow_mlops_provider.operators.validation",
    "DriftSensor": "airflow_mlops_provider.sensors.drift",
    "PromoteModelOperator": "airflow_mlops_provider.operators.promotion",
    "TrainOperator": "airflow_mlops_provider.operators.training",
}

__all__ = [  # resolved by __getattr__
    "BiasSliceOperator",
    "DataValidationOperator",
    "DriftSensor",
    "PromoteModelOperator",
    "TrainOperator",
]


def __getattr__(name: str) -> Any:
    # Lazy, so that importing a record or a job never imports Airflow.
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
