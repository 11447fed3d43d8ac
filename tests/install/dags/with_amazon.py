"""Evidence on S3."""

from airflow.sdk import dag, task

from airflow_mlops_provider.operators.purge import PurgeEvidenceOperator


@dag(schedule=None)
def with_amazon():
    @task
    def make_bucket() -> None:
        import s3fs

        s3fs.S3FileSystem().mkdir("install")

    root = "s3://install/mlops"
    make_bucket() >> PurgeEvidenceOperator(task_id="purge", retention_days=30, preview=True, evidence_root=root)


with_amazon()
