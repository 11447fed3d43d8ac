"""### A dataset in many parts
partition -> chunks -> validate and profile each chunk -> merge -> drift, and train -> ... -> promote on the whole.
Mapped tasks share the files of a folder: each judges and profiles a range of file names, `merge` adds up their
validations into one that vouches for all clean rows, and `merge_profiles` their profiles into one that `drift`
compares with the first years without reading a row again. The gate takes the merged validation like any other.

With `mode` `suggest`, the default, the decision is only recorded; with `auto` the candidate is promoted on evidence.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, task
from models.wage_data import FIRST_YEARS, extract, zone
from models.wage_tasks import DEFAULTS, MODEL, SPEC, SUITE, part_suite

from airflow_mlops_provider.decisions.promotion import PromotionPolicy
from airflow_mlops_provider.operators.bias import BiasSliceOperator
from airflow_mlops_provider.operators.evaluation import EvaluateModelOperator, ModelCardOperator
from airflow_mlops_provider.operators.merge import MergeOperator, chunks_of
from airflow_mlops_provider.operators.profile import ProfileOperator
from airflow_mlops_provider.operators.promotion import PromoteModelOperator
from airflow_mlops_provider.operators.training import TrainOperator
from airflow_mlops_provider.operators.validation import DataValidationOperator
from airflow_mlops_provider.sensors.drift import DriftSensor

# A folder for each run: what an earlier run left there would be part of the whole, and nobody judged it.
RUN = "partitions/{{ run_id | replace(':', '') | replace('+', '') }}"
PART = f"{RUN}/{{{{ ti.map_index }}}}"
CHUNKS = 3


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    doc_md=__doc__,
    tags=["mlops", "wage"],
    params={
        "last_year": Param(1984, type="integer", minimum=1981, maximum=1986, description="Learn from years up to it."),
        "mode": Param("suggest", enum=["auto", "suggest"], description="Whether the policy promotes."),
    },
)
def wage_partitions():
    @task
    def partition(folder: str, params: dict[str, Any] | None = None) -> str:
        for year in range(FIRST_YEARS[0], (params or {})["last_year"] + 1):
            extract(f"{folder}/{year}.parquet", years=(year,), held_out=False)
        return folder

    @task
    def ingest_test(params: dict[str, Any] | None = None) -> str:
        year = (params or {})["last_year"] + 1
        return extract(zone("raw", f"test-{year}.parquet"), years=(year,))

    @task
    def ingest_first() -> str:
        return extract(zone("raw", "first-years.parquet"), years=FIRST_YEARS, held_out=False)

    chunks = chunks_of(partition(zone("raw", RUN)), tasks=CHUNKS)

    validate = DataValidationOperator.partial(
        task_id="validate",
        suite=part_suite(),
        clean_uri=zone("curated", f"{PART}.parquet"),
        quarantine_uri=zone("quarantine", f"{PART}.parquet"),
        sensitive=SPEC.sensitive,
    ).expand(dataset=chunks)
    # Vouches for every clean row of every part, as the validation of one task does.
    merge = MergeOperator(
        task_id="merge",
        parts=validate.output,
        dataset=zone("curated", RUN),
        quarantine_uri=zone("quarantine", RUN),
    )

    # Profiles add up when their edges are the same: those of what the parts are compared with.
    profile_first = ProfileOperator(
        task_id="profile_first",
        dataset=ingest_first(),
        output_uri=zone("production", "first-years.profile"),
        columns=SPEC.features,
        sensitive=SPEC.sensitive,
        shared=False,
    )
    profile = ProfileOperator.partial(
        task_id="profile",
        output_uri=zone("production", f"{PART}.profile"),
        columns=SPEC.features,
        sensitive=SPEC.sensitive,
        edges=profile_first.output,
        shared=False,
    ).expand(dataset=chunks)
    merge_profiles = MergeOperator(
        task_id="merge_profiles",
        parts=profile.output,
        output_uri=zone("production", f"{RUN}/all.profile"),
        shared=False,
    )
    DriftSensor(task_id="drift", reference=profile_first.output, current=merge_profiles.output)

    validate_test = DataValidationOperator(
        task_id="validate_test",
        dataset=ingest_test(),
        suite=SUITE,
        clean_uri=zone("curated", "test-{{ params.last_year + 1 }}.parquet"),
        quarantine_uri=zone("quarantine", "test-{{ params.last_year + 1 }}.parquet"),
        sensitive=SPEC.sensitive,
    )
    train = TrainOperator(task_id="train", model=MODEL, dataset=merge.output)
    evaluate = EvaluateModelOperator(task_id="evaluate", model=train.output, dataset=validate_test.output)
    bias = BiasSliceOperator(task_id="bias", model=train.output, dataset=validate_test.output, slices=SPEC.sensitive)
    card = ModelCardOperator(
        task_id="card", model=train.output, evidence=[merge.output, train.output, evaluate.output, bias.output]
    )
    PromoteModelOperator(
        task_id="promote",
        model=train.output,
        evidence=[merge.output, validate_test.output, evaluate.output, bias.output, card.output],
        mode="{{ params.mode }}",
        policy=PromotionPolicy(tolerate_insufficient=("bias",)),
    )


wage_partitions()
