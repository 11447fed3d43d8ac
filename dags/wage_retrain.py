"""### Answer drift
Scheduled by the asset event `wage_drift`. A candidate learns from all years before the drifted one and is compared
with the champion on that year's rows, whose labels have just arrived. It is promoted on evidence, or the champion
stays and the record says why. Drift is a reason to try, not a reason to switch. A drift task that was cleared tells of
the same judgement again, which no second run acts on.

With `mode` `approve`, one of the model's owners is asked first, under "Required Actions", and is named in the record;
with `suggest` the decision is only recorded.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, dag, task
from models.wage_data import WAGE_DRIFT, extract, latest, years_in, zone
from models.wage_tasks import CHAMPION, DEFAULTS, MODEL, SPEC, SUITE

from airflow_mlops_provider.decisions.promotion import PromotionPolicy
from airflow_mlops_provider.operators.bias import BiasSliceOperator
from airflow_mlops_provider.operators.evaluation import EvaluateModelOperator, ModelCardOperator
from airflow_mlops_provider.operators.ingest import IngestOperator
from airflow_mlops_provider.operators.prediction import BatchPredictOperator
from airflow_mlops_provider.operators.promotion import PromoteModelOperator
from airflow_mlops_provider.operators.training import TrainOperator
from airflow_mlops_provider.operators.validation import DataValidationOperator


@task.short_circuit
def drifted_year(
    triggering_asset_events: Any = None, params: dict[str, Any] | None = None, ti: Any = None
) -> int | None:
    from airflow_mlops_provider.tasks.drift_events import unanswered

    asked = (params or {}).get("year")
    if asked is not None:
        return asked
    if not triggering_asset_events:
        raise ValueError("no drift event and no param 'year': nothing says which year to answer")
    # Events that arrive while a run is busy come together in the next one: answer the newest. Without a judgement that
    # no run has acted on, the rest of this run is skipped.
    datasets = [outcome.dataset for outcome in unanswered(triggering_asset_events, ti=ti)]
    return max((year for dataset in datasets if dataset for year in years_in(dataset.uri)), default=None)


@task(multiple_outputs=True)
def land(year: int) -> dict[str, str]:
    earlier = tuple(range(1980, year))
    return {
        "train": extract(zone("landing", f"train-before-{year}.parquet"), years=earlier, held_out=False),
        "test": extract(zone("landing", f"test-{year}.parquet"), years=(year,)),
    }


@task.branch
def ask(params: dict[str, Any] | None = None) -> str:
    return "approve" if (params or {}).get("mode") == "approve" else "promote"


@dag(
    schedule=[WAGE_DRIFT],
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    doc_md=__doc__,
    tags=["mlops", "wage"],
    params={
        "year": Param(None, type=["null", "integer"], description="Judge on this year; by hand only."),
        "mode": Param(
            "auto", enum=["auto", "approve", "suggest"], description="Who promotes: the policy, or a person."
        ),
    },
)
def wage_retrain():
    landed = land(drifted_year())
    year = "{{ ti.xcom_pull(task_ids='drifted_year') }}"

    ingest = IngestOperator(task_id="ingest", source=landed["train"], output_uri=zone("raw", f"train-before-{year}"))
    ingest_test = IngestOperator(task_id="ingest_test", source=landed["test"], output_uri=zone("raw", f"test-{year}"))

    validate = DataValidationOperator(
        task_id="validate",
        dataset=ingest.output,
        suite=SUITE,
        clean_uri=latest("curated", f"train-before-{year}"),
        quarantine_uri=zone("quarantine", f"train-before-{year}.parquet"),
        sensitive=SPEC.sensitive,
    )
    validate_test = DataValidationOperator(
        task_id="validate_test",
        dataset=ingest_test.output,
        suite=SUITE,
        clean_uri=latest("curated", f"test-{year}"),
        quarantine_uri=zone("quarantine", f"test-{year}.parquet"),
        sensitive=SPEC.sensitive,
    )

    train = TrainOperator(task_id="train", model=MODEL, dataset=validate.output)
    evaluate = EvaluateModelOperator(task_id="evaluate", model=train.output, dataset=validate_test.output)
    bias = BiasSliceOperator(task_id="bias", model=train.output, dataset=validate_test.output, slices=SPEC.sensitive)
    card = ModelCardOperator(
        task_id="card", model=train.output, evidence=[validate.output, train.output, evaluate.output, bias.output]
    )

    # Waits under "Required Actions" without holding a worker. No answer in a week is a rejection.
    approve = ApprovalOperator(
        task_id="approve",
        subject=f"Promote the new version of {SPEC.name}?",
        body="{{ ti.xcom_pull(task_ids='evaluate')['verdict']['summary'] }}\n\n"
        "{{ ti.xcom_pull(task_ids='bias')['verdict']['summary'] }}",
        assigned_users=[{"id": owner, "name": owner} for owner in SPEC.owners],
        defaults=ApprovalOperator.REJECT,
        response_timeout=timedelta(days=7),
    )
    promote = PromoteModelOperator(
        task_id="promote",
        model=train.output,
        evidence=[validate.output, validate_test.output, evaluate.output, bias.output, card.output],
        mode="{{ params.mode }}",
        person=approve.output,
        policy=PromotionPolicy(tolerate_insufficient=("bias",)),
        trigger_rule="none_failed",  # nobody is asked in the modes auto and suggest
    )
    card >> ask() >> [approve, promote]

    # Scores with whoever is champion now, promoted or not, also when a person said no.
    deploy = BatchPredictOperator(
        task_id="deploy",
        model=CHAMPION,
        dataset=validate_test.output,
        output_uri=latest("production", f"scores-{year}"),
        trigger_rule="none_failed",
    )
    promote >> deploy


wage_retrain()
