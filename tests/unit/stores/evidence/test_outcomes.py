"""Outcomes are kept under their request: the newest stands, nothing is overwritten, and an edited one is refused."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_mlops_provider.exceptions import BackendError, IntegrityError
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict
from airflow_mlops_provider.stores.evidence.outcomes import RequestOutcomes
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.specs import local_path


def outcome(name: str) -> Outcome:
    verdict = Verdict.of([Finding(subject="it", measure="n", observed=1.0, limit=1.0, status=Status.PASS)], summary="")
    return Outcome(kind=Kind.DRIFT, verdict=verdict, evidence_uri=f"file:///mlops/drift/{name}.json")


@pytest.fixture(params=["local", "s3"])
def outcomes(request, tmp_path):
    root = str(tmp_path) if request.param == "local" else request.getfixturevalue("s3_root")
    return RequestOutcomes(store=EvidenceStore(root), request="a" * 64)


def test_the_newest_outcome_stands_and_the_earlier_one_is_kept(outcomes):
    assert outcomes.newest() is None
    first = outcomes.leave(outcome("first"))
    assert outcomes.newest() == outcome("first")
    second = outcomes.leave(outcome("second"))
    assert outcomes.newest() == outcome("second")
    assert outcomes.uris() == [first, second]


def test_the_same_outcome_may_be_left_again(outcomes):
    assert outcomes.leave(outcome("same")) != outcomes.leave(outcome("same"))
    assert outcomes.newest() == outcome("same")


def test_what_was_there_before_is_told_from_what_came(outcomes):
    outcomes.leave(outcome("first"))
    before = frozenset(outcomes.uris())
    assert outcomes.newest(besides=before) is None
    outcomes.leave(outcome("second"))
    assert outcomes.newest(besides=before) == outcome("second")


def test_another_request_has_outcomes_of_its_own(outcomes):
    outcomes.leave(outcome("first"))
    assert dataclasses.replace(outcomes, request="b" * 64).newest() is None


def test_an_edited_outcome_is_refused(tmp_path):
    outcomes = RequestOutcomes(store=EvidenceStore(str(tmp_path)), request="a" * 64)
    path = local_path(outcomes.leave(outcome("first")))
    path.write_text(path.read_text().replace("pass", "fail"))
    with pytest.raises(IntegrityError, match="was changed"):
        outcomes.newest()


def test_a_root_that_cannot_be_written_is_a_failed_backend(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendError, match="cannot be written"):
        RequestOutcomes(store=EvidenceStore(str(tmp_path / "file")), request="a" * 64).leave(outcome("first"))
