"""When a measured shift is drift: the default policy, with a stated rate of false alarms, and the rules users know."""

from airflow_mlops_provider.decisions.drift.judge import judge_drift
from airflow_mlops_provider.records.policies.drift import DriftPolicy, DriftRule

__all__ = ["RULES_VERSION", "DriftPolicy", "DriftRule", "judge_drift"]

RULES_VERSION = 1
"""Raised with every change by which the same rows under the same policy may get another verdict: what was judged by the
former rules is then judged again."""
