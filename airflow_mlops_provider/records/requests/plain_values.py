"""What Airflow and Python hand over in place of plain text and lists, as plain text and lists.

Known by their shape, because requests know no Airflow: paths (``pathlib.Path``, ``ObjectStoragePath``), assets, and the
lazy sequence that the outputs of a mapped task come as.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError


def plain(value: Any, *, key: str) -> Any:
    """``value`` as text, a list or a mapping where it is a path, an asset or a lazy sequence; else as it is.

    :param key: of the request, for errors.
    :raises BadInputError: for a path that needs an Airflow Connection of its own, or an asset without a URI.
    """
    for is_kind, read in _TEXTS:
        if is_kind(value):
            return read(value, key)
    if isinstance(value, Mapping):
        return {name: plain(item, key=key) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        items = [plain(item, key=key) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    return value


def flat(values: Any) -> list[Any]:
    """Sequences within sequences as one list, without the ``None`` that a skipped task leaves."""
    if isinstance(values, Sequence) and not isinstance(values, str | bytes):
        return [item for each in values for item in flat(each)]
    return [] if values is None else [values]


def _is_storage_path(value: Any) -> bool:
    return hasattr(type(value), "protocol") and hasattr(type(value), "joinpath")


def _storage_uri(value: Any, key: str) -> str:
    connection = getattr(value, "conn_id", None)
    if connection:
        raise BadInputError(
            f"key {key!r} is a path of the Airflow Connection {connection!r}, which jobs do not know: give the plain "
            "address, and the access in the environment"
        )
    return str(value)


def _is_asset(value: Any) -> bool:
    return all(hasattr(value, name) for name in ("uri", "name", "group", "extra"))


def _asset_uri(value: Any, key: str) -> str:
    if value.uri == value.name and "/" not in value.uri:
        raise BadInputError(f"key {key!r} is the asset {value.name!r}, which names no place: give it a URI")
    return str(value.uri)


_TEXTS: tuple[tuple[Callable[[Any], bool], Callable[[Any, str], str]], ...] = (
    (_is_asset, _asset_uri),  # first, because an asset is also a path to Python
    (lambda value: isinstance(value, os.PathLike), lambda value, _: os.fsdecode(value)),
    (_is_storage_path, _storage_uri),
)
