"""### Put the former champion back
Trigger it by hand with a reason. The last good promotion is taken from the decision record, tested, and put back; an
incident is opened with a postmortem to fill in, and whoever triggered the run is recorded. With `year`, that year's
batch is scored again by the version put back: scoring reads the alias, so the switch back is the alias alone.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, task
from models.wage_data import extract, latest, zone
from models.wage_tasks import CHAMPION, DEFAULTS, SPEC, TELL_SLACK

from airflow_mlops_provider.operators.ingest import IngestOperator
from airflow_mlops_provider.operators.prediction import BatchPredictOperator
from airflow_mlops_provider.operators.promotion import RollbackModelOperator


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    doc_md=__doc__,
    tags=["mlops", "wage"],
    params={
        "reason": Param(type="string", minLength=3, description="Why, for whoever reads the record later."),
        "to_version": Param(None, type=["null", "string"], description="An earlier champion than the last one."),
        "year": Param(None, type=["null", "integer"], description="Score this year's batch again."),
    },
)
def wage_rollback():
    rollback = RollbackModelOperator(
        task_id="rollback",
        model=SPEC.name,
        reason="{{ params.reason }}",
        to_version="{{ params.to_version or '' }}",
        on_success_callback=TELL_SLACK,
    )

    @task.short_circuit
    def batch(params: dict[str, Any] | None = None) -> str | None:
        year = (params or {}).get("year")
        return extract(zone("landing", f"wage-{year}.parquet"), years=(year,)) if year else None

    landed = batch()
    ingest = IngestOperator(task_id="ingest", source=landed, output_uri=zone("raw", "wage-{{ params.year }}"))
    BatchPredictOperator(
        task_id="rescore",
        model=CHAMPION,
        dataset=ingest.output,
        output_uri=latest("production", "scores-wage-{{ params.year }}"),
    )
    rollback >> landed


wage_rollback()
