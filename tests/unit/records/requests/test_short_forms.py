"""Short forms mean the same to operators and on the command line."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.promotion import Mode
from airflow_mlops_provider.records.requests.evaluate import EvaluateRequest
from airflow_mlops_provider.records.requests.promote import PromoteRequest
from airflow_mlops_provider.records.requests.rollback import RollbackRequest
from airflow_mlops_provider.records.requests.short_forms import (
    dataset_ref,
    evidence_uris,
    given,
    member,
    model_ref,
    names,
    optional,
)
from airflow_mlops_provider.records.verdict import Verdict

DATA = DatasetRef(uri="a.parquet", fingerprint="sha256:f", rows=3, schema_hash="sha256:s")
MODEL = ModelRef(name="wage", version="2")
OUTCOME = Outcome(
    kind=Kind.TRAINING, verdict=Verdict.of([], summary=""), evidence_uri="file:///e.json", dataset=DATA, model=MODEL
)
BARE = Outcome(kind=Kind.DRIFT, verdict=Verdict.of([], summary=""), evidence_uri="file:///d.json")


@pytest.mark.parametrize("form", [OUTCOME, OUTCOME.to_json(), DATA, {**OUTCOME.to_json()["dataset"]}])
def test_a_dataset_is_the_same_in_every_form(form):
    assert dataset_ref(form) == DATA
    assert EvaluateRequest.from_spec({"model": OUTCOME, "dataset": form}).dataset == DATA


def test_a_bare_uri_is_a_dataset_that_nobody_pinned():
    assert dataset_ref("a.parquet") == DatasetRef(uri="a.parquet")
    with pytest.raises(BadInputError, match="dataset: key 'uri' is empty"):
        dataset_ref("")


@pytest.mark.parametrize("form", [OUTCOME, OUTCOME.to_json(), MODEL, OUTCOME.to_json()["model"]])
def test_a_model_is_the_same_in_every_form(form):
    assert model_ref(form) == MODEL
    assert RollbackRequest.from_spec({"model": form, "reason": "why"}).model == MODEL


def test_evidence_is_named_by_its_uri_or_by_the_outcome_that_points_at_it():
    assert evidence_uris([OUTCOME, BARE.to_json(), "file:///c.json"]) == (
        *("file:///e.json", "file:///d.json", "file:///c.json"),
    )
    spec = {"model": MODEL, "evidence": [OUTCOME, "file:///c.json"]}
    assert PromoteRequest.from_spec(spec).evidence == ("file:///e.json", "file:///c.json")


@pytest.mark.parametrize(("read", "part"), [(dataset_ref, "dataset"), (model_ref, "model")])
def test_an_outcome_without_the_part_is_refused(read, part):
    with pytest.raises(BadInputError, match=f"the drift outcome file:///d.json carries no {part}"):
        read(BARE)


@pytest.mark.parametrize("blank", [None, "", "None"])
def test_what_a_template_without_a_value_leaves_is_no_value(blank):
    assert given(blank) is None
    assert optional(dataset_ref, blank) is None


def test_what_is_false_or_empty_otherwise_is_a_value():
    assert [given(value) for value in (0, False, [], "a")] == [0, False, [], "a"]


def test_names_are_a_tuple_and_a_text_is_left_to_be_refused():
    assert (names(["a", "b"]), names(None)) == (("a", "b"), ())
    assert names("ab") == "ab"


def test_a_member_of_an_enum_is_named_by_its_value():
    assert (member(Mode, "approve", key="mode"), member(Mode, Mode.AUTO, key="mode")) == (Mode.APPROVE, Mode.AUTO)
    with pytest.raises(BadInputError, match="key 'mode' is 'maybe'; allowed are 'suggest', 'approve', 'auto'"):
        member(Mode, "maybe", key="mode")
