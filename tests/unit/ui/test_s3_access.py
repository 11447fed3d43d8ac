"""The page reads evidence by the Connection that ``[mlops] aws_conn_id`` names."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.stores.aws_access import aws_access
from airflow_mlops_provider.tasks.environment import aws_variables
from tests.unit.aws_connection import SECRET, only_by_connection


@pytest.fixture
def connected(s3_address, monkeypatch):
    found = only_by_connection(s3_address, monkeypatch)
    monkeypatch.setenv("AIRFLOW__MLOPS__EVIDENCE_ROOT", f"s3://{found.bucket}/mlops")
    return found


def test_pages_evidence_and_attachments_are_read_by_the_connection(page, connected, monkeypatch):
    monkeypatch.setenv("AIRFLOW__MLOPS__AWS_CONN_ID", connected.conn_id)
    client = page()
    data = io.BytesIO()
    pd.DataFrame({"x": [1, 2]}).to_parquet(data)
    connected.client.pipe(f"{connected.bucket}/in.parquet", data.getvalue())
    spec = {
        "dataset": {"uri": f"s3://{connected.bucket}/in.parquet"},
        "suite": {"name": "s", "expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "x"}}]},
        "evidence_root": f"s3://{connected.bucket}/mlops",
    }
    with aws_access(aws_variables()):
        outcome = jobs.run("validate", spec)
    overview = client.get("/mlops/")
    assert overview.status_code == 200
    assert "in.parquet" in overview.text
    found = client.get("/mlops/api/evidence", params={"uri": outcome.evidence_uri})
    assert found.status_code == 200
    name = next(iter(found.json()["attachments"]))
    attachment = client.get("/mlops/attachment", params={"uri": outcome.evidence_uri, "name": name})
    assert attachment.status_code == 200
    assert SECRET not in overview.text + found.text + attachment.text


def test_a_connection_that_is_not_there_is_said_on_the_page_which_keeps_its_style(page, connected, monkeypatch):
    monkeypatch.setenv("AIRFLOW__MLOPS__AWS_CONN_ID", "nobody")
    client = page()
    answer = client.get("/mlops/")
    assert answer.status_code == 503
    assert "nobody" in answer.text
    assert client.get("/mlops/static/page.css").status_code == 200
