"""A database that counts says what the scan says; what it might count otherwise is fetched."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.jobs.data.pushdown import open_pushed
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.rules import Rule
from tests.builders.pushdown import FETCHED_COLUMNS, FETCHED_ROWS, PUSHED, ROWS, said, suite
from tests.builders.tables import duckdb_orders, orders, sqlite_orders

TABLE = {"conn_id": "shop", "table": "orders"}
SOME = orders([(number * 10.0, "ab"[number % 2], None, None, None) for number in range(20)])


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    """Twenty orders in DuckDB by the name ``shop``; the folder."""
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", duckdb_orders(tmp_path / "shop.duckdb", SOME))
    return tmp_path


def pushed(*rules, where: str = ""):
    uri = f"sql://shop/orders?pushdown=true{where}"
    return open_pushed(DatasetRef(uri=uri), [Rule(type=kind, kwargs=kwargs) for kind, kwargs in rules], outputs={})


@given(rows=ROWS)
@settings(max_examples=25)
def test_duckdb_counts_what_the_scan_counts(rows):
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        patch.setenv("MLOPS_DATABASE_SHOP", duckdb_orders(folder / "shop.duckdb", orders(rows)))
        rules = suite(*PUSHED, *FETCHED_COLUMNS)
        assert said({**TABLE, "pushdown": True}, rules, folder) == said(TABLE, rules, folder)


@pytest.mark.parametrize("rule", PUSHED, ids=str)
def test_only_rows_that_break_a_rule_are_fetched(shop, rule):
    found = pushed(rule)
    assert found.counted is not None
    assert found.columns is None
    assert found.data.rows == sum(
        value for name, value in found.counted.values.items() if name.startswith("unexpected")
    )


@pytest.mark.parametrize("rule", FETCHED_COLUMNS, ids=str)
def test_a_statistic_fetches_its_columns_alone(shop, rule):
    found = pushed(PUSHED[0], rule)
    assert (found.left, found.columns.columns, found.columns.rows) == ((1,), (rule[1]["column"],), 20)
    assert found.data.rows == 0


@pytest.mark.parametrize("rule", FETCHED_ROWS, ids=str)
def test_a_rule_that_may_mean_something_else_fetches_every_row_and_says_the_same(shop, rule):
    found = pushed(PUSHED[0], rule)
    assert found.counted is None
    assert found.data.rows == 20
    rules = suite(PUSHED[0], rule)
    assert said({**TABLE, "pushdown": True}, rules, shop) == said(TABLE, rules, shop)


def test_a_table_that_was_counted_is_not_pinned_by_rows_that_nobody_read(shop):
    spec = {"dataset": {**TABLE, "pushdown": True}, "suite": suite(PUSHED[0]), "evidence_root": str(shop / "mlops")}
    outcome = run("validate", spec)
    assert (outcome.dataset.uri, outcome.dataset.rows) == ("sql://shop/orders?pushdown=true", 20)
    assert (outcome.dataset.fingerprint, outcome.dataset.identified_by) == (None, None)


def test_a_reference_that_pins_rows_has_them_read(shop):
    spec = {"suite": suite(FETCHED_ROWS[3]), "evidence_root": str(shop / "mlops")}
    pinned = run("validate", {**spec, "dataset": {**TABLE, "pushdown": True}}).dataset
    assert pinned.identified_by == "rows"
    assert run("validate", {**spec, "dataset": pinned}).dataset == pinned


def test_a_condition_and_a_query_pick_the_rows_that_are_counted(shop):
    assert pushed(PUSHED[0], where="&where=id > 15").counted.rows == 5
    rows = open_pushed(
        DatasetRef(uri="sql://shop?query=WITH w AS (SELECT * FROM orders) SELECT id FROM w&pushdown=true"),
        [Rule(type="expect_column_values_to_be_between", kwargs={"column": "id", "max_value": 2})],
        outputs={},
    )
    assert (rows.counted.rows, rows.data.rows) == (20, 18)


@pytest.mark.parametrize("collation", ["NOCASE", "NOACCENT"])
def test_a_column_under_a_collation_of_its_own_is_fetched(shop, collation):
    with duckdb.connect(str(shop / "shop.duckdb")) as connection:
        connection.execute("DROP TABLE orders")
        connection.execute(f"CREATE TABLE orders (id BIGINT, name VARCHAR COLLATE {collation})")
        connection.execute("INSERT INTO orders VALUES (1, 'A'), (2, 'á')")
    rule = ("expect_column_values_to_be_in_set", {"column": "name", "value_set": ["a"]})
    assert pushed(rule).counted is None
    assert [row[0] for row in said({**TABLE, "pushdown": True}, suite(rule), shop)["rows"]] == [1, 2]


def test_a_column_of_another_type_is_fetched_and_hinders_no_other_column(shop):
    with duckdb.connect(str(shop / "shop.duckdb")) as connection:
        connection.execute("DROP TABLE orders")
        connection.execute("CREATE TABLE orders (id BIGINT, kind ENUM('a', 'b'), moment TIMESTAMPTZ, small FLOAT)")
        connection.execute("INSERT INTO orders VALUES (1, 'a', '2026-01-01', 0.1)")
    assert pushed(("expect_column_values_to_be_in_set", {"column": "kind", "value_set": ["c"]})).counted is None
    assert pushed(("expect_column_values_to_be_between", {"column": "small", "max_value": 0.1})).counted is None


def test_a_count_that_the_rows_do_not_bear_out_is_an_error(shop):
    found = pushed(("expect_column_values_to_be_between", {"column": "id", "max_value": 2}))
    assert found.counted.values["unexpected 0"] == 18
    wrong = {**found.counted.values, "unexpected 0": 17}
    from dataclasses import replace

    from airflow_mlops_provider.analysis.validation import Source, measure_validation

    counted = replace(found.counted, values=wrong)
    source = Source(schema=found.data.schema, batches=found.data.batches, frame=found.data.frame, counted=counted)
    rule = Rule(type="expect_column_values_to_be_between", kwargs={"column": "id", "max_value": 2}, source="suite o")
    with (
        pytest.raises(BadInputError, match=r"database counts 17 rows .* and 18 of those"),
        measure_validation(source, [rule]),
    ):
        pass


def test_what_cannot_be_done_is_one_sentence(shop, monkeypatch):
    rule = Rule(type=PUSHED[0][0], kwargs=PUSHED[0][1])
    with pytest.raises(BadInputError, match="give it or 'clean_uri', not both"):
        open_pushed(DatasetRef(uri="sql://shop/orders?pushdown=true"), [rule], outputs={"clean_uri": "clean.parquet"})
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", sqlite_orders(shop / "lite.db", SOME))
    with pytest.raises(BadInputError, match="is for PostgreSQL and DuckDB, and this is sqlite"):
        pushed(PUSHED[0])
    with pytest.raises(BadInputError, match="key 'pushdown' is 'yes'"):
        run("validate", {"dataset": "sql://shop/orders?pushdown=yes", "suite": suite(PUSHED[0])})


def test_a_table_as_an_output_is_refused(shop):
    spec = {"dataset": {**TABLE, "pushdown": True}, "suite": suite(PUSHED[0]), "evidence_root": str(shop / "mlops")}
    with pytest.raises(BadInputError, match="names a file, not a table"):
        run("validate", {**spec, "quarantine_uri": "sql://shop/aside"})
