"""Type names of databases and Spark, as suites that were made there contain them.

A file does not store the width of a database's number, so every integer column is both a ``BIGINT`` and a ``SMALLINT``,
and every float column is a ``REAL``. A decimal column is not a float column.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.types as pt

TypeTest = Callable[[pa.DataType], bool]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind))


_NAMES: tuple[tuple[TypeTest, str], ...] = (
    (
        pt.is_integer,
        "BIGINT BYTEINT INT INTEGER MEDIUMINT SMALLINT TINYINT HUGEINT INT1 INT2 INT4 INT8 INT16 INT32 INT64 INT128 "
        "INT256 UBIGINT UHUGEINT UINTEGER USMALLINT UTINYINT UINT8 UINT16 UINT32 UINT64 SERIAL BIGSERIAL SMALLSERIAL "
        "BYTETYPE SHORTTYPE INTEGERTYPE LONGTYPE LONG SHORT BYTE",
    ),
    (
        pt.is_floating,
        "DOUBLE DOUBLE_PRECISION FLOAT FLOAT4 FLOAT8 FLOAT32 FLOAT64 REAL BINARY_FLOAT BINARY_DOUBLE DOUBLETYPE "
        "FLOATTYPE",
    ),
    (pt.is_decimal, "DECIMAL DEC NUMERIC BIGNUMERIC BIGDECIMAL FIXED MONEY SMALLMONEY DECIMALTYPE"),
    (_is_number, "NUMBER"),
    (
        _is_text,
        "CHAR NCHAR VARCHAR NVARCHAR VARCHAR2 NVARCHAR2 TEXT NTEXT TINYTEXT MEDIUMTEXT LONGTEXT STRING STRINGTYPE CLOB "
        "NCLOB CHARACTER CHARACTER_VARYING BPCHAR CITEXT NAME VARCHARTYPE CHARTYPE",
    ),
    (pt.is_boolean, "BOOL BOOLEAN BOOLEANTYPE LOGICAL"),
    (pt.is_date, "DATE DATE32 DATETYPE"),
    (
        pt.is_timestamp,
        "DATETIME DATETIME2 DATETIME64 SMALLDATETIME DATETIMEOFFSET TIMESTAMP TIMESTAMPTZ TIMESTAMP_NTZ TIMESTAMP_LTZ "
        "TIMESTAMP_TZ TIMESTAMPTYPE TIMESTAMPNTZTYPE TIMESTAMP_WITH_TIME_ZONE TIMESTAMP_WITHOUT_TIME_ZONE",
    ),
    (pt.is_time, "TIME TIMETZ TIME_WITHOUT_TIME_ZONE"),
    (_is_binary, "BINARY VARBINARY BYTEA BYTES BLOB TINYBLOB MEDIUMBLOB LONGBLOB IMAGE RAW BINARYTYPE"),
    (_is_list, "ARRAY ARRAYTYPE LIST"),
    (pt.is_struct, "STRUCT STRUCTTYPE RECORD ROW"),
    (pt.is_map, "MAP MAPTYPE"),
    (lambda kind: _is_text(kind) or pt.is_struct(kind), "JSON JSONB VARIANT SUPER OBJECT"),
)
_TESTS = {name: test for test, names in _NAMES for name in names.split()}


def backend_type(name: str) -> TypeTest | None:
    """Return the test for a type name of a database or Spark; ``None`` when the name is unknown.

    :param name: the name in any case, with or without a length: ``VARCHAR(20)``, ``double precision``, ``IntegerType``.
    """
    plain = re.sub(r"\(.*\)|<.*>", " ", name)
    return _TESTS.get("_".join(plain.upper().split()))
