"""How far a current batch lies from its reference; ``measure_drift`` is the way in."""

from airflow_mlops_provider.analysis.drift.measure import EXACT_ROWS, Precision, measure_drift

__all__ = ["EXACT_ROWS", "Precision", "measure_drift"]
