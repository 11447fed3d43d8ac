"""Slack hears of a verdict; what stands for Slack is asked afterwards whether it did."""

from airflow.sdk import dag

from airflow_mlops_provider.notifications.slack import MLOpsSlackNotifier
from airflow_mlops_provider.operators.purge import PurgeEvidenceOperator
from airflow_mlops_provider.records.alert import Severity


@dag(schedule=None)
def with_slack():
    tell = MLOpsSlackNotifier(min_severity=Severity.INFO)
    PurgeEvidenceOperator(task_id="purge", retention_days=30, preview=True, on_success_callback=tell)


with_slack()
