from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.records.codec import sha256
from airflow_mlops_provider.records.evidence_name import (
    attachment_name,
    evidence_name,
    hash_in,
    kind_in,
    name_of,
    number_in,
    parse_dated,
    parse_evidence,
    record_name,
    root_of,
    with_hash,
)
from airflow_mlops_provider.records.outcome import Kind

HASH = sha256(b"it")
WHEN = datetime(2026, 1, 31, 12, 30, 15, 7, tzinfo=UTC)
moments = st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # Hypothesis asks for a bound without a zone


@given(st.sampled_from(Kind), moments, st.binary())
def test_a_name_tells_what_it_was_made_of(kind, moment, data):
    name = evidence_name(kind, moment, sha256(data))
    found = parse_evidence(name)
    assert (found.kind, found.written_at, found.sha256) == (kind, moment, sha256(data))
    assert (hash_in(name), kind_in(name)) == (sha256(data), kind)


@given(moments, moments)
def test_names_sort_by_time(one, two):
    names = sorted([evidence_name("drift", one, HASH), evidence_name("drift", two, HASH)])
    assert names[0] == evidence_name("drift", min(one, two), HASH)


def test_an_attachment_tells_its_kind_time_and_hash_but_is_no_evidence():
    name = with_hash(attachment_name("drift", WHEN, "report-1.html"), HASH)
    found = parse_dated(name)
    assert (found.kind, found.written_at, found.sha256) == (Kind.DRIFT, WHEN, HASH)
    assert parse_evidence(name) is None


@pytest.mark.parametrize(
    "name",
    [
        f"drift/20261331T000000.000000Z-{HASH[7:]}.json",
        f"drift/20260101T250000.000000Z-{HASH[7:]}.json",
        f"drift/\N{FULLWIDTH DIGIT TWO}0260101T000000.000000Z-{HASH[7:]}.json",
        f"elsewhere/20260101T000000.000000Z-{HASH[7:]}.json",
        f"decisions/wage/{HASH[7:]}.json",
        "drift/notes.json",
        "",
    ],
)
def test_an_impossible_name_is_no_evidence(name):
    assert parse_evidence(name) is None


@pytest.mark.parametrize("root", ["file:///data/mlops", "s3://bucket/mlops", "s3://bucket"])
def test_root_and_name_are_found_in_a_uri(root):
    name = evidence_name("drift", WHEN, HASH)
    attached = with_hash(attachment_name("drift", WHEN, "a.html"), HASH)
    assert (root_of(f"{root}/{name}"), name_of(f"{root}/{name}")) == (root, name)
    assert name_of(f"{root}/{attached}") == attached


def test_a_record_is_numbered_by_its_name():
    assert number_in(record_name("decisions/wage", 12)) == 12
    assert number_in("decisions/wage/12.json") is None
