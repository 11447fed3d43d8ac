"""Types go by the names that suites of every back end hold."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from airflow_mlops_provider.analysis.validation.sql_columns import columns_of
from airflow_mlops_provider.analysis.validation.type_names import field_type, has_one_of_type_names, has_type_name

MANY = {
    "whole": [
        "BIGINT",
        "BYTEINT",
        "INT",
        "INT64",
        "INTEGER",
        "IntegerType",
        "LongType",
        "int",
        "int_",
        "int64",
        "uint8",
    ],
    "text": ["CHAR", "NCHAR", "STRING", "StringType", "TEXT", "VARCHAR", "object", "str", "string", "object_"],
    "real": ["DECIMAL", "DOUBLE", "DOUBLE_PRECISION", "FLOAT8", "NUMERIC", "DoubleType", "float64", "float_", "number"],
}


def column(kind: pa.DataType) -> Any:
    return columns_of(pa.schema([("x", kind)]))["x"]


@pytest.mark.parametrize(("kind", "list_name"), [(pa.int64(), "whole"), (pa.string(), "text"), (pa.float64(), "real")])
def test_a_list_of_names_of_every_back_end_fits_its_own_columns_alone(kind: pa.DataType, list_name: str) -> None:
    fits = {name for name, names in MANY.items() if has_one_of_type_names(column(kind), names)}
    assert fits == {list_name}


def test_unknown_names_are_skipped_unless_there_are_no_others() -> None:
    assert has_one_of_type_names(column(pa.int64()), ["GEOGRAPHY", "int64"])
    assert not has_one_of_type_names(column(pa.int64()), ["GEOGRAPHY", "float64"])
    with pytest.raises(TypeError, match="nothing is of a type 'GEOGRAPHY'"):
        has_one_of_type_names(column(pa.int64()), ["GEOGRAPHY", "POINT"])


@pytest.mark.parametrize(
    ("name", "kind", "other"),
    [
        ("VARCHAR(20)", pa.string(), pa.int64()),
        ("character varying(3)", pa.large_string(), pa.bool_()),
        ("double precision", pa.float32(), pa.decimal128(9, 2)),
        ("NUMERIC(10, 2)", pa.decimal128(10, 2), pa.float64()),
        ("NUMBER", pa.int32(), pa.string()),
        ("TIMESTAMP_NTZ", pa.timestamp("us"), pa.date32()),
        ("timestamp with time zone", pa.timestamp("us", "UTC"), pa.string()),
        ("TIME", pa.time64("us"), pa.timestamp("us")),
        ("BOOLEAN", pa.bool_(), pa.int8()),
        ("ARRAY<INT64>", pa.list_(pa.int64()), pa.int64()),
        ("BYTEA", pa.binary(), pa.string()),
        ("Int32Dtype", pa.int32(), pa.int64()),
        ("UInt8Dtype", pa.uint8(), pa.int8()),
        ("Float64Dtype", pa.float64(), pa.float32()),
        ("Int64DtypeType", pa.int64(), pa.int32()),
        ("CategoricalDtypeType", pa.dictionary(pa.int8(), pa.string()), pa.string()),
        ("category", pa.dictionary(pa.int8(), pa.string()), pa.string()),
    ],
)
def test_a_name_means_its_types_and_no_other(name: str, kind: pa.DataType, other: pa.DataType) -> None:
    assert has_type_name(column(kind), name)
    assert not has_type_name(column(other), name)


def test_fields_inside_a_type_are_found_by_their_path() -> None:
    kind = pa.struct([("lines", pa.list_(pa.struct([("price", pa.float64())])))])
    assert field_type(kind, "lines[].price") == pa.float64()
    assert field_type(pa.list_(pa.int8()), "[]") == pa.int8()
    assert field_type(kind, "lines.price") is None
