"""Measure how far a current batch is from its reference, with :func:`measure_drift`."""

from airflow_mlops_provider.analysis.drift.measure import EXACT_ROWS, Precision, measure_drift

__all__ = ["EXACT_ROWS", "Precision", "measure_drift"]
