"""Suites and contracts that are broken: an error that names the rule, never a failure of the data, never a success."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

V = "expect_column_values_to_"


@pytest.fixture
def batch(tmp_path: Path) -> str:
    path = tmp_path / "batch.parquet"
    pd.DataFrame({"x": range(50), "c": ["a", "b"] * 25}).to_parquet(path)
    return str(path)


def suite(kind: Any, kwargs: Any) -> dict[str, Any]:
    return {"name": "mine", "expectations": [{"type": kind, "kwargs": kwargs}]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "suite.json is not JSON: Expecting property name"),
        ("", "suite.json is not JSON: Expecting value"),
        ("[]", "suite.json must be a JSON object, not list"),
        (b"\xff\xfe", "suite.json is not UTF-8 text"),
        ("[" * 100_000, "suite.json is not JSON: maximum recursion depth"),
        ("{}", "suite suite: 'expectations' must be a list with at least one expectation"),
    ],
    ids=range(6),
)
def test_a_suite_file_that_is_none_is_named(text, reason, batch, command, tmp_path):
    file = tmp_path / "suite.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    command.refused("validate", {"dataset": batch, "suite": str(file)}, reason)


def test_a_suite_that_is_not_there_is_named(batch, command):
    command.refused("validate", {"dataset": batch, "suite": "no/suite.json"}, "suite no/suite.json: no such file")
    uri = "http://127.0.0.1:1/suite.json"
    command.failed("validate", {"dataset": batch, "suite": uri}, f"suite {uri} cannot be read")


BROKEN_RULES = [
    ("expect_the_best", {"column": "x"}, "expect_the_best not found"),
    (5, {}, "the key 'type' must be an expectation's name"),
    (f"{V}not_be_null", [], "'kwargs' must be a JSON object"),
    (f"{V}not_be_null", {}, "argument 'column' is missing"),
    (f"{V}not_be_null", {"colum": "x"}, "has no argument 'colum'; it has "),
    (f"{V}not_be_null", {"column": 5}, "column must be a column's name, not 5"),
    (f"{V}not_be_null", {"column": ""}, "column must be a column's name, not ''"),
    (f"{V}not_be_null", {"column": "x", "mostly": 2}, "mostly must be a number from 0 to 1, not 2"),
    (f"{V}not_be_null", {"column": "x", "mostly": "all"}, "mostly must be a number from 0 to 1, not 'all'"),
    (f"{V}be_between", {"column": "x"}, "min_value and max_value are both missing"),
    (f"{V}be_between", {"column": "x", "min_value": 2, "max_value": 1}, "min_value 2 is above max_value 1"),
    (
        f"{V}be_between",
        {"column": "x", "min_value": 0, "max_value": "z"},
        "min_value 0 and max_value 'z' do not compare",
    ),
    (f"{V}be_between", {"column": "x", "min_value": [1]}, "min_value must be a number, a date or a text, not [1]"),
    (f"{V}be_between", {"column": "x", "min_value": -(10**400)}, "min_value holds a number that is not finite or too"),
    (f"{V}be_in_set", {"column": "c", "value_set": "a"}, "value_set must be a list, not 'a'"),
    (f"{V}match_regex", {"column": "c", "regex": "("}, "regex '(' is not a regular expression: missing )"),
    (f"{V}match_regex", {"column": "c", "regex": None}, "regex must be a regular expression, not None"),
    (f"{V}match_regex_list", {"column": "c", "regex_list": ["a", "["]}, "'[' is not a regular expression"),
    (f"{V}be_of_type", {"column": "x", "type_": "rubbish"}, "nothing is of a type 'rubbish'"),
    (f"{V}match_strftime_format", {"column": "c", "strftime_format": "%Q"}, "'Q' is a bad directive"),
    ("expect_compound_columns_to_be_unique", {"column_list": "x"}, "column_list must be a list of columns' names"),
    ("unexpected_rows_expectation", {"unexpected_rows_query": "select * from"}, "'select * from' is not a query"),
    ("expect_rows_to_satisfy", {"condition": "x >"}, "(x >)' is not a query: syntax error"),
]


@pytest.mark.parametrize(("kind", "kwargs", "reason"), BROKEN_RULES)
def test_a_broken_rule_is_named_with_its_suite_and_position(kind, kwargs, reason, batch, command):
    line = command.refused("validate", {"dataset": batch, "suite": suite(kind, kwargs)}, reason)
    assert line.startswith("suite mine, expectation 1: ")


def test_nan_in_a_rule_is_refused(batch, command):
    spec = json.dumps({"dataset": batch, "suite": suite(f"{V}be_between", {"column": "x", "min_value": 0.125})})
    command.refused("validate", spec.replace("0.125", "NaN"), "min_value holds a number that is not finite")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (5, "suite must be str, not int (5)"),
        ([], "suite must be str, not list"),
        ({"expectations": 5}, "'expectations' must be a list"),
        ({"expectations": ["not_null"]}, "expectation 1 must be a JSON object, not str"),
        ({"expectations": [{"kwargs": {}}]}, "the key 'type' must be an expectation's name"),
        ({"expectations": [], "expectation": []}, "suite: unknown key 'expectation'; known keys are "),
    ],
    ids=range(6),
)
def test_a_suite_of_the_wrong_shape_is_refused(given, reason, batch, command):
    command.refused("validate", {"dataset": batch, "suite": given}, reason)


def test_one_broken_rule_among_good_ones_stops_everything(batch, command, tmp_path):
    good = {"type": f"{V}not_be_null", "kwargs": {"column": "x"}}
    rules = {"expectations": [good, good, {**good, "kwargs": {"column": "x", "mostly": 9}}]}
    places = {key: str(tmp_path / f"{key}.parquet") for key in ("clean_uri", "quarantine_uri")}
    command.refused("validate", {"dataset": batch, "suite": rules, **places}, "expectation 3: ")


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        (f"{V}be_between", {"column": "c", "min_value": 0}),
        (f"{V}be_between", {"column": "x", "min_value": "a"}),
        (f"{V}not_be_null", {"column": "wage"}),
        ("expect_column_mean_to_be_between", {"column": "c", "min_value": 0}),
        ("expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "x", "column_B": "c"}),
        ("expect_column_to_exist", {"column": "wage"}),
    ],
)
def test_data_that_does_not_fit_a_sound_rule_fails(kind, kwargs, batch, command):
    outcome = command.judged("validate", {"dataset": batch, "suite": suite(kind, kwargs)}, "fail")
    assert kwargs.get("column", "x") in outcome["verdict"]["summary"]


CONTRACT = """
apiVersion: v3.0.2
kind: DataContract
id: batches
version: 1.0.0
status: active
schema:
- name: batch
  properties:
  - name: x
    logicalType: integer
    required: true
