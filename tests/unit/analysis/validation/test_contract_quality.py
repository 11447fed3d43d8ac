"""Quality rules of contracts mean what the standard's documents and examples say, of every version 3."""

from __future__ import annotations

import pyarrow as pa
import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.rules import RuleSeverity
from tests.unit.analysis.validation.contract_texts import contract, results

PRICES = pa.table({"cents": pa.array([5, 80, None, 900], pa.int64())})


def of_property(quality: str, *, version: str = "v3.0.2") -> list[int | None]:
    text = f"schema:\n- name: prices\n  properties:\n  - name: cents\n    quality:\n    - {{{quality}}}\n"
    return [found.unexpected for found in results(contract(text, version=version), PRICES)[1:]]


@pytest.mark.parametrize(
    ("quality", "unexpected"),
    [
        ("rule: nullCheck, type: library, severity: error, scheduler: cron, schedule: 0 20 * * *", 1),
        ("rule: duplicateCount", 0),
        ("rule: validValues, validValues: [5, 80]", 1),
        ("rule: minCheck, customProperties: [{property: min, value: 10}]", 1),
        ("rule: maxCheck, customProperties: [{property: max, value: 80}]", 1),
        ("rule: between, customProperties: [{property: min, value: 10}, {property: max, value: 500}]", 2),
    ],
)
def test_a_library_rule_of_version_3_0_without_operator_allows_no_row(quality: str, unexpected: int) -> None:
    assert of_property(quality) == [unexpected]


def test_a_promised_number_of_rows_without_a_number_is_not_checked() -> None:
    found = contract(
        "schema:\n- name: w\n  properties: [{name: cents}]\n"
        "  quality:\n  - {rule: countCheck, type: library, description: within the expected range}\n",
        version="v3.0.2",
    )
    assert found.unchecked == ("quality 1: within the expected range",)


def test_a_range_without_its_bound_is_an_error_that_names_it() -> None:
    with pytest.raises(BadInputError, match=r"cents, quality 1: rule minCheck needs the custom property 'min'"):
        of_property("rule: minCheck")


def test_a_metric_of_version_3_1_needs_its_operator() -> None:
    with pytest.raises(BadInputError, match=r"quality 1 must have one operator"):
        of_property("metric: nullValues", version="v3.1.0")


def test_several_operators_in_one_rule_must_all_hold() -> None:
    text = "schema:\n- name: w\n  properties: [{name: cents}]\n  quality:\n  - {metric: rowCount, OPERATORS}\n"

    def holds(operators: str) -> list[bool]:
        return [found.success for found in results(contract(text.replace("OPERATORS", operators)), PRICES)[1:]]

    assert holds("mustBeGreaterThan: 0, mustBeLessThan: 100") == [True]
    assert holds("mustBeGreaterThan: 0, mustBeLessThan: 4") == [False]
    assert holds("mustBeGreaterThan: 4, mustBeLessThan: 100") == [False]
    assert holds("mustBeBetween: [0, 9], mustBeGreaterThan: 4") == [False]
    assert holds("mustBeGreaterThan: 0, mustNotBe: 4") == [True, False]
    with pytest.raises(BadInputError, match=r"no number meets mustBeGreaterThan, mustBeLessThan"):
        holds("mustBeGreaterThan: 9, mustBeLessThan: 3")
    with pytest.raises(BadInputError, match=r"no number meets"):
        holds("mustBeGreaterThan: 3, mustBeLessThan: 3")


def test_duplicates_over_several_properties_are_looked_for_in_the_columns_behind_them() -> None:
    found = contract(
        "schema:\n- name: orders\n  properties:\n"
        "  - {name: tenant_id, physicalName: TENANT}\n  - {name: order_id, physicalName: ORD_NO}\n"
        "  quality:\n  - {metric: duplicateValues, mustBe: 0, arguments: {properties: [tenant_id, order_id]}}\n"
    )
    orders = pa.table({"TENANT": [1, 1, 2, 2], "ORD_NO": [1, 2, 1, 1]})
    assert results(found, orders)[-1].unexpected == 2
    assert found.rules[-1].columns == ("TENANT", "ORD_NO")


def test_a_property_that_bears_the_name_of_anothers_column_is_that_column() -> None:
    found = contract(
        "schema:\n- name: t\n  properties:\n  - {name: a, physicalName: b}\n  - {name: b, physicalName: c}\n"
        "  quality:\n  - {metric: duplicateValues, mustBe: 0, arguments: {properties: [a, b]}}\n"
    )
    assert found.rules[-1].columns == ("b",), "both names mean the column b: a by its property, b as it stands"


def test_an_expectation_speaks_of_properties_by_either_name() -> None:
    text = (
        "schema:\n- name: w\n  properties: [{name: hours, physicalName: HRS}]\n  quality:\n"
        "  - {type: custom, engine: greatExpectations, implementation: {type: expect_column_values_to_be_between, "
        "kwargs: {column: COLUMN, minValue: 0}}}\n"
    )
    for named in ("hours", "HRS"):
        assert contract(text.replace("COLUMN", named)).rules[-1].columns == ("HRS",)


def test_a_pattern_may_stand_beside_its_arguments_as_the_standards_text_has_it() -> None:
    text = "schema:\n- name: w\n  properties:\n  - name: iban\n    quality:\n    - {metric: invalidValues, mustBe: 0, "
    found = contract(f"{text}arguments: , pattern: '^[A-Z]{{2}}'}}\n")
    assert results(found, pa.table({"iban": ["DE1", "x"]}))[-1].unexpected == 1


def test_severity_comes_with_the_rules_and_another_word_is_refused_by_name() -> None:
    text = (
        "schema:\n- name: w\n  properties: [{name: hours, quality: [{metric: nullValues, mustBe: 0, severity: SAID}]}]"
    )
    said = {"Error": RuleSeverity.ERROR, "warning": RuleSeverity.WARNING, "INFO": RuleSeverity.INFO}
    for word, severity in said.items():
        assert contract(text.replace("SAID", word)).rules[-1].severity is severity
    with pytest.raises(BadInputError, match=r"hours, quality 1: severity 'medium' is not one of error, warning, info"):
        contract(text.replace("SAID", "medium"))
