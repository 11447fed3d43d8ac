"""Suite parameters take the values that the suite gives."""

from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_mlops_provider.analysis.validation import rules_of_suite
from airflow_mlops_provider.exceptions import BadInputError


def limit(parameter: Any, *, key: str = "suite_parameters", **values: Any) -> Any:
    kwargs = {"column": "amount", "max_value": parameter}
    suite = {
        "name": "s",
        key: values,
        "expectations": [{"type": "expect_column_values_to_be_between", "kwargs": kwargs}],
    }
    return rules_of_suite(suite)[0].kwargs["max_value"]


@pytest.mark.parametrize("key", ["suite_parameters", "evaluation_parameters"])
def test_a_parameter_is_its_value(key: str) -> None:
    assert limit({"$PARAMETER": "most"}, key=key, most=1000) == 1000


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ({"$PARAMETER": "2 * most + 1"}, 21),
        ({"$PARAMETER": "-(most / 4)"}, -2.5),
        ({"$PARAMETER": "rows", "$PARAMETER.rows": 7}, 7),
        ({"$PARAMETER": "a name with spaces", "$PARAMETER.a name with spaces": 3}, 3),
    ],
)
def test_arithmetic_and_values_beside_the_name_are_read(parameter: Any, value: float) -> None:
    assert limit(parameter, most=10) == value


def test_parameters_inside_lists_are_filled_in() -> None:
    kwargs = {"column": "x", "value_set": [{"$PARAMETER": "first"}, "b"]}
    suite = {
        "name": "s",
        "suite_parameters": {"first": "a"},
        "expectations": [{"type": "expect_column_values_to_be_in_set", "kwargs": kwargs}],
    }
    assert rules_of_suite(suite)[0].kwargs["value_set"] == ["a", "b"]


@pytest.mark.parametrize(
    ("parameter", "told"),
    [
        ("least", "max_value: suite parameter 'least' has no value in the suite"),
        ("most + least", "suite parameter 'least' has no value"),
        ("urn:great_expectations:validations:x", "no name of a suite parameter and no arithmetic"),
        ("now() - most", "no name of a suite parameter and no arithmetic"),
        ("most / 0", "no name of a suite parameter and no arithmetic"),
    ],
)
def test_a_parameter_without_a_value_is_an_error_that_names_it(parameter: str, told: str) -> None:
    with pytest.raises(
        BadInputError, match=f"suite s, expectation 1: expect_column_values_to_be_between: .*{re.escape(told)}"
    ):
        limit({"$PARAMETER": parameter}, most=1)
