"""Decide which columns are compared, and how: as numbers, as times, by level, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from airflow_mlops_provider.analysis.drift.arrays import is_text
from airflow_mlops_provider.analysis.pandas_index import is_pandas_index
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.drift import ColumnKind, Problem, Role
from airflow_mlops_provider.records.window_label import window_order


class DatasetInfo(Protocol):
    """A dataset without its rows: name, schema and size."""

    @property
    def uri(self) -> str:
        """Name of the dataset in messages."""

    @property
    def schema(self) -> pa.Schema:
        """Columns and types."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names, in order."""

    @property
    def rows(self) -> int:
        """Number of rows."""


class Rows(DatasetInfo, Protocol):
    """A dataset whose rows can be read, as a stream."""

    def batches(self, columns: Sequence[str] | None = None, *, coded: bool = False) -> Iterator[pa.RecordBatch]:
        """Yield some columns of the rows in order; with ``coded``, text may be dictionary-coded."""


class ValueFormat(Enum):
    """The format in which sentences show a value of a numeric or time column."""

    NUMBER = auto()
    TIMESTAMP = auto()
    TIME_OF_DAY = auto()
    DURATION = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one column will be compared.

    :param column: name of the column.
    :param role: feature, target or prediction.
    :param kind: declared kind, or kind of its type in the reference. Numeric columns whose values are codes are
        compared by level nevertheless.
    :param problem: why it cannot be compared; ``None`` when it can.
    :param statement: the problem as a sentence.
    :param sensitive: whether sentences must not show its values.
    :param value_format: format of its values in sentences, when it is numeric or of time.
    :param is_declared: whether its kind was declared, so that its values do not decide how it is compared.
    """

    column: str
    role: Role
    kind: ColumnKind
    problem: Problem | None = None
    statement: str = ""
    sensitive: bool = False
    value_format: ValueFormat = ValueFormat.NUMBER
    is_declared: bool = False

    @property
    def is_by_level(self) -> bool:
        """Whether its values are counted by level because it was declared categorical."""
        return self.is_declared and self.kind is ColumnKind.CATEGORICAL


def plan_columns(
    reference: DatasetInfo,
    current: DatasetInfo,
    *,
    columns: Sequence[str] | None = None,
    target: str | None = None,
    prediction: str | None = None,
    not_compared: Sequence[str] = (),
    sensitive: Sequence[str] = (),
    column_kinds: Mapping[str, ColumnKind] | None = None,
) -> tuple[Plan, ...]:
    """Plan the comparison of every column.

    :param reference: what the data should look like.
    :param current: the batch to compare with it.
    :param columns: the features. By default every column of the reference except time stamps and the other columns
        named here.
    :param target: column of the labels.
    :param prediction: column of the predictions.
    :param not_compared: columns that are not compared, such as those of windows and groups.
    :param sensitive: columns whose values must not be shown.
    :param column_kinds: column to ``numeric`` or ``categorical``, for whole numbers that would be taken for another
        kind.
    :returns: the features in the reference's order, then target and prediction, then columns that only ``current`` has.
    :raises BadInputError: when the reference lacks a named column, both sides share none of the columns, or neither
        side has a sensitive column. A misspelt name would not protect any values.
    """
    for name in sensitive:
        if name not in reference.columns and name not in current.columns:
            raise BadInputError(
                f"'sensitive' names {name!r}, a column of neither reference {reference.uri} nor current {current.uri}; "
                f"the reference has {', '.join(reference.columns)}"
            )
    others = {name for name in (target, prediction, *not_compared) if name}
    features = [name for name in (columns or _comparable(reference)) if name not in others]
    roles = dict.fromkeys(features, Role.FEATURE)
    roles |= {name: role for name, role in ((target, Role.TARGET), (prediction, Role.PREDICTION)) if name}
    for name in roles:
        if name not in reference.columns:
            raise BadInputError(
                f"reference {reference.uri} has no column {name!r}; it has {', '.join(reference.columns)}"
            )
    if not set(roles) & set(current.columns):
        raise BadInputError(
            f"reference {reference.uri} and current {current.uri} share none of the columns to compare: "
            f"{', '.join(roles)} against {', '.join(current.columns)}"
        )
    kinds = column_kinds or {}
    _check_kinds(kinds, reference)
    plans = [
        _with_declared_kind(_plan(name, role, reference, current.schema, name in sensitive), kinds)
        for name, role in roles.items()
    ]
    if columns is None:
        known = set(reference.columns) | others
        plans += [_new_column(name, current.schema) for name in _comparable(current) if name not in known]
    return tuple(plans)


def _check_kinds(kinds: Mapping[str, ColumnKind], reference: DatasetInfo) -> None:
    for name, kind in kinds.items():
        if name not in reference.columns:
            raise BadInputError(
                f"'column_kinds' names {name!r}; reference {reference.uri} has {', '.join(reference.columns)}"
            )
        if kind not in (ColumnKind.NUMERIC, ColumnKind.CATEGORICAL):
            raise BadInputError(f"'column_kinds' calls {name!r} {kind}; it must be numeric or categorical")
        found = kind_of(reference.schema.field(name).type)
        if found not in (kind, ColumnKind.NUMERIC):
            raise BadInputError(
                f"'column_kinds' calls {name!r} {kind}, but reference {reference.uri} holds {found} values"
            )


def _with_declared_kind(plan: Plan, kinds: Mapping[str, ColumnKind]) -> Plan:
    return replace(plan, kind=kinds[plan.column], is_declared=True) if plan.column in kinds else plan


def columns_to_profile(
    dataset: DatasetInfo, *, columns: Sequence[str] | None = None, leave_out: Sequence[str] = ()
) -> list[str]:
    """Return the columns of a dataset that a profile holds.

    :param dataset: the dataset to profile.
    :param columns: columns to choose from; all except time stamps by default.
    :param leave_out: columns that the profile must not hold.
    :raises BadInputError: when the dataset lacks a named column, or no column is left.
    """
    for name in (*(columns or ()), *leave_out):
        if name not in dataset.columns:
            raise BadInputError(f"dataset {dataset.uri} has no column {name!r}; it has {', '.join(dataset.columns)}")
    names = [name for name in (columns or _comparable(dataset)) if name not in leave_out]
    types = {name: dataset.schema.field(name).type for name in names}
    found = [name for name in names if kind_of(types[name]) is not ColumnKind.UNSUPPORTED]
    if not found:
        raise BadInputError(f"dataset {dataset.uri} has no column to profile; it has {', '.join(dataset.columns)}")
    return found


def latest_window(rows: Rows, column: str) -> str:
    """The label of the last window in ``rows``, such as the last day of a batch; empty when none is told.

    :param column: what tells windows apart.
    :raises BadInputError: when it holds text in which no order of time can be read, naming the column and the text.
    """
    if column not in rows.columns:
        return ""
    kind = rows.schema.field(column).type
    latest = _latest_of_text if is_text(kind) else _latest
    found = [
        latest(_without_dictionary(batch.column(0)), rows.uri, column)
        for batch in rows.batches([column])
        if batch.num_rows
    ]
    labels = [label for label in found if label]
    return max(labels, key=lambda label: window_order(label) or (False, 0.0)) if labels else ""


def _latest(data: pa.Array, *_: str) -> str:
    kind = data.type
    if kind_of(kind) not in (ColumnKind.NUMERIC, ColumnKind.TIME) or pa.types.is_time(kind):
        return ""
    if pa.types.is_duration(kind):
        data = data.cast(pa.int64())
    value = pc.max(data)
    return str(value.as_py()) if value.is_valid else ""


def _latest_of_text(data: pa.Array, uri: str, column: str) -> str:
    labels: list[str] = pc.unique(data.drop_null()).to_pylist()
    wrong = next((label for label in labels if window_order(label) is None), None)
    if wrong is not None:
        raise BadInputError(
            f"{uri}: window column {column!r} holds {wrong[:40]!r}, text that tells no order of time; "
            "write times as 2026-01-31, 2026-01, 2026-W05 or 2026-Q1, and others as numbers"
        )
    return max(labels, key=lambda label: window_order(label) or (False, 0.0), default="")


def _without_dictionary(data: pa.Array) -> pa.Array:
    """Return the values without dictionary coding (pandas' categories), for which Arrow has no ``max``."""
    return data.cast(data.type.value_type) if pa.types.is_dictionary(data.type) else data


def _comparable(rows: DatasetInfo) -> list[str]:
    """Return the columns that are compared by default: all except time stamps, which always move, and row labels."""
    return [
        name
        for name in rows.columns
        if kind_of(rows.schema.field(name).type) is not ColumnKind.TIME and not is_pandas_index(name)
    ]


def _plan(name: str, role: Role, reference: DatasetInfo, current: pa.Schema, sensitive: bool) -> Plan:
    before = reference.schema.field(name).type
    kind = kind_of(before)
    problem, statement = None, ""
    if pa.types.is_null(before):
        problem, statement = Problem.REFERENCE_MISSING, no_reference_values(name)
    elif kind is ColumnKind.UNSUPPORTED:
        problem, statement = Problem.UNSUPPORTED_TYPE, f"{name}: columns of type {before} are not compared"
    elif name not in current.names:
        problem, statement = _absence(name, role)
    elif not pa.types.is_null(current.field(name).type):
        after = current.field(name).type
        if kind_of(after) is not kind:
            problem = Problem.TYPE_CHANGED
            statement = f"{name}: {before} in the reference, {after} now"
    return Plan(
        column=name,
        role=role,
        kind=kind,
        problem=problem,
        statement=statement,
        sensitive=sensitive,
        value_format=_value_format(before),
    )


def no_reference_values(name: str) -> str:
    """Return the sentence that the reference has no value of a column."""
    return f"{name}: every value is missing from the reference, so there is nothing to compare with"


def _value_format(kind: pa.DataType) -> ValueFormat:
    if pa.types.is_dictionary(kind):
        return _value_format(kind.value_type)
    if pa.types.is_time(kind):
        return ValueFormat.TIME_OF_DAY
    if pa.types.is_duration(kind):
        return ValueFormat.DURATION
    return ValueFormat.TIMESTAMP if kind_of(kind) is ColumnKind.TIME else ValueFormat.NUMBER


def _absence(name: str, role: Role) -> tuple[Problem, str]:
    if role is Role.TARGET:
        return Problem.NO_LABELS_YET, f"{name}: no labels in the current batch yet, so the target is not judged"
    return Problem.ABSENT, f"{name}: missing from the current batch"


def _new_column(name: str, current: pa.Schema) -> Plan:
    return Plan(
        column=name,
        role=Role.FEATURE,
        kind=kind_of(current.field(name).type),
        problem=Problem.NEW_COLUMN,
        statement=f"{name}: not in the reference, so it is not compared",
    )


def kind_of(kind: pa.DataType) -> ColumnKind:
    """Return how a column of an Arrow type is compared.

    Booleans are numeric, because a CSV file may write them as 0 and 1.
    """
    is_ = pa.types
    if is_.is_dictionary(kind):
        return kind_of(kind.value_type)
    if is_.is_integer(kind) or is_.is_floating(kind) or is_.is_decimal(kind) or is_.is_boolean(kind):
        return ColumnKind.NUMERIC
    if is_.is_timestamp(kind) or is_.is_date(kind) or is_.is_time(kind) or is_.is_duration(kind):
        return ColumnKind.TIME
    if is_text(kind):
        return ColumnKind.CATEGORICAL
    return ColumnKind.UNSUPPORTED
