"""Arrow arrays made by hand are the ones that pyarrow makes."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.analysis.validation.arrow_arrays import int64_array, mask_without, string_array


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_whole_numbers_are_pyarrows(values: list[int]) -> None:
    assert int64_array(values).equals(pa.array(values, pa.int64()))


@given(st.lists(st.text()))
def test_texts_are_pyarrows(values: list[str]) -> None:
    made = string_array(values)
    made.validate(full=True)
    assert made.equals(pa.array(values, pa.string()))


@given(
    st.integers(0, 300).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.integers(0, max(n - 1, 0)), max_size=n)))
)
def test_all_are_true_but_the_named_ones(given: tuple[int, list[int]]) -> None:
    length, positions = given
    expected = [position not in set(positions) for position in range(length)]
    assert mask_without(length, [position for position in positions if length]).to_pylist() == expected
