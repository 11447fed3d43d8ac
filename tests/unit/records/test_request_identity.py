from __future__ import annotations

import pytest

from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.request_identity import request_identity

KEYS = {"dataset": {"uri": "in.parquet"}, "run_key": "d/r/t/-1", "origin": {"dag_id": "d", "try_number": "1"}}


def test_each_try_of_a_request_has_the_same_identity():
    again = {"origin": {"try_number": "2", "dag_id": "d"}, **{k: v for k, v in KEYS.items() if k != "origin"}}
    assert request_identity("drift", again) == request_identity("drift", KEYS)
    assert len(request_identity("drift", KEYS)) == 64


def test_a_record_and_its_plain_json_have_the_same_identity():
    record = DatasetRef(uri="in.parquet")
    plain = {"uri": "in.parquet", "fingerprint": None, "rows": None, "schema_hash": None}
    assert request_identity("drift", {"dataset": record}) == request_identity("drift", {"dataset": plain})


@pytest.mark.parametrize(
    "change",
    [{"run_key": "d/r2/t/-1"}, {"dataset": {"uri": "b.parquet"}}, {"origin": {"dag_id": "e"}}, {"policy": {}}],
)
def test_another_run_or_another_key_is_another_request(change):
    assert request_identity("drift", {**KEYS, **change}) != request_identity("drift", KEYS)


def test_another_job_is_another_request():
    assert request_identity("bias", KEYS) != request_identity("drift", KEYS)
