"""Records survive the way to JSON and back, and nothing else does."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import canonical_json, decode, digest, encode, parse_json
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=20)
findings = st.builds(
    Finding,
    subject=texts,
    measure=texts,
    observed=st.floats(allow_nan=False, allow_infinity=False),
    limit=numbers,
    p_value=numbers,
    status=st.sampled_from(Status),
    detail=texts,
)
verdicts = st.builds(lambda found, text: Verdict.of(found, summary=text), st.lists(findings, max_size=4), texts)
datasets = st.builds(
    DatasetRef, uri=texts.filter(str.strip), fingerprint=st.none() | texts, rows=st.none() | st.integers(0, 2**62)
)
models = st.builds(ModelRef, name=texts, version=st.none() | texts)
outcomes = st.builds(
    Outcome,
    kind=st.sampled_from(Kind),
    verdict=verdicts,
    evidence_uri=texts,
    dataset=st.none() | datasets,
    model=st.none() | models,
)
SPEC = {
    "name": "wage",
    "task": "classification",
    "target": "y",
    "features": ["a", "b"],
    "trainer": "module:build",
    "metrics": {"roc_auc": "higher", "accuracy": "higher"},
}


@given(outcomes)
def test_an_outcome_survives_json(outcome):
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome


@given(outcomes)
def test_equal_records_give_equal_bytes_and_hashes(outcome):
    again = Outcome.from_json(outcome.to_json())
    assert canonical_json(outcome) == canonical_json(again)
    assert digest(outcome) == digest(again)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1}, "unknown key 'colour'"),
        ({"task": "guessing"}, "task.*'guessing'.*classification"),
        ({"features": "a"}, "features must be a list"),
        ({"seed": "x"}, "seed must be int"),
        ({"seed": True}, "seed must be int, not a boolean"),
        ({"metrics": {"roc_auc": "up"}}, "metrics.roc_auc.*'up'"),
        ({"target": "a"}, "target 'a' is also a feature"),
        ({"trainer": "build"}, "not 'module:function'"),
        ({"name": "a:b"}, "model name"),
        ({"features": []}, "'features' is empty"),
    ],
)
def test_a_bad_model_declaration_names_the_key(change, message):
    with pytest.raises(BadInputError, match=message):
        decode(ModelSpec, SPEC | change)


def test_a_missing_key_is_named():
    with pytest.raises(BadInputError, match="key 'target' is missing"):
        decode(ModelSpec, {key: value for key, value in SPEC.items() if key != "target"})


def test_another_schema_version_is_refused():
    outcome = Outcome(kind=Kind.DRIFT, verdict=Verdict.of([], summary=""), evidence_uri="x").to_json()
    with pytest.raises(BadInputError, match="schema 2"):
        Outcome.from_json(outcome | {"schema": 2})


def test_nan_is_refused_with_its_place():
    with pytest.raises(BadInputError, match=r"dict\.a\[1\] is nan"):
        encode({"a": [1.0, float("nan")]})


def test_the_first_metric_decides_and_its_order_changes_the_digest():
    spec = decode(ModelSpec, SPEC)
    turned = decode(ModelSpec, SPEC | {"metrics": {"accuracy": "higher", "roc_auc": "higher"}})
    assert (spec.deciding_metric, turned.deciding_metric) == ("roc_auc", "accuracy")
    assert spec.digest != turned.digest
    assert spec.task is Task.CLASSIFICATION
    assert Direction.LOWER.sign == -1


@pytest.mark.parametrize(
    "data",
    [b"[" * 100_000, b"[" * 101 + b"]" * 101, b'"\\ud800"', b"\xed\xa0\x80", b"NaN", b"[1e999]", b"\xff", b"", b"{"],
)
def test_json_that_no_record_could_have_been_is_refused(data):
    with pytest.raises(BadInputError, match="the file"):
        parse_json(data, where="the file")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_that_was_written_is_read(plain):
    assert parse_json(canonical_json(plain), where="it") == plain


def test_a_record_that_contradicts_itself_is_bad_input():
    plain = {"status": "pass", "summary": "fine", "findings": []}
    with pytest.raises(BadInputError, match="verdict: verdict pass is milder"):
        decode(Verdict, plain, where="verdict")
