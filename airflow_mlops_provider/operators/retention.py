"""Where ``PurgeEvidenceOperator`` was in version 0.1.0; it is now in ``operators.purge``."""

from __future__ import annotations

import warnings
from typing import Any

from airflow_mlops_provider.exceptions import FormerNameWarning


def __getattr__(name: str) -> Any:
    if name != "PurgeEvidenceOperator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from airflow_mlops_provider.operators.purge import PurgeEvidenceOperator

    message = f"{__name__} is now called airflow_mlops_provider.operators.purge"
    warnings.warn(message, FormerNameWarning, stacklevel=2)
    return PurgeEvidenceOperator
