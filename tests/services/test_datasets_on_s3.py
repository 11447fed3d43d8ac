"""Datasets on S3: read, judged, split and scored where they lie."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider.exceptions import BadInputError, MLOpsError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.presence import dataset_stamps
from tests.builders.logged_tables import KEPT, delta_table

RULE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "hours", "min_value": 0}}
SUITE = {"name": "hours", "expectations": [RULE]}


def frame(rows: int = 600, *, shift: float = 0.0, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame({"hours": random.normal(40 + shift, 5, rows), "exper": random.normal(8, 2, rows)})


@pytest.fixture
def data(bucket: str) -> str:
    """A folder with a batch of which three rows break the rule, and one that drifted."""
    broken = frame()
    broken.loc[:2, "hours"] = -1.0
    broken.to_parquet(f"{bucket}/data/batch.parquet", index=False)
    frame(seed=1).to_parquet(f"{bucket}/data/quiet.parquet", index=False)
    frame(shift=9, seed=2).to_parquet(f"{bucket}/data/drifted.parquet", index=False)
    return f"{bucket}/data"


@pytest.fixture
def where(bucket: str) -> dict[str, str]:
    return {"evidence_root": f"{bucket}/mlops"}


def test_tables_with_a_log_are_read_and_waited_for_on_s3(bucket, where):
    options = {"AWS_ALLOW_HTTP": "true", "AWS_S3_ALLOW_UNSAFE_RENAME": "true"}
    place = delta_table(f"{bucket}/orders", options=options)
    data = open_dataset(place)
    assert data.table().sort_by("id").to_pydict() == KEPT
    assert open_dataset(data.ref).ref == data.ref
    assert open_dataset(f"{place}#version=0").rows == 3
    assert dataset_stamps(place) is not None
    assert dataset_stamps(f"{place}#version=3") is None
    with pytest.raises(BadInputError, match="there is no Delta table"):
        open_dataset(f"{bucket}/nothing#version=0")


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_clean_rows_and_quarantine_are_written_to_s3(data, where, suffix):
    places = {name: f"{data}/{name}.{suffix}" for name in ("clean", "aside")}
    dataset = f"{data}/batch.parquet"
    if suffix == "csv":
        dataset = f"{data}/batch.csv"
        pd.read_parquet(f"{data}/batch.parquet").to_csv(dataset, index=False)
    outcome = run(
        "validate",
        {
            "dataset": dataset,
            "suite": SUITE,
            "clean_uri": places["clean"],
            "quarantine_uri": places["aside"],
            "policy": {"max_quarantine_share": 0.5},
            **where,
        },
    )
    assert outcome.verdict.status is Status.NOTICE
    assert (outcome.dataset.uri, outcome.dataset.rows) == (places["clean"], 597)
    read = pd.read_parquet if suffix == "parquet" else pd.read_csv
    assert (len(read(places["clean"])), len(read(places["aside"]))) == (597, 3)


@pytest.mark.parametrize(("batch", "status"), [("quiet", Status.PASS), ("drifted", Status.FAIL)])
def test_drift_is_found_between_files_on_s3(data, where, batch, status):
    sides = {"reference": f"{data}/quiet.parquet", "current": f"{data}/{batch}.parquet"}
    assert run("drift", {**sides, "html_report": "never", **where}).verdict.status is status


def test_a_profile_on_s3_is_a_reference(data, where):
    profile = f"{data}/quiet.profile"
    run("profile", {"dataset": f"{data}/quiet.parquet", "output_uri": profile, **where})
    outcome = run(
        "drift", {"reference": profile, "current": f"{data}/drifted.parquet", "html_report": "never", **where}
    )
    assert outcome.verdict.status is Status.FAIL


def test_the_same_bytes_have_the_same_fingerprint_wherever_they_lie(data, where, tmp_path):
    pd.read_parquet(f"{data}/quiet.parquet")
    import s3fs

    s3fs.S3FileSystem().get_file(f"{data}/quiet.parquet", str(tmp_path / "quiet.parquet"))
    refs = [
        run("validate", {"dataset": uri, "suite": SUITE, **where}).dataset
        for uri in (f"{data}/quiet.parquet", str(tmp_path / "quiet.parquet"))
    ]
    assert refs[0].fingerprint == refs[1].fingerprint


def test_a_file_that_is_not_there_is_named(data, where):
    with pytest.raises(BadInputError, match=r"missing\.parquet"):
        run("validate", {"dataset": f"{data}/missing.parquet", "suite": SUITE, **where})


def test_a_bucket_that_is_not_there_is_named(where):
    with pytest.raises(MLOpsError, match="no-such-bucket"):
        run("validate", {"dataset": "s3://no-such-bucket/batch.parquet", "suite": SUITE, **where})
