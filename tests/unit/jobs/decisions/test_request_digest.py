"""A retried decision finds what an earlier try committed, also when that try ran under version 0.1.0."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.jobs.decisions.promote import PromoteJob
from airflow_mlops_provider.jobs.decisions.rollback import RollbackJob
from airflow_mlops_provider.records.refs import ModelRef

PROMOTE, ROLLBACK = {"run_key": "dag/run/promote/-1"}, {"run_key": "dag/run/rollback/-1"}
ASKED_OF_0_1_0 = [
    (
        PromoteJob,
        {
            **PROMOTE,
            "model": "models:/wage/2",
            "evidence": ["file:///e.json"],
            "alias": "live",
            "mode": "approve",
            "person": "ada",
            "policy": {"margin": 0.1},
        },
        "sha256:23588763a760624184c10c14c28cc990ddf8bda33366633fdb64e72d5eda5c89",
    ),
    (
        PromoteJob,
        {**PROMOTE, "model": {"name": "wage", "version": "2"}, "evidence": ["file:///e.json"]},
        "sha256:a4fe00d1749d88fb0fe1a2677a790bad1529583f747168ec096f1c529557f107",
    ),
    (
        RollbackJob,
        {**ROLLBACK, "model": "wage", "reason": "why", "to_version": "1", "person": "ada"},
        "sha256:331a591065b53a0a3127344c613fa839a96a137cd4e53fe6e3041b745ec77edc",
    ),
]
"""A decision as version 0.1.0 was asked for it, and the digest that version made of it."""


@pytest.mark.parametrize(("job", "spec", "digest"), ASKED_OF_0_1_0)
def test_what_was_asked_of_version_0_1_0_has_the_same_digest_today(job, spec, digest):
    assert job.from_spec(spec).request_digest == digest


@pytest.mark.parametrize("model", [ModelRef(name="wage", version="3"), "models:/wage@champion", {"name": "wage"}])
def test_a_rollback_is_the_same_request_however_its_model_is_named(model):
    spec = {**ROLLBACK, "reason": "why"}
    by_name = RollbackJob.from_spec({**spec, "model": "wage"}).request_digest
    assert RollbackJob.from_spec({**spec, "model": model}).request_digest == by_name


@pytest.mark.parametrize(
    "changed", [{"person": "bob"}, {"alias": "live"}, {"mode": "suggest"}, {"policy": {"margin": 0.2}}]
)
def test_another_decision_is_another_request(changed):
    asked = {**PROMOTE, "model": "models:/wage/2", "evidence": ["file:///e.json"], "person": "ada"}
    assert PromoteJob.from_spec(asked | changed).request_digest != PromoteJob.from_spec(asked).request_digest


def test_without_a_run_key_two_calls_are_two_decisions():
    assert PromoteJob.from_spec({"model": "wage.yaml", "evidence": []}).request_digest is None
    assert RollbackJob.from_spec({"model": "wage", "reason": "why"}).request_digest is None
