"""The place of ``BatchPredictOperator`` in the public interface; it is written in ``operators.prediction``."""

from __future__ import annotations

from airflow_mlops_provider.operators.prediction import BatchPredictOperator

__all__ = ["BatchPredictOperator"]
