"""A request holds the same values however it was made: by an operator, from JSON, or under former names."""

from __future__ import annotations

import json
import warnings

import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BadInputError, FormerNameWarning
from airflow_mlops_provider.records.policies.drift import DriftPolicy, DriftRule
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests import REQUESTS, request_type
from airflow_mlops_provider.records.requests.drift import DriftRequest
from airflow_mlops_provider.records.requests.request import former_names
from tests.builders.requests import KEYS

FORMER = [(job, old, new) for job in REQUESTS for old, new in former_names(request_type(job)).items()]


def test_every_job_has_a_request_of_its_name_and_is_that_request_itself():
    assert list(REQUESTS) == list(jobs.JOBS)
    for name in jobs.JOBS:
        assert request_type(name).job == name
        assert issubclass(jobs.job_class(name), request_type(name))
        assert request_type(name).__module__.endswith(f".{name}")


@pytest.mark.parametrize("job", REQUESTS)
def test_a_request_survives_its_way_through_json(job):
    request = request_type(job).from_spec(KEYS[job])
    assert request_type(job).from_spec(json.loads(json.dumps(request.to_spec()))) == request


@pytest.mark.parametrize(("job", "old", "new"), FORMER)
def test_a_key_is_read_under_its_former_name_with_a_warning_that_names_the_new_one(job, old, new):
    keys = {name: value for name, value in KEYS[job].items() if name != new}
    with pytest.warns(FormerNameWarning, match=f"{job} spec: '{old}' is now called '{new}'") as told:
        request = request_type(job).from_spec({**keys, old: KEYS[job][new]})
    assert request == request_type(job).from_spec(KEYS[job])
    assert len(told) == 1


@pytest.mark.parametrize(("job", "old", "new"), FORMER)
def test_a_key_given_under_both_names_is_refused(job, old, new):
    with pytest.raises(BadInputError, match=f"^{job} spec: '{old}' is the former name of '{new}'; give one of them$"):
        request_type(job).from_spec({**KEYS[job], old: KEYS[job][new]})


def test_the_names_of_version_0_1_0_are_read():
    assert set(FORMER) == {
        *(("drift", "target", "label_column"), ("drift", "prediction", "prediction_column")),
        ("train", "params", "trainer_params"),
        ("evaluate", "label", "label_column"),
        *(("bias", "label", "label_column"), ("bias", "prediction", "prediction_column")),
        *(("decay", "label", "label_column"), ("decay", "prediction", "prediction_column")),
        ("promote", "approver", "person"),
        *((job, "name", "model") for job in ("rollback", "verify", "replay", "reproduce")),
        ("purge", "dry_run", "preview"),
    }


def test_todays_names_warn_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for job in REQUESTS:
            request_type(job).from_spec(KEYS[job])


@pytest.mark.parametrize("job", REQUESTS)
def test_an_unknown_key_is_refused_with_the_keys_of_the_request(job):
    with pytest.raises(BadInputError) as raised:
        jobs.run(job, {**KEYS[job], "hope": 1})
    known = ", ".join(sorted({*KEYS[job], "evidence_root", "run_key", "origin"}))
    assert str(raised.value).startswith(f"{job} spec: unknown key 'hope'; known keys are ")
    assert set(known.split(", ")) <= set(str(raised.value).split("known keys are ")[1].split(", "))


def test_a_request_made_in_python_reads_values_as_json_is_read():
    made = DriftRequest(
        reference={"uri": "a.csv"},
        current=DatasetRef(uri="b.csv"),
        columns=["x"],
        policy={"min_rows": 10, "rule": "psi"},
        html_report="never",
    )
    assert (made.reference, made.columns) == (DatasetRef(uri="a.csv"), ("x",))
    assert made.policy == DriftPolicy(min_rows=10, rule=DriftRule.PSI)


def test_none_means_the_default_and_is_refused_where_there_is_none():
    given = {"reference": DatasetRef(uri="a"), "current": DatasetRef(uri="b")}
    assert DriftRequest(**given, policy=None, html_report=None, sensitive=None) == DriftRequest(**given)
    with pytest.raises(BadInputError, match=r"^drift spec: key 'current' is missing$"):
        DriftRequest(**{**given, "current": None})


def test_a_value_of_another_type_is_refused_by_its_key():
    with pytest.raises(BadInputError, match=r"^drift spec\.columns must be a list, not str$"):
        DriftRequest(reference=DatasetRef(uri="a"), current=DatasetRef(uri="b"), columns="hours")


def test_an_unknown_job_has_no_request():
    with pytest.raises(BadInputError, match="unknown job 'hope'; jobs are ingest, validate, "):
        request_type("hope")
