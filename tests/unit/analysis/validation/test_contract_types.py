"""Logical types of contracts with their options: times of day, widths of integers, and what lies inside a property."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from airflow_mlops_provider.exceptions import BadInputError
from tests.unit.analysis.validation.contract_texts import contract, results

TIMES = [dt.time(8, 30), dt.time(23, 0), None, dt.time(7, 59, 59)]


def prop(text: str) -> str:
    return f"schema:\n- name: w\n  properties:\n  - {{name: x, {text}}}\n"


@pytest.mark.parametrize("kind", [pa.time32("s"), pa.time64("us"), pa.time64("ns")])
@pytest.mark.parametrize("written", ["'08:00:00'", "08:00:00", "'08:00'"])
def test_a_time_of_day_has_bounds_quoted_or_not(kind: pa.DataType, written: str) -> None:
    found = contract(prop(f"logicalType: time, logicalTypeOptions: {{minimum: {written}, exclusiveMaximum: '23:00'}}"))
    _, of_type, within = results(found, pa.table({"x": pa.array(TIMES, kind)}))
    assert of_type.success
    assert (within.unexpected, within.observed_min, within.observed_max) == (2, "07:59:59", "23:00:00")


def test_a_time_of_day_with_a_zone_compares_with_no_column() -> None:
    found = contract(prop("logicalType: time, logicalTypeOptions: {minimum: '08:00:00+02:00'}"))
    assert "does not compare with '08:00:00+02:00'" in results(found, pa.table({"x": TIMES}))[-1].problem


def test_the_format_of_an_integer_is_the_range_that_it_holds() -> None:
    found = contract(prop("logicalType: integer, logicalTypeOptions: {format: u8}"))
    assert results(found, pa.table({"x": [-1, 0, 255, 256]}))[-1].unexpected == 2
    assert found.unchecked == ()
    assert contract(prop("logicalType: string, logicalTypeOptions: {format: uuid}")).unchecked == (
        "property x: logicalTypeOptions format",
    )


def test_options_without_a_logical_type_are_checked_all_the_same() -> None:
    found = contract(prop("logicalTypeOptions: {minimum: 3}"))
    assert results(found, pa.table({"x": [1, 5]}))[-1].unexpected == 1


NESTED = prop(
    "logicalType: object, properties: [{name: zip, logicalType: string, required: true}, "
    "{name: lines, physicalName: LINES, logicalType: array, items: {logicalType: object, "
    "properties: [{name: price, logicalType: number}]}}]"
)


def nested(zip_type: pa.DataType, price: str = "price") -> pa.Table:
    inner = pa.struct([(price, pa.float64())])
    kind = pa.struct([("zip", zip_type), ("LINES", pa.list_(inner))])
    return pa.table({"x": pa.array([None], kind)})


def test_nested_properties_must_be_there_with_their_types() -> None:
    found = contract(NESTED)
    paths = [rule.kwargs["path"] for rule in found.rules if rule.type == "expect_column_to_have_field"]
    assert paths == ["zip", "LINES", "LINES[]", "LINES[].price"]
    assert all(each.success for each in results(found, nested(pa.string())))
    assert found.unchecked == ("property x.zip: required",)


def test_a_nested_property_of_another_type_or_name_fails_and_is_named() -> None:
    found = contract(NESTED)
    wrong = [each for each in results(found, nested(pa.int64())) if not each.success]
    assert [(each.rule.kwargs["path"], each.result["observed_value"]) for each in wrong] == [("zip", "int64")]
    absent = [each.problem for each in results(found, nested(pa.string(), "amount")) if not each.success]
    assert len(absent) == 1
    assert absent[0].endswith("which has no field 'LINES[].price'")


def test_an_unknown_key_of_a_nested_property_is_refused_by_name() -> None:
    with pytest.raises(BadInputError, match=r"property x\.zip: unknown key 'requried'"):
        contract(NESTED.replace("required", "requried"))
