"""Short forms of values: a URI in place of a dataset, the Outcome of a step in place of what it made.

Operators and the command line read them by the same functions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.outcome import as_outcome
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.requests.plain_values import flat, plain
from airflow_mlops_provider.records.table_source import as_table_uri

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

_SHORT = "short_form"
_NOTHING = ("", "None")
"""What a template without a value leaves."""


def dataset_ref(value: Any) -> DatasetRef:
    """A dataset.

    :param value: its URI, its reference (also as JSON, where ``conn_id`` with ``table`` or ``query``, ``where`` and
        ``key`` may stand for the URI of a table), or the Outcome of the step that wrote it.
    :raises BadInputError: for anything else, or an Outcome without a dataset.
    """
    return decode(DatasetRef, _dataset(value), where="dataset")


def dataset_refs(values: Any) -> tuple[DatasetRef, ...]:
    """Several datasets, or one; see :func:`dataset_ref`. Of none, and of ``None``, there are none."""
    return tuple(decode(DatasetRef, each, where="dataset") for each in _datasets(values))


def model_of(value: Any) -> str | ModelRef | ModelSpec:
    """A version of a model.

    :param value: the declaration or the path of its YAML, a URI such as ``models:/name/3``, a reference, or the Outcome
        of the step that made it.
    :raises BadInputError: for an Outcome without a model.
    """
    found: str | ModelRef | ModelSpec = _model(value)
    return found


def model_ref(value: Any) -> str | ModelRef:
    """A registered model or a version of it.

    :param value: its name or URI, its reference (also as JSON), or the Outcome of the step that made it.
    :raises BadInputError: for an Outcome without a model, or a malformed reference.
    """
    found = _model(value)
    return found if isinstance(found, str) else decode(ModelRef, found, where="model")


def evidence_uri(value: Any) -> str:
    """The URI of a piece of evidence, given as such or as the Outcome that points at it."""
    found: str = _of_outcome(value, "evidence_uri")
    return found


def evidence_uris(values: Iterable[Any]) -> tuple[str, ...]:
    """The URIs of pieces of evidence; see :func:`evidence_uri`."""
    found: tuple[str, ...] = _evidence(values)
    return found


def suite_json(value: Any) -> dict[str, Any] | str:
    """A suite as JSON or a URI; Great Expectations' own object turns itself into JSON."""
    found: dict[str, Any] | str = value.to_json_dict() if hasattr(value, "to_json_dict") else value
    return found


def names(values: Iterable[T] | None) -> tuple[T, ...]:
    """A list of names as a tuple; none for ``None``. A text is left to be refused where the key is known."""
    if values is None:
        return ()
    return values if isinstance(values, str) else tuple(values)  # type: ignore[return-value]  # see above


def given(value: T) -> T | None:
    """``None`` in place of what a template without a value leaves."""
    return None if isinstance(value, str) and value in _NOTHING else value


def optional(read: Callable[[Any], T], value: Any) -> T | None:
    """``read(value)``, or ``None`` when no value is given."""
    return None if given(value) is None else read(value)


def members(kind: type[E], values: Iterable[E | str] | None, *, key: str) -> tuple[E, ...]:
    """The members of an enum by their values; see :func:`member`."""
    return tuple(member(kind, value, key=key) for value in names(values))


def optional_member(kind: type[E], value: E | str | None, *, key: str) -> E | None:
    """The member of an enum by its value, or ``None`` when none is given; see :func:`member`."""
    return optional(lambda found: member(kind, found, key=key), value)


def member(kind: type[E], value: E | str, *, key: str) -> E:
    """The member of an enum by its value; raises ``BadInputError`` that lists the values there are."""
    try:
        return kind(value)
    except ValueError:
        allowed = ", ".join(repr(each.value) for each in kind)
        raise BadInputError(f"key {key!r} is {value!r}; allowed are {allowed}") from None


def _dataset(value: Any) -> Any:
    value = plain(value, key="dataset")
    found = {"uri": value} if isinstance(value, str) else _of_outcome(value, "dataset")
    return as_table_uri(found) if isinstance(found, Mapping) else found


def _datasets(values: Any) -> tuple[Any, ...]:
    """Also of lists within lists, as several mapped tasks give them; a task that was skipped gives nothing."""
    if given(values) is None:
        return ()
    many = isinstance(values, Sequence) and not isinstance(values, str)
    return tuple(_dataset(each) for each in (flat(values) if many else (values,)))


def _model(value: Any) -> Any:
    return _of_outcome(plain(value, key="model"), "model")


def _evidence(value: Any) -> Any:
    """Also of lists within lists, as several mapped tasks give them; a task that was skipped gives nothing."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_of_outcome(plain(item, key="evidence"), "evidence_uri") for item in flat(value))
    return _of_outcome(plain(value, key="evidence"), "evidence_uri")


def _of_outcome(value: Any, part: str) -> Any:
    outcome = as_outcome(value)
    if outcome is None:
        return value
    found = getattr(outcome, part)
    if found is None:
        raise BadInputError(f"the {outcome.kind} outcome {outcome.evidence_uri} carries no {part}")
    return found


DATASET: Mapping[str, Any] = {_SHORT: _dataset}
"""Metadata of a field that takes the short forms of a dataset."""
DATASETS: Mapping[str, Any] = {_SHORT: _datasets}
"""Metadata of a field that takes the short forms of several datasets, or of one."""
MODEL: Mapping[str, Any] = {_SHORT: _model}
"""Metadata of a field that takes the short forms of a model."""
EVIDENCE: Mapping[str, Any] = {_SHORT: _evidence}
"""Metadata of a field that takes the short forms of evidence."""
SUITE: Mapping[str, Any] = {_SHORT: suite_json}
"""Metadata of a field that takes the short forms of a suite."""


def spelled_out(request: type, spec: Mapping[str, Any]) -> dict[str, Any]:
    """``spec`` with the short forms of its values spelled out.

    :param request: the class whose fields say which key has which short form.
    """
    readers = {each.name: each.metadata[_SHORT] for each in dataclasses.fields(request) if _SHORT in each.metadata}
    return {key: readers[key](value) if key in readers else value for key, value in spec.items()}
