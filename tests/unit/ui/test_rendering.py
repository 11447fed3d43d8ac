from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_mlops_provider.ui.rendering import NONE, ago, environment, number, p_value, place, short


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, NONE),
        (0.0, "0"),
        (545.0, "545"),
        (1234567.0, "1,234,567"),
        (0.18071, "0.1807"),
        (3.2e-7, "3.2e-07"),
        (-40.5, "-40.5"),
    ],
)
def test_numbers_have_four_digits_and_missing_ones_a_dash(value: float | None, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(None, NONE), (0.41, "0.410"), (0.0004, "<0.001"), (1e-30, "<1e-6")])
def test_a_tiny_p_value_is_a_bound_and_never_zero(value: float | None, shown: str) -> None:
    assert p_value(value) == shown


@pytest.mark.parametrize(
    ("past", "shown"), [(5, "just now"), (60, "1 min ago"), (7200, "2 h ago"), (86400 * 3, "3 d ago")]
)
def test_ages_are_in_the_largest_unit_that_fits(past: int, shown: str) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert ago(now - timedelta(seconds=past), now) == shown
    assert ago((now - timedelta(seconds=past)).isoformat(), now) == shown


def test_hashes_and_addresses_are_cut_to_what_tells_them_apart() -> None:
    assert short("sha256:" + "ab" * 32) == "ab" * 6
    assert place("s3://bucket/a/b/batch.parquet") == "b/batch.parquet"


def test_templates_escape_what_they_are_given() -> None:
    assert environment().from_string("{{ it }}").render(it="<script>") == "&lt;script&gt;"
