"""Specs lie in the evidence root under their hash: written once, and refused when they were edited."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.stores.evidence.job_specs import keep_spec, read_spec, specs_left_by
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.specs import local_path


@pytest.fixture(params=["local", "s3"])
def store(request, tmp_path):
    return EvidenceStore(str(tmp_path) if request.param == "local" else request.getfixturevalue("s3_root"))


def test_a_spec_is_written_once_and_read_by_its_uri_alone(store):
    uri = keep_spec(store, "drift", {"current": "b.csv", "reference": "a.csv"})
    assert keep_spec(store, "drift", {"reference": "a.csv", "current": "b.csv"}) == uri
    assert re.fullmatch(re.escape(store.root) + r"/specs/drift-[0-9a-f]{64}\.json", uri)
    assert read_spec(uri) == {"current": "b.csv", "reference": "a.csv"}


def test_specs_past_their_time_are_found(store):
    uri = keep_spec(store, "drift", {})
    now = datetime.now(UTC)
    assert specs_left_by(store, now - timedelta(hours=1)) == []
    assert specs_left_by(store, now + timedelta(hours=1)) == [store.name_of(uri)]


def test_an_edited_spec_is_refused(tmp_path):
    uri = keep_spec(EvidenceStore(str(tmp_path)), "drift", {"current": "b.csv"})
    local_path(uri).write_text('{"current": "c.csv"}')
    with pytest.raises(IntegrityError, match="was changed after it was written"):
        read_spec(uri)


def test_a_missing_spec_is_named():
    uri = f"file:///nowhere/specs/drift-{'0' * 64}.json"
    with pytest.raises(BadInputError, match=f"^spec {uri} does not exist$"):
        read_spec(uri)
