"""The fingerprint of rows: the same in every order and every batch, another for any other rows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.stores.datasets.tables.rows_fingerprint import rows_fingerprint

SCHEMA = pa.schema([("a", pa.string()), ("b", pa.binary()), ("n", pa.int32()), ("f", pa.float64()), ("t", pa.bool_())])
ROW = st.tuples(
    st.none() | st.text(max_size=3),
    st.none() | st.binary(max_size=3),
    st.none() | st.integers(-5, 5),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.booleans(),
)


def of(rows, size: int = 100) -> str:
    table = pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)
    return rows_fingerprint(SCHEMA, table.to_batches(max_chunksize=size))


@given(rows=st.lists(ROW, max_size=12), size=st.integers(1, 5), order=st.randoms())
def test_order_and_batches_do_not_matter(rows, size, order):
    shuffled = order.sample(rows, len(rows))
    assert of(shuffled, size) == of(rows)


@given(one=st.lists(ROW, max_size=5), other=st.lists(ROW, max_size=5))
def test_other_rows_have_another_fingerprint(one, other):
    # -0.0 and 0.0 are equal to Python and different rows.
    is_same = sorted(map(repr, one)) == sorted(map(repr, other))
    assert (of(one) == of(other)) is is_same


def test_a_row_that_is_there_twice_counts_twice():
    row = ("x", b"y", 1, 1.0, True)
    assert len({of([row] * times) for times in range(4)}) == 4


@pytest.mark.parametrize(
    "values",
    [
        pa.array([Decimal("1.10"), None, Decimal("-3.00")], pa.decimal128(12, 2)),
        pa.array([dt.date(2026, 1, 1), None, dt.date(1, 1, 1)]),
        pa.array([dt.time(10), None, dt.time(11)], pa.time64("us")),
        pa.array(
            [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None, dt.datetime(2026, 1, 2, tzinfo=dt.UTC)],
            pa.timestamp("us", "UTC"),
        ),
        pa.array([[1, 2], None, []]),
        pa.array([{"a": 1}, None, {"a": None}]),
        pa.array([None, None, None]),
    ],
    ids=lambda values: str(values.type),
)
def test_every_type_of_a_dataset_has_a_fingerprint_wherever_its_batch_begins(values):
    schema = pa.schema([("x", values.type)])
    whole = pa.record_batch([values], schema=schema)
    found = rows_fingerprint(schema, [whole])
    assert rows_fingerprint(schema, [whole.slice(1), whole.slice(0, 1)]) == found
    if values.null_count < len(values):
        assert rows_fingerprint(schema, [whole.slice(0, 2), whole.slice(0, 1)]) != found


def test_names_and_types_of_the_columns_are_part_of_it():
    found = {rows_fingerprint(pa.schema([(name, kind)]), []) for name in "ab" for kind in (pa.int32(), pa.int64())}
    assert len(found) == 4
