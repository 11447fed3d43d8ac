"""Types for the values of several files: the same whichever file comes first."""

from __future__ import annotations

from itertools import product

import pyarrow as pa
import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.stores.datasets.common_types import common_schema, common_type

KINDS = [
    *(pa.null(), pa.int8(), pa.uint64(), pa.float32(), pa.float64(), pa.decimal128(10, 2), pa.decimal128(12, 6)),
    *(pa.string(), pa.large_string(), pa.binary(), pa.bool_(), pa.date32(), pa.timestamp("s"), pa.time32("s")),
    *(pa.timestamp("us", "UTC"), pa.timestamp("ms", "Europe/Berlin"), pa.duration("s"), pa.duration("ns")),
    *(pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.string()), pa.list_(pa.int8())),
    pa.struct([("a", pa.int8())]),
]


@pytest.mark.parametrize(("one", "other"), list(product(KINDS, KINDS)))
def test_the_order_of_files_changes_no_type(one: pa.DataType, other: pa.DataType) -> None:
    assert common_type(one, other) == common_type(other, one)


def test_structs_are_one_type_when_they_have_the_same_fields() -> None:
    one, other = pa.struct([("a", pa.int8()), ("b", pa.null())]), pa.struct([("b", pa.string()), ("a", pa.int32())])
    assert common_type(one, other) == pa.struct([("a", pa.int32()), ("b", pa.string())])
    assert common_type(one, pa.struct([("a", pa.int8())])) is None


def test_the_file_whose_type_a_column_has_is_named() -> None:
    kinds = {"a": pa.null(), "b": pa.int8(), "c": pa.bool_()}
    schemas = [(name, pa.schema([("v", kind)])) for name, kind in kinds.items()]
    with pytest.raises(BadInputError, match=r"^c does not fit the types of b: column 'v' is bool, and was int8 there"):
        common_schema(schemas)
