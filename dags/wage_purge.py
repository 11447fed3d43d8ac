"""### Let old evidence go
Once a week, evidence older than `retention_days` is removed, and a tombstone in the chain says what went, when and by
which policy. Decision records are never removed, nor is the evidence of the champion and of the one before it. The
same goes for snapshots of data, where `snapshot_days` is their age: what a champion learned from, what other evidence
refers to, and the newest two of each folder stay. With `preview` the task only says what would go.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import Param, dag
from models.wage_data import zone
from models.wage_tasks import DEFAULTS

from airflow_mlops_provider.operators.purge import PurgeEvidenceOperator


@dag(
    schedule="@weekly",
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    doc_md=__doc__,
    tags=["mlops", "wage"],
    params={
        "retention_days": Param(365, type="number", exclusiveMinimum=0, description="Age from which evidence goes."),
        "snapshot_days": Param(365, type="number", exclusiveMinimum=0, description="Age from which snapshots go."),
        "preview": Param(False, type="boolean", description="Only say what would go."),
    },
)
def wage_purge():
    PurgeEvidenceOperator(
        task_id="purge",
        retention_days="{{ params.retention_days }}",
        snapshots=[zone(name) for name in ("raw", "curated", "production")],
        snapshot_days="{{ params.snapshot_days }}",
        preview="{{ params.preview }}",
    )


wage_purge()
