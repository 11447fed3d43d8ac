"""Records to plain JSON and back, strictly: unknown keys are refused and every number is finite."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from airflow_mlops_provider.exceptions import BadInputError, MLOpsError
from airflow_mlops_provider.secrets_in_text import masked_values

R = TypeVar("R")

OMIT_NONE = {"omit_none": True}
"""Metadata of a field that came later: left out of the JSON while it is ``None``, so that older records, and readers
that know the older shape, stay as they are."""

SCHEMA = 1
"""The newest shape of records that this version reads; a record with another ``schema`` is refused."""


def encode(record: Any) -> Any:
    """Plain JSON (dict, list, str, int, float, bool, None) of a record.

    :raises BadInputError: on NaN, infinity or a value that is not JSON, naming its place.
    """
    return _encode(record, type(record).__name__)


def _encode(value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _encode_record(value, where)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _encode(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInputError(f"{where} is {value}: a record holds finite numbers only")
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise BadInputError(f"{where} holds a {type(value).__name__}, which is not JSON")


def _encode_record(record: Any, where: str) -> dict[str, Any]:
    fields = {f.name: getattr(record, f.name) for f in dataclasses.fields(record) if not _is_silent(record, f)}
    return {name: _encode(value, f"{where}.{name}") for name, value in fields.items()}


def _is_silent(record: Any, field: dataclasses.Field[Any]) -> bool:
    return bool(field.metadata.get("omit_none")) and getattr(record, field.name) is None


def canonical_json(record: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces: equal records give equal bytes, so that hashes mean something."""
    text = json.dumps(encode(record), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def parse_json(data: bytes, *, where: str) -> Any:
    """The value of JSON that this package may have written, whoever wrote it.

    :param where: what to call it in errors.
    :raises BadInputError: when it is not UTF-8 or not JSON, holds what no JSON of ours holds (NaN, infinity, half a
        character), or is nested more than 100 deep.
    """
    try:
        plain = json.loads(data.decode())
        # What cannot be written again is nothing of ours, and would fail wherever it is shown.
        json.dumps(plain, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{where} is not JSON: {error}") from error
    _require_depth(plain, where)
    return plain


def _require_depth(plain: Any, where: str) -> None:
    level = [plain]
    for _ in range(_DEEPEST):
        children = (
            item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)
        )
        level = [child for each in children for child in each if isinstance(child, dict | list)]
        if not level:
            return
    raise BadInputError(f"{where} is nested more than {_DEEPEST} deep")


_DEEPEST = 100


def sha256(data: bytes) -> str:
    """``sha256:`` plus 64 hex digits."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def digest(record: Any) -> str:
    """The hash of a record's canonical JSON."""
    return sha256(canonical_json(record))


def decode(cls: type[R], data: Any, *, where: str = "") -> R:
    """A record of class ``cls`` from plain JSON, or ``data`` itself when it already is one.

    :param where: what to call the record in errors; its class name by default.
    :raises BadInputError: on an unknown key, a missing key, a value of the wrong type or another schema version.
    """
    where = where or cls.__name__
    if isinstance(data, cls):
        return data
    if not isinstance(data, Mapping):
        raise BadInputError(f"{where} must be a mapping, not {type(data).__name__}")
    known = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]  # callers pass records
    unknown = sorted(set(map(str, data)) - set(known))
    if unknown:
        raise BadInputError(f"{where}: unknown key {unknown[0]!r}; known keys are {', '.join(sorted(known))}")
    if "schema" in known and data.get("schema", SCHEMA) != SCHEMA:
        raise BadInputError(f"{where}: schema {data['schema']!r} is not one this version reads ({SCHEMA})")
    missing = [name for name, f in known.items() if name not in data and _is_required(f)]
    if missing:
        raise BadInputError(f"{where}: key {missing[0]!r} is missing")
    hints = _hints(typing.cast("Any", cls))
    parts = {key: _decode(hints[key], value, f"{where}.{key}") for key, value in data.items()}
    try:
        return cls(**parts)
    except BadInputError:
        raise
    except MLOpsError as error:
        raise BadInputError(f"{where}: {error}") from error


def without_secrets(record: R) -> R:
    """The record with the secrets in its texts hidden, as in addresses that carry a password."""
    plain = encode(record)
    hidden = masked_values(plain)
    return record if hidden == plain else decode(type(record), hidden)


def decoded_values(record: Any, *, where: str) -> dict[str, Any]:
    """The values of a record's fields, each read as :func:`decode` reads it from JSON.

    For records that are made by hand from values of any origin, such as templates.

    :raises BadInputError: for a value of the wrong type, naming its key.
    """
    hints = _hints(typing.cast("Any", type(record)))
    known = [f.name for f in dataclasses.fields(record) if f.init]
    return {name: _decode(hints[name], getattr(record, name), f"{where}.{name}") for name in known}


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _decode(hint: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    for origins, decoder in _GENERIC.items():
        if origin in origins:
            return decoder(args, value, where)
    if dataclasses.is_dataclass(hint):
        return decode(typing.cast("type", hint), value, where=where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(_one_of(tuple(member.value for member in hint), getattr(value, "value", value), where))
    return _decode_scalar(hint, value, where)


def _decode_union(args: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in args:
        return None
    choices = [arg for arg in args if arg is not type(None)]
    if isinstance(value, str):  # a text is none of the records, and the last choice says what is wrong with it
        choices.sort(key=lambda arg: not dataclasses.is_dataclass(arg))
    for choice in choices[:-1]:
        try:
            return _decode(choice, value, where)
        except BadInputError:
            continue
    return _decode(choices[-1], value, where)


def _decode_tuple(args: tuple[Any, ...], value: Any, where: str) -> Any:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise BadInputError(f"{where} must be a list, not {type(value).__name__}")
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_decode(args[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if len(args) != len(value):
        raise BadInputError(f"{where} must have {len(args)} items, not {len(value)}")
    return tuple(_decode(arg, item, f"{where}[{i}]") for i, (arg, item) in enumerate(zip(args, value, strict=True)))


def _decode_mapping(args: tuple[Any, ...], value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise BadInputError(f"{where} must be a mapping, not {type(value).__name__}")
    return {_decode(args[0], key, where): _decode(args[1], item, f"{where}.{key}") for key, item in value.items()}


def _one_of(allowed: tuple[Any, ...], value: Any, where: str) -> Any:
    if value not in allowed:
        raise BadInputError(f"{where} is {value!r}; allowed are {', '.join(map(repr, allowed))}")
    return value


_GENERIC: dict[tuple[Any, ...], Callable[[tuple[Any, ...], Any, str], Any]] = {
    (typing.Union, types.UnionType): _decode_union,
    (tuple,): _decode_tuple,
    (dict, Mapping): _decode_mapping,
    (typing.Literal,): _one_of,
}


def _decode_scalar(hint: Any, value: Any, where: str) -> Any:
    if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
        raise BadInputError(f"{where} is a whole number of more than 64 bits")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, bool) and hint is not bool:
        raise BadInputError(f"{where} must be {hint.__name__}, not a boolean")
    if isinstance(hint, type) and isinstance(value, hint):
        if isinstance(value, float) and not math.isfinite(value):
            raise BadInputError(f"{where} is {value}, not a finite number")
        return value
    shown = repr(value) if isinstance(value, str | int | float) else "..."
    shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."
    raise BadInputError(f"{where} must be {getattr(hint, '__name__', hint)}, not {type(value).__name__} ({shown})")


_LARGEST = 2**63 - 1
_LONGEST_SHOWN = 60
