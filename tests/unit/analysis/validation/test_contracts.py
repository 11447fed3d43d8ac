"""Data contracts become rules, and what cannot be checked is said."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
import yaml

from airflow_mlops_provider.analysis.validation import Source, measure_validation
from airflow_mlops_provider.analysis.validation.contracts import Contract, read_odcs
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.validation import RuleResult
from airflow_mlops_provider.records.rules import Engine, Scope

HEAD = "kind: DataContract\napiVersion: v3.1.0\nid: wages-1\nname: wages\nversion: 1.0.0\nstatus: active\n"


def contract(text: str, *, wanted: str | None = None) -> Contract:
    return read_odcs(yaml.safe_load(HEAD + text), wanted=wanted)


def prop(text: str) -> Contract:
    return contract(f"schema:\n- name: w\n  properties:\n  - {{name: hours, {text}}}\n")


def quality(text: str, *, of_property: bool = True) -> Contract:
    where = "  properties:\n  - name: hours\n    quality:\n    - " if of_property else "  quality:\n  - "
    return contract(f"schema:\n- name: w\n{where}{{{text}}}\n")


def kinds(found: Contract) -> list[str]:
    return [rule.type for rule in found.rules]


TABLE = pa.table(
    {
        "hours": pa.array([10, 20, None, -1, 20, 30], pa.int64()),
        "paid": pa.array([1.0, 2.0, 3.0, 4.0, 5.0, 60.0]),
        "code": pa.array(["a", "b", "n/a", "", "b", None]),
    }
)


def result(found: Contract, number: int = -1) -> RuleResult:
    source = Source(schema=TABLE.schema, batches=lambda: iter(TABLE.to_batches()), frame=lambda _: TABLE.to_pandas())
    with measure_validation(source, found.rules) as measured:
        return measured.report.results[number]


def test_a_property_must_be_there_and_of_its_type() -> None:
    found = prop("logicalType: integer")
    assert kinds(found) == ["expect_column_to_exist", "expect_column_logical_type_to_be"]
    assert result(found).success
    wrong = result(prop("logicalType: string"))
    assert (wrong.success, wrong.scope, wrong.result["observed_value"]) == (False, Scope.TABLE, "int64")


def test_required_unique_and_enum_become_row_rules() -> None:
    found = prop("required: true, unique: true, enum: [{value: 10}, 20]")
    assert kinds(found)[1:] == [
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_be_unique",
        "expect_column_values_to_be_in_set",
    ]
    assert [result(found, number).unexpected for number in (1, 2, 3)] == [1, 2, 2]


def test_options_of_the_type_become_row_rules() -> None:
    found = prop("logicalType: integer, logicalTypeOptions: {exclusiveMinimum: 0, maximum: 20, multipleOf: 10}")
    assert found.rules[2].kwargs == {"column": "hours", "min_value": 0, "strict_min": True, "max_value": 20}
    assert [result(found, number).unexpected for number in (2, 3)] == [2, 1]
    older = prop("logicalType: integer, logicalTypeOptions: {minimum: 0, exclusiveMinimum: true}")
    assert older.rules[2].kwargs == {"column": "hours", "min_value": 0, "strict_min": True}
    text = "logicalType: string, logicalTypeOptions: {minLength: 1, maxLength: 2, pattern: '^[a-z]$', format: email}"
    texts = contract(f"schema:\n- name: w\n  properties:\n  - {{name: code, {text}}}\n")
    assert [result(texts, number).unexpected for number in (2, 3)] == [2, 2]
    assert texts.unchecked == ("property code: logicalTypeOptions format",)


def test_dates_in_options_compare_with_dates() -> None:
    found = prop("logicalType: date, logicalTypeOptions: {minimum: 2024-01-01}")
    assert found.rules[-1].kwargs["min_value"] == "2024-01-01"


def test_a_primary_key_of_two_columns_is_unique_together_and_never_missing() -> None:
    found = contract(
        "schema:\n- name: w\n  properties:\n"
        "  - {name: year, primaryKey: true, primaryKeyPosition: 2}\n"
        "  - {name: nr, primaryKey: true, primaryKeyPosition: 1, required: true}\n"
    )
    assert found.rules[-1].type == "expect_compound_columns_to_be_unique"
    assert found.rules[-1].kwargs["column_list"] == ["nr", "year"]
    assert kinds(found).count("expect_column_values_to_not_be_null") == 2


def test_the_physical_name_is_the_column() -> None:
    assert prop("physicalName: hrs, required: true").rules[-1].columns == ("hrs",)


@pytest.mark.parametrize(
    ("text", "unexpected", "success"),
    [
        ("metric: nullValues, mustBe: 0", 1, False),
        ("metric: nullValues, mustBeLessThan: 20, unit: percent", 1, True),
        ("metric: nullValues, mustBeLessThan: 16, unit: percent", 1, False),
        ("type: library, metric: duplicateValues, mustBeLessOrEqualTo: 2", 2, True),
        ("rule: duplicateCount, mustBeLessThan: 2", 2, False),
        ("metric: invalidValues, arguments: {validValues: [10, 20]}, mustBeLessThan: 3", 2, True),
        ("rule: validValues, validValues: [10, 20, 30]", 1, False),
        ("metric: missingValues, arguments: {missingValues: [null, -1]}, mustBe: 0", 2, False),
        ("type: sql, query: 'SELECT COUNT(*) FROM ${table} WHERE ${column} < 0', mustBe: 0", 1, False),
        ("type: sql, query: 'select count(*) from w where {property} < 0', mustBeLessThan: 2", 1, True),
    ],
)
def test_metrics_that_count_rows_are_judged_row_by_row(text: str, unexpected: int, success: bool) -> None:
    found = result(quality(text))
    assert (found.scope, found.unexpected, found.success) == (Scope.ROW, unexpected, success)


def test_duplicates_over_several_columns_and_row_counts_belong_to_the_object() -> None:
    both = quality("metric: duplicateValues, arguments: {properties: [hours, code]}, mustBe: 0", of_property=False)
    assert result(both).unexpected == 2
    rows = result(quality("metric: rowCount, mustBeBetween: [7, 100]", of_property=False))
    assert (rows.success, rows.observed, rows.engine) == (False, 6.0, Engine.SCAN)
    other = result(quality("metric: rowCount, mustNotBe: 6", of_property=False))
    assert (other.success, other.observed, other.engine) == (False, 6.0, Engine.QUERY)
    assert other.rule.label == "expect_query_value_to_be_within(limits=not 6, query=SELECT count(*) FROM batch)"


def test_other_queries_are_compared_as_a_whole() -> None:
    found = result(quality("type: sql, query: 'SELECT max(paid) / avg(paid) FROM {object}', mustBeLessThan: 3"))
    assert (found.scope, found.engine, found.success) == (Scope.TABLE, Engine.QUERY, False)
    assert found.observed == pytest.approx(4.8)
    more = result(quality("type: sql, query: 'SELECT COUNT(*) FROM w WHERE hours > 0', mustBeGreaterThan: 3"))
    assert (more.scope, more.observed, more.success) == (Scope.TABLE, 4.0, True)
    true = result(quality("type: sql, query: 'SELECT min(hours) < 0 FROM w', mustBe: true"))
    assert true.success


def test_a_business_rule_over_columns_names_the_columns_it_reads() -> None:
    text = "type: sql, query: 'SELECT count(*) FROM w WHERE Hours > paid * 4 AND code = ''b''', mustBe: 0"
    found = result(quality(text, of_property=False))
    assert found.rule.columns == ("hours", "paid", "code")
    assert (found.unexpected, found.engine) == (1, Engine.SCAN)


def test_a_business_rule_on_a_missing_column_fails_and_names_it() -> None:
    found = result(quality("type: sql, query: 'SELECT count(*) FROM w WHERE absent > 3', mustBe: 0"))
    assert (found.success, found.problem) == (False, "column 'absent' is missing")


def test_great_expectations_rules_are_read_in_both_spellings_of_the_standard() -> None:
    text = "type: custom, engine: greatExpectations, implementation: {type: TYPE, kwargs: {minValue: 0, maxValue: 25}}"
    found = quality(text.replace("TYPE", "expect_column_values_to_be_between"))
    assert found.rules[-1].kwargs == {"min_value": 0, "max_value": 25, "column": "hours"}
    block = "type: expect_column_values_to_be_unique\nkwargs: {}"
    found = quality(f"type: custom, engine: great-expectations, implementation: {block!r}".replace("'", '"'))
    assert found.rules[-1].columns == ("hours",)


def test_what_cannot_be_checked_is_listed() -> None:
    found = contract(
        "schema:\n- name: w\n  properties:\n"
        "  - {name: hours, quality: [{type: text, description: It was verified.}, "
        "{type: custom, engine: soda, implementation: x}]}\n"
        "  - {name: address, logicalType: object, properties: [{name: zip}]}\n"
        "slaProperties:\n- {property: retention, value: 3, unit: y}\n"
    )
    assert found.unchecked == (
        "property hours, quality 1: It was verified.",
        "property hours, quality 2: custom",
        "slaProperties 1: retention",
    )


def test_a_contract_that_says_nothing_about_the_data_has_no_rules_and_lists_the_rest() -> None:
    found = contract("slaProperties:\n- {property: retention, value: 3, unit: y}\nroles: []\n")
    assert (found.name, found.rules, found.unchecked) == ("wages", (), ("slaProperties 1: retention",))
    assert contract("schema:\n- {name: w, relationships: [{from: a, to: b}]}\n").unchecked == ("relationships",)


def test_physical_types_are_counted_among_what_is_not_checked() -> None:
    found = contract("schema:\n- name: w\n  properties: [{name: a, physicalType: 'varchar(2)'}, {name: b}]\n")
    assert found.unchecked == ("physicalType of 1 property",)


def test_latency_becomes_freshness() -> None:
    found = contract(
        "schema:\n- name: w\n  properties: [{name: at, physicalName: ts}]\n"
        "slaProperties:\n- {property: latency, value: 2, unit: d, element: w.at}\n"
    )
    assert found.rules[-1].kwargs == {"column": "ts", "max_age_hours": 48.0}


def test_confidential_columns_are_sensitive() -> None:
    assert prop("classification: Restricted").sensitive == ("hours",)
    assert prop("classification: public").sensitive == ()


def test_one_object_of_several_is_chosen_by_name() -> None:
    text = "schema:\n- {name: a, properties: [{name: x}]}\n- {name: b, properties: [{name: y}]}\n"
    assert contract(text, wanted="b").rules[0].columns == ("y",)
    with pytest.raises(BadInputError, match=r"several objects.* a, b"):
        contract(text)
    with pytest.raises(BadInputError, match="no object 'c'"):
        contract(text, wanted="c")


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda: read_odcs([]), "must be a mapping"),
        (lambda: read_odcs({"kind": "Other"}), "kind"),
        (lambda: read_odcs({"kind": "DataContract", "apiVersion": "v2.2.2"}), "apiVersion"),
        (lambda: contract("schema: []\n", wanted="w"), "no object 'w'; it has none"),
        (lambda: contract("shema:\n- name: w\n"), "unknown key 'shema'"),
        (lambda: prop("requried: true"), "unknown key 'requried'"),
        (lambda: prop("required: 'yes'"), "'required' must be true or false"),
        (lambda: prop("logicalType: int"), "logicalType 'int'"),
        (lambda: prop("logicalType: integer, logicalTypeOptions: {minimun: 3}"), "minimun"),
        (lambda: prop("logicalType: integer, logicalTypeOptions: {minimum: 3, maximum: 1}"), "above max_value"),
        (lambda: prop("logicalType: string, logicalTypeOptions: {pattern: '('}"), "not a regular expression"),
        (lambda: quality("metric: nullValues"), "one operator"),
        (lambda: quality("metric: nullValues, mustBe: 0, mustBeGreaterThan: 1"), "no number meets"),
        (lambda: quality("metric: nullValues, mustBe: none"), "not a number"),
        (lambda: quality("metric: nullValues, mustBeBetween: [1]"), "two numbers"),
        (lambda: quality("metric: nullValues, mustBeBetween: [2, 1]"), "above the upper"),
        (lambda: quality("metric: nullValues, mustBe: 0, unit: dozens"), "unit 'dozens'"),
        (lambda: quality("metric: weirdValues, mustBe: 0"), "weirdValues"),
        (lambda: quality("metric: nullValues, mustBe: 0", of_property=False), "belongs to a property"),
        (lambda: quality("metric: invalidValues, mustBe: 0"), "validValues"),
        (lambda: quality("type: magic, mustBe: 0"), "type 'magic'"),
        (lambda: quality("type: sql, mustBe: 0"), "query"),
        (lambda: quality("type: sql, query: 'SELEC 1', mustBe: 0"), "not a query"),
        (lambda: quality("type: sql, query: 'SELECT 1; SELECT 2', mustBe: 0"), "one query"),
        (lambda: quality("type: custom, engine: gx, implementation: {type: 3}"), "type"),
        (lambda: quality("mustBeAtLeast: 3, metric: nullValues"), "mustBeAtLeast"),
    ],
)
def test_a_broken_contract_is_an_error_that_names_the_place(broken: Any, told: str) -> None:
    with pytest.raises(BadInputError, match=told):
        broken()
