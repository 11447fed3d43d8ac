"""A purge's preview needs no library but Airflow."""

from airflow.sdk import dag

from airflow_mlops_provider.operators.purge import PurgeEvidenceOperator


@dag(schedule=None)
def with_nothing():
    PurgeEvidenceOperator(task_id="purge", retention_days=30, preview=True)


with_nothing()
