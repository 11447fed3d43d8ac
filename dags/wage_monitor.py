"""### Watch each batch
land -> ingest -> validate -> score -> drift. A batch that drifted from what the champion learned from emits the asset
event `wage_drift`, which schedules `wage_retrain`; a quiet batch emits none. Trigger it for a batch with the params
`years`, `held_out_men` (a quiet batch: other men of the same years) or `uri` (a file that arrived from elsewhere), and
with `shadow` to let the challenger score the same rows beside the champion.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, task
from models.wage_data import WAGE_DRIFT, extract, latest, zone
from models.wage_tasks import CHALLENGER, CHAMPION, DEFAULTS, SPEC, SUITE, TELL_SLACK

from airflow_mlops_provider.decisions.validation import ValidationPolicy
from airflow_mlops_provider.operators.ingest import IngestOperator
from airflow_mlops_provider.operators.prediction import BatchPredictOperator
from airflow_mlops_provider.operators.validation import DataValidationOperator
from airflow_mlops_provider.sensors.drift import DriftSensor


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    doc_md=__doc__,
    tags=["mlops", "wage"],
    params={
        "years": Param([1983], type="array", items={"type": "integer"}, description="Which years make the batch."),
        "held_out_men": Param(False, type="boolean", description="Only the men kept out of training."),
        "uri": Param(None, type=["null", "string"], description="A Parquet or CSV file instead."),
        "shadow": Param(False, type="boolean", description="Let the challenger score the same rows, kept apart."),
    },
)
def wage_monitor():
    @task(multiple_outputs=True)
    def land(params: dict[str, Any] | None = None) -> dict[str, str]:
        asked = params or {}
        name = "-".join(map(str, asked["years"])) + ("-held-out" if asked["held_out_men"] else "")
        if asked["uri"]:
            return {"uri": asked["uri"], "name": asked["uri"].rsplit("/", 1)[-1].rsplit(".", 1)[0]}
        held_out = True if asked["held_out_men"] else None
        uri = extract(zone("landing", f"wage-{name}.parquet"), years=tuple(asked["years"]), held_out=held_out)
        return {"uri": uri, "name": f"wage-{name}"}

    landed = land()
    name = "{{ ti.xcom_pull(task_ids='land')['name'] }}"

    ingest = IngestOperator(task_id="ingest", source=landed["uri"], output_uri=zone("raw", name))

    # Up to two rows in a hundred may be set aside; more than that, and the batch is refused.
    validate = DataValidationOperator(
        task_id="validate",
        dataset=ingest.output,
        suite=SUITE,
        clean_uri=latest("curated", name),
        quarantine_uri=zone("quarantine", f"{name}.parquet"),
        sensitive=SPEC.sensitive,
        policy=ValidationPolicy(max_quarantine_share=0.02),
        on_success_callback=TELL_SLACK,
    )

    BatchPredictOperator(
        task_id="score",
        model=CHAMPION,
        dataset=validate.output,
        output_uri=latest("production", f"scores-{name}"),
        # Its answers go to a folder of their own and are compared with the champion's; nobody uses them.
        shadow=f"{{{{ '{CHALLENGER}' if params.shadow else '' }}}}",
    )

    # The reference is what the champion learned from: it moves when a promotion moves it.
    DriftSensor(
        task_id="drift",
        reference=CHAMPION,
        current=validate.output,
        columns=SPEC.features,
        group_column=SPEC.group_column,
        sensitive=SPEC.sensitive,
        drift_asset=WAGE_DRIFT,
        mode="reschedule",
        on_success_callback=TELL_SLACK,
    )


wage_monitor()
