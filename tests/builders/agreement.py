"""What jobs say of the same rows, in a form that does not name the place of the rows."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from airflow_mlops_provider import jobs
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from tests.builders.tables import orders

_DAYS = st.dates(dt.date(2026, 1, 1), dt.date(2026, 3, 1))
_MOMENTS = st.datetimes(dt.datetime.fromisoformat("2026-01-01"), dt.datetime.fromisoformat("2026-03-01"))
_TEXT = st.text("aäß€ b'\"%,;\\", min_size=1, max_size=6).filter(lambda text: text.strip() == text)
ROWS = st.lists(
    st.tuples(
        st.none() | st.floats(-50, 150),
        st.none() | _TEXT,
        st.none() | _DAYS,
        st.none() | _MOMENTS,
        st.none() | st.decimals(-10, 200, places=2),
    ),
    min_size=1,
    max_size=25,
)
"""Orders without their ids."""

SUITE = {
    "name": "orders",
    "expectations": [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "amount", "min_value": 0, "max_value": 100},
        },
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "name"}},
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "name"}},
        {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "name", "regex": "^[aä]"}},
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "day", "max_value": "2026-02-01"}},
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "price", "min_value": 0}},
        {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "amount", "min_value": 0, "max_value": 90}},
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 2}},
    ],
}
CONTRACT = {
    "kind": "DataContract",
    "apiVersion": "v3.1.0",
    "id": "orders",
    "version": "1",
    "status": "active",
    "schema": [
        {
            "name": "orders",
            "properties": [
                {"name": "id", "logicalType": "integer", "required": True, "unique": True},
                {"name": "amount"},
                {"name": "name", "logicalType": "string", "required": True, "logicalTypeOptions": {"maxLength": 4}},
                {"name": "day", "logicalType": "date"},
            ],
        }
    ],
}
REFERENCE = orders(
    [
        (float(number % 40), "abc"[number % 3], dt.date(2026, 1, 1 + number % 28), None, Decimal(number % 50))
        for number in range(80)
    ]
)


def said_of(dataset: Any, reference: Path, folder: Path) -> dict[str, Any]:
    """Verdicts and quarantined rows of a suite and a contract, and the verdict of a drift policy.

    :param dataset: a reference to the orders.
    :param reference: a file of orders that they are compared with.
    """
    uri = dataset["uri"] if "uri" in dataset else f"sql://{dataset['conn_id']}/{dataset['table']}"
    found: dict[str, Any] = {}
    for name, rules in (("suite", SUITE), ("contract", CONTRACT)):
        aside, clean = folder / f"{name}-aside.parquet", folder / f"{name}-clean.parquet"
        spec = {"dataset": dataset, name: rules, "clean_uri": str(clean), "quarantine_uri": str(aside)}
        policy = {"max_quarantine_share": 1.0}
        outcome = jobs.run("validate", {**spec, "policy": policy, "evidence_root": str(folder / "mlops")})
        found[name] = _plain(outcome, uri), _rows(aside)
    spec = {"reference": str(reference), "current": dataset, "policy": {"min_rows": 5}, "html_report": "never"}
    found["drift"] = _plain(jobs.run("drift", {**spec, "evidence_root": str(folder / "mlops")}), uri)
    return found


def _plain(outcome: Outcome, uri: str) -> Any:
    said = json.dumps(encode(outcome.verdict)).replace(json.dumps(uri)[1:-1], "ORDERS")
    return json.loads(said)


def _rows(path: Path) -> list[tuple[int, str]]:
    frame: pa.Table = open_dataset(str(path)).table(["id", "quarantine_reasons"])
    return sorted(zip(*(column.to_pylist() for column in frame.columns), strict=True))
