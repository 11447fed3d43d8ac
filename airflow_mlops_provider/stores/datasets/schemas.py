"""Arrow schemas of datasets: coded text, and which column does not fit them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def coded_text(schema: pa.Schema) -> pa.Schema:
    """The schema with its text columns dictionary-coded."""
    code = pa.dictionary(pa.int32(), pa.string())
    return pa.schema([field.with_type(code) if pa.types.is_string(field.type) else field for field in schema])


def misfit(data: Any, target: pa.Schema) -> tuple[str, pa.DataType]:
    """The first column of a table, or batch, that cannot be cast to its type in ``target``, and that type."""
    wanted = zip(target.names, target.types, strict=True)
    return next((name, kind) for name, kind in wanted if not _casts(data.column(name), kind))


def _casts(values: Any, kind: pa.DataType) -> bool:
    try:
        values.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True
