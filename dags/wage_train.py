"""### The first champion
land -> ingest -> validate -> train -> evaluate -> bias -> card -> promote -> deploy. Run it once by hand; from then on
`wage_monitor` watches the batches and `wage_retrain` answers drift. To make it yours, change `models/wage.yaml`,
`models/wage_model.py` and `models/wage_data.py`.
"""

from __future__ import annotations

from airflow.sdk import dag, task
from models.wage_data import FIRST_YEARS, extract, latest, zone
from models.wage_tasks import CHAMPION, DEFAULTS, MODEL, SPEC, SUITE

from airflow_mlops_provider.decisions.promotion import PromotionPolicy
from airflow_mlops_provider.operators.bias import BiasSliceOperator
from airflow_mlops_provider.operators.evaluation import EvaluateModelOperator, ModelCardOperator
from airflow_mlops_provider.operators.ingest import IngestOperator
from airflow_mlops_provider.operators.prediction import BatchPredictOperator
from airflow_mlops_provider.operators.promotion import PromoteModelOperator
from airflow_mlops_provider.operators.training import TrainOperator
from airflow_mlops_provider.operators.validation import DataValidationOperator


@dag(schedule=None, catchup=False, max_active_runs=1, default_args=DEFAULTS, doc_md=__doc__, tags=["mlops", "wage"])
def wage_train():
    # Every fourth man is kept out of all training, so that the first champion is judged on people it never saw.
    @task(multiple_outputs=True)
    def land() -> dict[str, str]:
        return {
            "train": extract(zone("landing", "first-train.parquet"), years=FIRST_YEARS, held_out=False),
            "test": extract(zone("landing", "first-test.parquet"), years=FIRST_YEARS, held_out=True),
        }

    # What arrived becomes a snapshot, which stays when the file is overwritten: decisions and later drift refer to it.
    landed = land()
    ingest = IngestOperator(task_id="ingest", source=landed["train"], output_uri=zone("raw", "first-train"))
    ingest_held_out = IngestOperator(
        task_id="ingest_held_out", source=landed["test"], output_uri=zone("raw", "first-test")
    )

    # Bad rows go to quarantine with their reasons, good rows on to the curated zone.
    validate = DataValidationOperator(
        task_id="validate",
        dataset=ingest.output,
        suite=SUITE,
        clean_uri=latest("curated", "first-train"),
        quarantine_uri=zone("quarantine", "first-train.parquet"),
        sensitive=SPEC.sensitive,
    )
    validate_held_out = DataValidationOperator(
        task_id="validate_held_out",
        dataset=ingest_held_out.output,
        suite=SUITE,
        clean_uri=latest("curated", "first-test"),
        quarantine_uri=zone("quarantine", "first-test.parquet"),
        sensitive=SPEC.sensitive,
    )

    # One artifact: preprocessing and model together, registered in MLflow as the challenger.
    train = TrainOperator(task_id="train", model=MODEL, dataset=validate.output)

    # Without a champion there is still a dummy to beat.
    evaluate = EvaluateModelOperator(task_id="evaluate", model=train.output, dataset=validate_held_out.output)
    bias = BiasSliceOperator(
        task_id="bias", model=train.output, dataset=validate_held_out.output, slices=SPEC.sensitive
    )
    card = ModelCardOperator(
        task_id="card", model=train.output, evidence=[validate.output, train.output, evaluate.output, bias.output]
    )

    # Promotes on evidence alone, or records why not. Some slices of this panel are too small to judge: accepting that
    # is a decision of its own, and the record shows it.
    promote = PromoteModelOperator(
        task_id="promote",
        model=train.output,
        evidence=[validate.output, validate_held_out.output, evaluate.output, bias.output, card.output],
        policy=PromotionPolicy(tolerate_insufficient=("bias",)),
    )

    deploy = BatchPredictOperator(
        task_id="deploy",
        model=CHAMPION,
        dataset=validate_held_out.output,
        output_uri=latest("production", "scores-first"),
    )
    promote >> deploy


wage_train()