"""


@pytest.mark.parametrize(
    ("swap", "reason"),
    [
        ((CONTRACT, "a: [1\nb: }"), "contract.yaml is not YAML: while parsing"),
        ((CONTRACT, ""), "contract.yaml must be a YAML mapping, not NoneType"),
        ((CONTRACT, "- a"), "contract.yaml must be a YAML mapping, not list"),
        ((CONTRACT, "!!python/object/apply:os.system ['true']"), "contract.yaml is not YAML: could not determine"),
        (("kind: DataContract", "kind: Poem"), "'kind' must be DataContract, not 'Poem'"),
        (("v3.0.2", "v9"), "'apiVersion' is 'v9'"),
        (("integer", "quux"), "property x: logicalType 'quux' is not one of string, integer, "),
        (("required: true", "quality: 5"), "property x: 'quality' must be a list, not int"),
        (("required: true", "quality: [{metric: nullValues}]"), "property x, quality 1 must have one operator"),
        (("required: true", "quality: [{metric: luck, mustBe: 0}]"), "property x, quality 1: metric 'luck' is not one"),
        (
            ("required: true", "quality: [{metric: nullValues, mustBe: few}]"),
            "quality 1: mustBe is 'few', not a number",
        ),
        (("required: true", "quality: [{type: sql, query: select, mustBe: 0}]"), "'select' is not a query"),
        (("integer", "string\n    logicalTypeOptions: {pattern: '('}"), "regex '(' is not a regular expression"),
        (("- name: x", "- title: x"), "every property must have a 'name'"),
    ],
    ids=range(14),
)
def test_a_broken_contract_is_named_with_its_place(swap, reason, batch, command, tmp_path):
    (tmp_path / "contract.yaml").write_text(CONTRACT.replace(*swap))
    command.refused("validate", {"dataset": batch, "contract": str(tmp_path / "contract.yaml")}, reason)


def test_a_contract_that_is_not_there_or_lacks_the_object_is_named(batch, command, tmp_path):
    command.refused("validate", {"dataset": batch, "contract": "no.yaml"}, "contract no.yaml: no such file")
    (tmp_path / "contract.yaml").write_text(CONTRACT)
    place = str(tmp_path / "contract.yaml")
    command.refused(
        "validate", {"dataset": batch, "contract": f"{place}#nope"}, "contract has no object 'nope'; it has batch"
    )
    command.judged("validate", {"dataset": batch, "contract": f"{place}#batch"}, "pass")
