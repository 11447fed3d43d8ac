"""When the data interval of a run begins, whatever triggered it."""

from __future__ import annotations

import types
from datetime import UTC, datetime

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.tasks.data_interval import interval_start

DAY, LATER = datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


def test_a_scheduled_run_has_the_start_of_its_interval():
    assert interval_start({"data_interval_start": DAY, "logical_date": LATER}) == "2026-11-30T00:00:00+00:00"


def test_a_run_with_a_logical_date_alone_has_that():
    assert interval_start({"data_interval_start": None, "logical_date": DAY}) == "2026-11-30T00:00:00+00:00"


def test_a_run_without_a_logical_date_has_the_time_at_which_it_was_due():
    run = types.SimpleNamespace(run_after=DAY)
    assert interval_start({"logical_date": None, "dag_run": run}) == "2026-11-30T00:00:00+00:00"


def test_a_run_that_tells_none_of_these_is_refused():
    with pytest.raises(BadInputError, match="interval_start"):
        interval_start({})
