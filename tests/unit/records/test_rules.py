"""Rules, limits and tolerances."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode, encode
from airflow_mlops_provider.records.rules import Limits, Rule, Tolerance, Unit

NUMBERS = st.floats(-1e6, 1e6)


@given(NUMBERS, NUMBERS, NUMBERS, st.booleans(), st.booleans())
def test_what_lies_within_limits_lies_outside_them_when_they_are_turned_around(
    one: float, other: float, value: float, strict_min: bool, strict_max: bool
) -> None:
    low, high = sorted((one, other))
    plain = Limits(min_value=low, max_value=high, strict_min=strict_min, strict_max=strict_max)
    turned = Limits(min_value=low, max_value=high, strict_min=strict_min, strict_max=strict_max, excluded=True)
    assert plain.holds(value) is not turned.holds(value)


def test_a_nan_holds_in_no_limits() -> None:
    assert not Limits(min_value=0).holds(math.nan)
    assert not Limits(min_value=0, max_value=0, excluded=True).holds(math.nan)


@pytest.mark.parametrize("limits", [{}, {"min_value": 2.0, "max_value": 1.0}])
def test_limits_without_a_bound_or_in_the_wrong_order_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(BadInputError, match="bound"):
        Limits(**limits)


def test_fewer_is_better_only_below_a_ceiling() -> None:
    assert Limits(max_value=5, strict_max=True).is_ceiling
    assert Limits(min_value=0, max_value=0).is_ceiling
    assert not Limits(min_value=5).is_ceiling
    assert not Limits(min_value=3, max_value=5).is_ceiling
    assert not Limits(min_value=0, max_value=5, excluded=True).is_ceiling


def test_limits_read_as_a_person_writes_them() -> None:
    assert Limits(min_value=0, max_value=5, strict_max=True).text == ">= 0 and < 5"
    assert Limits(min_value=3, max_value=3).text == "3"
    assert Limits(min_value=3, max_value=3, excluded=True).text == "not 3"


def test_a_tolerance_counts_rows_or_percent() -> None:
    rows = Tolerance(limits=Limits(max_value=10, strict_max=True))
    percent = Tolerance(limits=Limits(max_value=1), unit=Unit.PERCENT)
    assert rows.accepts(9, 20)
    assert not rows.accepts(10, 20)
    assert percent.accepts(1, 100)
    assert not percent.accepts(2, 100)
    assert percent.accepts(0, 0)


@given(st.integers(0, 1000), st.integers(0, 1000), st.floats(0, 1))
def test_mostly_is_the_share_of_the_rows_considered_that_must_hold(a: int, b: int, mostly: float) -> None:
    unexpected, considered = sorted((a, b))
    rule = Rule(type="expect_column_values_to_be_unique", kwargs={"column": "id", "mostly": mostly})
    met = rule.accepts(unexpected, considered)
    assert met is (considered == 0 or (considered - unexpected) / considered >= mostly)


def test_a_rule_names_its_columns_once_and_in_order() -> None:
    pair = Rule(type="expect_column_pair_values_to_be_equal", kwargs={"column_A": "b", "column_B": "a"})
    several = Rule(type="expect_compound_columns_to_be_unique", kwargs={"column_list": ["x", "y", "x"]})
    order = Rule(type="expect_table_columns_to_match_ordered_list", kwargs={"column_list": ["x", "y"]})
    assert (pair.columns, pair.subject) == (("b", "a"), "b & a")
    assert several.columns == ("x", "y")
    assert (order.columns, order.subject) == ((), "table")


def test_a_label_shows_the_arguments_and_cuts_long_ones() -> None:
    rule = Rule(type="expect_column_values_to_be_in_set", kwargs={"column": "c", "value_set": list(range(100))})
    assert rule.label.startswith("expect_column_values_to_be_in_set(value_set=[0, 1, 2")
    assert len(rule.label) < 150


def test_a_label_says_how_much_is_tolerated() -> None:
    tolerance = Tolerance(limits=Limits(max_value=1, strict_max=True), unit=Unit.PERCENT)
    rule = Rule(type="expect_column_values_to_be_unique", kwargs={"column": "c"}, tolerance=tolerance)
    assert rule.label == "expect_column_values_to_be_unique() with < 1 percent unexpected"


def test_a_rule_survives_the_codec() -> None:
    rule = Rule(
        type="expect_column_values_to_not_be_null",
        kwargs={"column": "hours"},
        source="contract wages, property hours",
        tolerance=Tolerance(limits=Limits(max_value=5.0), unit=Unit.PERCENT),
    )
    assert decode(Rule, encode(rule)) == rule
