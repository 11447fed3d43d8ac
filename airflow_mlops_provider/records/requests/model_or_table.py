"""What evaluation and bias have in common: they take a model with its dataset, or a table of predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError


def require_one_source(job: str, *, model: Mapping[str, Any], table: Mapping[str, Any]) -> None:
    """Check that a spec names a model or a table of predictions, wholly, and not both.

    :param job: its name, for the error.
    :param model: the keys of a model, with their values.
    :param table: the keys of a table of predictions, with their values.
    :raises BadInputError: naming the key that is missing or one too many.
    """
    first, other = next(iter(model)), next(iter(table))
    if model[first] is not None and table[other] is not None:
        raise BadInputError(f"{job} spec: keys {first!r} and {other!r} exclude each other; give one")
    if all(value is None for value in (*model.values(), table[other])):
        raise BadInputError(f"{job} spec: give {_listed(model)}, or {_listed(table)}")
    for key, value in (model if table[other] is None else table).items():
        if value is None:
            raise BadInputError(f"{job} spec: key {key!r} is missing")


def _listed(keys: Iterable[str]) -> str:
    return " + ".join(map(repr, keys))
