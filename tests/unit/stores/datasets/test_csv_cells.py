"""Cells of a declared column: each is read for itself, and one that does not fit is told by its row."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.records.csv_format import ColumnType as Kind
from airflow_mlops_provider.records.csv_format import CsvFormat, DeclaredType
from airflow_mlops_provider.stores.datasets.csv_cells import Cells, declared_by, read_cells


def read(kind: Kind, *texts: str | None, form: str | None = None, decimal_mark: str = ".") -> Cells:
    declared = DeclaredType(kind=kind, form=form)
    cells = pa.chunked_array([pa.array(texts, pa.string())])
    return read_cells(cells, declared, decimal_mark=decimal_mark, missing=CsvFormat().missing)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


GOOD: list[tuple[Kind, list[str | None], list[Any]]] = [
    (Kind.TEXT, ["NA", "007", "", None, " x "], ["NA", "007", "", None, " x "]),
    (Kind.INTEGER, ["1", " -2 ", "+3", "4.0", "NA", "", None], [1, -2, 3, 4, None, None, None]),
    (Kind.NUMBER, ["1", "2"], [1, 2]),
    (Kind.NUMBER, ["1", "1e3", ".5", "inf", "nan", "NULL"], [1.0, 1000.0, 0.5, float("inf"), None, None]),
    (Kind.NUMBER, ["true", "False"], [True, False]),
    (Kind.BOOLEAN, ["true", "FALSE", "1", "0", "n/a"], [True, False, True, False, None]),
    (Kind.DATE, ["2024-02-29", ""], [date(2024, 2, 29), None]),
    (Kind.DATE, ["2024-02-29", "2024-03-01 10:00"], [moment("2024-02-29"), moment("2024-03-01T10:00")]),
    (Kind.TIMESTAMP, ["2024-03-01", "2024-03-01T10:00:00.5"], [moment("2024-03-01"), moment("2024-03-01T10:00:00.5")]),
    (Kind.TIME, ["10:00", "23:59:59.25"], [time(10), time(23, 59, 59, 250_000)]),
]


@pytest.mark.parametrize(("kind", "texts", "values"), GOOD)
def test_cells_that_fit_are_values(kind: Kind, texts: list[str | None], values: list[Any]) -> None:
    found = read(kind, *texts)
    assert (found.values.to_pylist(), found.misfits) == (values, ())


BAD = {
    Kind.INTEGER: ("1.5", "1e3", "9223372036854775808", "x", "0x1"),
    Kind.NUMBER: ("x", "1,5", "1.2.3", "--1", "1 2"),
    Kind.BOOLEAN: ("yes", "2"),
    Kind.DATE: ("31.12.2024", "2024-02-30", "2024-13-01", "today"),
    Kind.TIMESTAMP: ("2024-02-30T10:00", "10:00", "2024-01-01T25:00"),
    Kind.TIME: ("24:00", "10", "10:00+02:00"),
}
FITTING = {
    Kind.INTEGER: "1",
    Kind.NUMBER: "1.5",
    Kind.BOOLEAN: "true",
    Kind.DATE: "2024-01-01",
    Kind.TIMESTAMP: "2024-01-01T10:00",
    Kind.TIME: "10:00",
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in BAD.items() for text in texts])
def test_a_cell_that_does_not_fit_is_told_by_its_row_and_costs_no_other(kind: Kind, text: str) -> None:
    found = read(kind, FITTING[kind], text, FITTING[kind], None, text)
    assert found.misfits == (1, 4)
    assert [value is None for value in found.values.to_pylist()] == [False, True, False, True, True]


@given(st.lists(st.one_of(st.integers(-(10**20), 10**20).map(str), st.sampled_from(["x", "", "1.0", "2.5"]))))
def test_a_whole_number_is_read_exactly_or_told(texts: list[str]) -> None:
    found = read(Kind.INTEGER, *texts)
    for row, (text, value) in enumerate(zip(texts, found.values.to_pylist(), strict=True)):
        is_whole = text == "1.0" or (text.lstrip("-").isdigit() and -(2**63) <= int(text) < 2**63)
        assert (row in found.misfits) == (text != "" and not is_whole)
        assert value is None or value == int(float(text) if text == "1.0" else text)


def test_a_moment_with_a_zone_makes_the_others_moments_in_utc() -> None:
    found = read(Kind.TIMESTAMP, "2024-01-01T10:00:00+02:00", "2024-01-01 10:00", "2024-01-01", "x")
    hours = [8, 10, 0]
    assert found.values.to_pylist() == [*(datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in hours), None]
    assert found.misfits == (3,)


def test_the_decimal_mark_is_as_declared() -> None:
    found = read(Kind.NUMBER, "1,5", "2", "1.500,0", "1.5", decimal_mark=",")
    assert (found.values.to_pylist(), found.misfits) == ([1.5, 2.0, None, None], (2, 3))


@pytest.mark.parametrize(
    ("kind", "form", "text", "value"),
    [
        (Kind.DATE, "%d.%m.%Y", "29.02.2024", date(2024, 2, 29)),
        (Kind.TIMESTAMP, "%d/%m/%y %H:%M", "01/02/24 10:30", moment("2024-02-01T10:30")),
        (Kind.TIMESTAMP, "%Y%m%dT%H%M%S%z", "20240101T100000+0200", datetime(2024, 1, 1, 8, tzinfo=UTC)),
        (Kind.TIME, "%H.%M", "10.30", time(10, 30)),
    ],
)
def test_days_and_times_are_read_in_their_declared_form(kind: Kind, form: str, text: str, value: Any) -> None:
    found = read(kind, text, "30.02.2024", "NA", form=form)
    assert (found.values.to_pylist(), found.misfits) == ([value, None, None], (1,))


@pytest.mark.parametrize(
    ("arrow", "kind"),
    [
        (pa.dictionary(pa.int8(), pa.string()), Kind.TEXT),
        (pa.int16(), Kind.NUMBER),
        (pa.decimal128(5, 2), Kind.NUMBER),
        (pa.bool_(), Kind.BOOLEAN),
        (pa.timestamp("ns"), Kind.DATE),
        (pa.time32("s"), Kind.TIME),
    ],
)
def test_a_type_elsewhere_says_what_a_csv_cell_holds(arrow: pa.DataType, kind: Kind) -> None:
    found = declared_by(arrow)
    assert found is not None
    assert found.kind is kind
    assert declared_by(pa.list_(pa.int8())) is None
