"""When a measured shift is drift: the default policy, with a stated rate of false alarms, and the rules users know."""

from airflow_mlops_provider.decisions.drift.judge import judge_drift
from airflow_mlops_provider.records.policies.drift import DriftPolicy, DriftRule

__all__ = ["DriftPolicy", "DriftRule", "judge_drift"]
