"""Type names of Great Expectations, and logical types of data contracts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.types as pt

from airflow_mlops_provider.analysis.validation.backend_types import backend_type
from airflow_mlops_provider.analysis.validation.sql_columns import Column, Family

_PYTHON: dict[str, Callable[[pa.DataType], bool]] = {
    "bool": pt.is_boolean,
    "int": pt.is_int64,
    "long": pt.is_int64,
    "float": pt.is_float64,
    "number": pt.is_floating,  # Great Expectations lists it with the float types
    "str": lambda kind: pt.is_string(kind) or pt.is_large_string(kind),
    "string_types": lambda kind: pt.is_string(kind) or pt.is_large_string(kind),
    "bytes": pt.is_binary,
    "list": pt.is_list,
    "dict": pt.is_struct,
    "date": pt.is_date,
    "datetime": pt.is_timestamp,
    "Timestamp": pt.is_timestamp,
    "Decimal": pt.is_decimal,
}


def has_type_name(column: Column, name: str) -> bool:
    """Return whether ``name`` is a name of the column's stored type.

    The name may be one of numpy, pandas, Python, Arrow, a database or Spark. The type in the file counts, not that of
    pandas, which turns integers with missing values into floats.

    :param column: the column.
    :param name: name of a type.
    :raises TypeError: when no type has that name.
    """
    if name == str(column.type):
        return True
    if name in _CATEGORICAL:
        return column.is_dictionary
    if name in _PYTHON:
        return _PYTHON[name](column.type)
    import numpy as np  # slow to import, and rarely needed

    try:
        wanted = np.dtype(name)
    except (TypeError, ValueError):  # not a numpy type, such as NUMERIC(10, 2)
        return _is_backend_type(column, name)
    in_pandas = np.dtype(column.type.to_pandas_dtype()) if column.family is not Family.OTHER else np.dtype(object)
    if column.family is Family.TIMESTAMP and wanted.kind == "M":
        return True
    return bool(in_pandas.type == wanted.type)


def has_one_of_type_names(column: Column, names: Sequence[str]) -> bool:
    """Return whether one of ``names`` is a name of the column's stored type; unknown names are skipped.

    Great Expectations skips unknown names too.

    :param column: the column.
    :param names: names of types.
    :raises TypeError: when all names are unknown.
    """
    unknown, found = [], False
    for name in names:
        try:
            found = has_type_name(column, name) or found
        except TypeError as error:
            unknown.append(error)
    if len(unknown) == len(names):
        raise unknown[0]
    return found


def _is_backend_type(column: Column, name: str) -> bool:
    try:
        return bool(pa.type_for_alias(name) == column.type)
    except ValueError:
        pass
    test = backend_type(name)
    if test is not None:
        return test(column.type)
    pandas_name = name.removesuffix("Type") if name.endswith("DtypeType") else name
    if pandas_name in _NULLABLE:
        return bool(_NULLABLE[pandas_name](column.type))
    import pandas as pd  # slow to import, and rarely needed

    if not isinstance(getattr(pd, pandas_name, None), type):
        raise TypeError(f"nothing is of a type {name!r}")
    return False


_CATEGORICAL = ("category", "CategoricalDtype", "CategoricalDtypeType", "categorical")
_NULLABLE: dict[str, Callable[[pa.DataType], bool]] = {
    **{
        f"{sign}nt{bits}Dtype": partial(pa.DataType.equals, getattr(pa, f"{sign.lower()}nt{bits}")())
        for sign in ("I", "UI")
        for bits in (8, 16, 32, 64)
    },
    "Float32Dtype": pt.is_float32,
    "Float64Dtype": pt.is_float64,
    "StringDtype": lambda kind: pt.is_string(kind) or pt.is_large_string(kind),
    "BooleanDtype": pt.is_boolean,
    "DatetimeTZDtype": lambda kind: pt.is_timestamp(kind) and kind.tz is not None,
}


_LOGICAL: dict[str, Callable[[pa.DataType], bool]] = {
    "string": lambda kind: pt.is_string(kind) or pt.is_large_string(kind),
    "integer": pt.is_integer,
    "number": lambda kind: pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind),
    "boolean": pt.is_boolean,
    "date": lambda kind: pt.is_date(kind) or pt.is_timestamp(kind),
    "timestamp": pt.is_timestamp,
    "time": pt.is_time,
    "object": lambda kind: pt.is_struct(kind) or pt.is_map(kind),
    "array": lambda kind: pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind),
}
LOGICAL_TYPES = tuple(_LOGICAL)


def has_logical_type(column: Column, name: str) -> bool:
    """Return whether the column has a logical type of data contracts; a column without values has every one."""
    return is_logical_type(column.type, name)


def is_logical_type(kind: pa.DataType, name: str) -> bool:
    """Return whether an Arrow type has a logical type of data contracts; the null type has every one."""
    return bool(pt.is_null(kind) or _LOGICAL[name](kind))


def field_type(kind: pa.DataType, path: str) -> pa.DataType | None:
    """Return the type of a field inside a nested type; ``None`` when there is no such field.

    :param kind: the nested type.
    :param path: names of fields separated by dots, with ``[]`` for the items of a list: ``lines[].price``.
    """
    for step in path.replace("[]", ".[]").strip(".").split("."):
        inner = _step(kind, step)
        if inner is None:
            return None
        kind = inner
    return kind


def _step(kind: pa.DataType, step: str) -> pa.DataType | None:
    if step == "[]":
        return kind.value_type if _LOGICAL["array"](kind) else None
    if not pt.is_struct(kind) or kind.get_field_index(step) < 0:
        return None
    return kind.field(step).type
