"""SQL rules of contracts know the batch and its columns by every name that contracts use."""

from __future__ import annotations

import pyarrow as pa
import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.rules import Engine
from tests.unit.analysis.validation.contract_texts import contract, results

ORDERS = pa.table({"TOTAL": [1.0, -2.0, 3.0], "ORD_NO": [1, 2, 3]})
TEXT = (
    "schema:\n- name: orders\n  physicalName: ORD\n  properties:\n"
    "  - name: order_total\n    physicalName: TOTAL\n    quality: [{type: sql, query: 'QUERY', LIMITS}]\n"
    "  - {name: order_no, physicalName: ORD_NO}\n"
)


def judged(query: str, limits: str = "mustBe: 0") -> tuple[Engine, float | int | None]:
    found = results(contract(TEXT.replace("QUERY", query).replace("LIMITS", limits)), ORDERS)
    rule = next(each for each in found if each.rule.type not in ("expect_column_to_exist",))
    return rule.engine, rule.observed if rule.unexpected is None else rule.unexpected


@pytest.mark.parametrize("table", ["{object}", "${object}", "{table}", "${model}", "{schema}", "orders", "sales.ORD"])
def test_the_batch_goes_by_every_name_that_contracts_use(table: str) -> None:
    assert judged(f"SELECT COUNT(*) FROM {table} WHERE TOTAL < 0") == (Engine.SCAN, 1)


@pytest.mark.parametrize("column", ["{property}", "${column}", "{field}", "order_total", "TOTAL", "orders.order_total"])
def test_a_property_goes_by_its_placeholder_its_name_and_its_column(column: str) -> None:
    query = f"SELECT COUNT(*) FROM orders WHERE {column} < 0"
    if column.startswith("orders."):
        query = f"SELECT max({column}) FROM orders AS orders"
        assert judged(query) == (Engine.QUERY, 3.0)
        return
    assert judged(query) == (Engine.SCAN, 1)


def test_two_operators_bound_the_value_of_one_query() -> None:
    query = "SELECT COUNT(*) FROM {object} WHERE order_no IS NOT NULL"
    assert judged(query, "mustBeGreaterThan: 0, mustBeLessThan: 100") == (Engine.QUERY, 3.0)


def test_a_placeholder_that_means_nothing_is_refused_by_name() -> None:
    with pytest.raises(
        BadInputError, match=r"quality 1: its query has \$\{tenant\}, which is none of the placeholders"
    ):
        judged("SELECT COUNT(*) FROM ${tenant}")
    text = (
        "schema:\n- name: w\n  properties: [{name: a}]\n  quality: [{type: sql, query: 'SELECT {column}', mustBe: 0}]"
    )
    with pytest.raises(BadInputError, match=r"has \{column\}, but the rule belongs to no property"):
        contract(text)
