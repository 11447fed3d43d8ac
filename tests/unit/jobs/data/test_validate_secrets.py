"""Values of sensitive columns, which no message of the validate job may hold, and rules whose SQL meets bad values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.stores.specs import local_path

PRESENT = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "hours"}}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"wage": [77123, 2**62], "name": ["SECRET7", "b"], "hours": [40, 41]})
    frame.to_parquet("people.parquet", index=False)


def validate(*expectations: dict[str, Any], **spec: Any) -> Outcome:
    suite = {"suite": {"name": "s", "expectations": list(expectations or (PRESENT,))}}
    return run("validate", {"dataset": "people.parquet", **({} if "contract" in spec else suite), **spec})


def contract(query: str, *, wage: str = "wage") -> dict[str, Any]:
    columns = {"name": "string", wage: "integer"}
    properties = [{"name": name, "logicalType": kind, "classification": "restricted"} for name, kind in columns.items()]
    quality = [{"type": "sql", "query": query, "mustBeLessThan": 10}]
    objects = [{"name": "people", "properties": properties, "quality": quality}]
    return {"kind": "DataContract", "apiVersion": "v3.1.0", "id": "p", "version": "1", "status": "active"} | {
        "schema": objects
    }


def told_by(outcome: Outcome) -> str:
    evidence = read_evidence(outcome.evidence_uri)
    files = [outcome.evidence_uri, *evidence.attachments.values()]
    return json.dumps(outcome.to_json()) + "".join(local_path(uri).read_text(encoding="utf-8") for uri in files)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT MIN(wage) FROM {object}",
        "SELECT min(other) FROM (SELECT WAGE AS other FROM people)",
        "SELECT min(w) FROM batch AS people(w, n, h)",
        "SELECT min(COLUMNS('wa.*')) FROM {object}",
        "SELECT min(struct_extract(batch, 'wage')) FROM batch",
    ],
)
@pytest.mark.parametrize("wage", ["wage", "Wage"])
def test_what_a_query_finds_in_a_sensitive_column_is_not_told(query: str, wage: str) -> None:
    outcome = validate(contract=contract(query, wage=wage))
    assert outcome.verdict.status is Status.FAIL
    assert "77123" not in told_by(outcome)


def test_what_a_query_finds_in_other_columns_is_told() -> None:
    assert "observed 41" in told_by(validate(contract=contract("SELECT max(hours) FROM {object}")))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT max(wage) * 8 FROM {object}",
        "SELECT year(max(strptime(name, '%Y'))) FROM {object}",
        "SELECT max(json_extract(name, '$.a')::INT) FROM {object}",
        "SELECT max(name::INT) FROM {object}",
    ],
)
def test_a_value_that_sql_cannot_compute_fails_the_data_and_is_not_told(query: str) -> None:
    outcome = validate(contract=contract(query))
    assert outcome.verdict.status is Status.FAIL
    assert "meets a value that it cannot" in outcome.verdict.summary
    assert "SECRET7" not in told_by(outcome)
    assert "461168" not in told_by(outcome)


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("expect_column_values_to_be_multiple_of", {"column": "wage", "divisor": 0}),
        ("expect_rows_to_satisfy", {"condition": "'abc'"}),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT * FROM {batch} WHERE 'abc'"}),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT max(nothing(wage)) FROM {batch}"}),
    ],
)
def test_a_rule_that_no_value_could_meet_is_a_broken_rule(kind: str, kwargs: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=rf"suite s, expectation 1: {kind}"):
        validate({"type": kind, "kwargs": kwargs})


@pytest.mark.parametrize("name", ["salary", "WAGE"])
def test_a_sensitive_column_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(BadInputError, match=rf"'sensitive'.*no column '{name}'; it has wage, name, hours"):
        validate(sensitive=[name])


def test_a_sensitive_column_that_a_rule_misses_fails_the_batch() -> None:
    exists = {"type": "expect_column_to_exist", "kwargs": {"column": "race"}}
    outcome = validate(exists, sensitive=["race"])
    assert outcome.verdict.status is Status.FAIL
    assert "column 'race' is missing" in outcome.verdict.summary
