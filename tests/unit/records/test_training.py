from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode, encode
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.version_label import VersionLabel

SPEC = {
    "name": "toy",
    "task": "classification",
    "target": "y",
    "features": ["a", "b"],
    "trainer": "toy:build",
    "metrics": {"accuracy": "higher"},
}


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.from_regex(r"[A-Za-z0-9_.]+", fullmatch=True))
def test_a_label_reads_as_it_is_written(major, minor, patch, experiment):
    label = VersionLabel(name="my-model-v2", major=major, minor=minor, patch=patch, experiment=experiment)
    assert VersionLabel.parse(str(label)) == label


def test_text_that_is_no_label_is_refused():
    with pytest.raises(BadInputError, match="is not name-vX"):
        VersionLabel.parse("wage-1.0")


@pytest.mark.parametrize(
    ("schema", "recipe", "expected"),
    [
        (False, False, "wage-v1.2.4-x"),
        (False, True, "wage-v1.3.0-x"),
        (True, False, "wage-v2.0.0-x"),
        (True, True, "wage-v2.0.0-x"),
    ],
)
def test_the_largest_change_decides_the_next_label(schema, recipe, expected):
    label = VersionLabel(name="wage", major=1, minor=2, patch=3, experiment="x")
    assert str(label.next(experiment="x", schema_changed=schema, recipe_changed=recipe)) == expected


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"split": {"folds": 1}}, "at least 2"),
        ({"split": {"kind": "group"}}, "needs a group_column"),
        ({"split": {"kind": "time"}}, "needs a time_column"),
        ({"split": {"kind": "odd"}}, "allowed are"),
        ({"search": {"space": {}}}, "space is empty"),
        ({"search": {"space": {"depth": []}}}, "no value for 'depth'"),
        ({"search": {"space": {"depth": [1]}, "iterations": 0}}, "iterations must be at least 1"),
    ],
)
def test_a_split_or_search_that_cannot_work_is_refused(extra, message):
    with pytest.raises(BadInputError, match=message):
        decode(ModelSpec, {**SPEC, **extra})


def test_a_declaration_with_split_and_search_survives_encoding():
    spec = decode(
        ModelSpec, {**SPEC, "split": {"kind": "random", "folds": 3}, "search": {"space": {"depth": [1, None]}}}
    )
    assert decode(ModelSpec, encode(spec)) == spec
