"""A new snapshot is held against the one before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.decisions.ingest import IngestPolicy, judge_ingest
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.ingest import IngestReport
from airflow_mlops_provider.records.verdict import Status


def judge(rows: int = 1000, policy: IngestPolicy | None = None, **more):
    given = {"previous": "20261129T000000.000000Z", "previous_rows": 1000, **more}
    return judge_ingest(
        IngestReport(snapshot="20261130T000000.000000Z", rows=rows, new_rows=rows, **given), policy or IngestPolicy()
    )


def test_as_many_rows_under_the_same_columns_pass():
    assert judge().status is Status.PASS
    assert judge().summary == "1,000 rows taken over (1,000 in all)"


def test_the_first_snapshot_has_nothing_to_be_held_against():
    assert judge(5, previous=None, previous_rows=None).status is Status.PASS


def test_an_empty_snapshot_fails_unless_none_are_asked_for():
    assert judge(0, previous=None, previous_rows=None).status is Status.FAIL
    assert judge(0, IngestPolicy(min_rows=0), previous=None, previous_rows=None).status is Status.PASS


@pytest.mark.parametrize(("rows", "status"), [(500, Status.PASS), (499, Status.FAIL), (1500, Status.PASS)])
def test_the_number_of_rows_may_change_by_half(rows, status):
    assert judge(rows).status is status


def test_a_failed_number_of_rows_is_told_against_the_one_before():
    assert judge(40).summary == ("the snapshot is not published: 40 rows after 1,000 in 20261129T000000.000000Z (-96%)")


@pytest.mark.parametrize("changed", [{"removed_columns": ("nr",)}, {"changed_types": {"nr": "int64 -> string"}}])
def test_a_column_that_went_or_has_another_type_fails_and_is_a_notice_where_that_is_allowed(changed):
    assert judge(**changed).status is Status.FAIL
    assert "the schema changed (nr)" in judge(**changed).summary
    assert judge(policy=IngestPolicy(allow_schema_change=True), **changed).status is Status.NOTICE


def test_a_new_column_is_a_notice():
    verdict = judge(added_columns=("region",))
    assert verdict.status is Status.NOTICE
    assert verdict.summary == "1,000 rows taken over (1,000 in all), with new columns (region)"


def test_an_interval_that_was_taken_over_before_says_so():
    assert judge(is_new=False).summary == "the interval was taken over before (1,000 in all)"


@given(st.integers(0, 4000), st.integers(0, 4000))
def test_a_larger_change_never_earns_a_milder_status(one, other):
    near, far = sorted((one, other), key=lambda rows: abs(rows - 1000))
    order = [Status.PASS, Status.NOTICE, Status.INSUFFICIENT_EVIDENCE, Status.FAIL]
    assert order.index(judge(near).status) <= order.index(judge(far).status)


@pytest.mark.parametrize("wrong", [{"min_rows": -1}, {"max_row_change": -0.1}, {"max_row_change": float("nan")}])
def test_a_policy_without_meaning_is_refused_with_its_key(wrong):
    with pytest.raises(BadInputError, match=next(iter(wrong))):
        IngestPolicy(**wrong)
