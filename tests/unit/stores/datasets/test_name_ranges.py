"""Ranges of names divide a folder, and no file is in two or in none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.stores.datasets.name_ranges import NameRange, parse_range, ranges_of

NAMES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1), min_size=1, unique=True)


@given(NAMES, st.integers(1, 30), st.text(min_size=1))
def test_every_name_that_is_there_or_comes_later_is_in_one_range(names, at_most, later):
    ranges = ranges_of("days", sorted(names), at_most=at_most)
    assert len(ranges) <= at_most
    for name in [*names, later]:
        assert sum(each.holds(name) for each in ranges) == 1


@given(NAMES, st.integers(1, 30))
def test_the_ranges_are_of_one_size_but_for_one(names, at_most):
    ranges = ranges_of("days", sorted(names), at_most=at_most)
    sizes = [sum(map(each.holds, names)) for each in ranges]
    assert max(sizes) - min(sizes) <= 1


@given(NAMES, st.integers(1, 5))
def test_a_range_is_read_from_its_uri(names, at_most):
    for each in ranges_of("s3://lake/days", sorted(names), at_most=at_most):
        assert (parse_range(each.uri) or NameRange(folder=each.uri)) == each


def test_a_name_with_a_number_sign_is_no_range():
    assert parse_range("days/file#3.parquet") is None
    assert parse_range("days/file#") is None
