"""Service levels of contracts: an age is checked in every unit, what else is promised is listed."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from airflow_mlops_provider.analysis.validation.contracts import Contract
from airflow_mlops_provider.exceptions import BadInputError
from tests.unit.analysis.validation.contract_texts import contract, results

OBJECTS = (
    "schema:\n- name: orders\n  physicalName: ORD\n  properties:\n"
    "  - {name: updated, physicalName: UPD}\n  - {name: shipped}\n"
    "- {name: lines, properties: [{name: printed}]}\n"
)


def levels(text: str, *, default: str = "") -> Contract:
    head = f"slaDefaultElement: {default}\n" if default else ""
    return contract(f"{OBJECTS}{head}slaProperties:\n- {{{text}}}\n", wanted="orders")


def ages(found: Contract) -> list[tuple[str, float]]:
    rules = [rule.kwargs for rule in found.rules if rule.type == "expect_column_to_be_fresh"]
    return [(kwargs["column"], kwargs["max_age_hours"]) for kwargs in rules]


@pytest.mark.parametrize(
    ("value", "unit", "hours"),
    [
        ("4", "d", 96.0),
        ("500", "ms", 500 / 3_600_000),
        ("'90'", "s", 0.025),
        ("90", "Seconds", 0.025),
        ("30", "min", 0.5),
        ("2", "months", 1461.0),
        ("1.5", "h", 1.5),
    ],
)
def test_latency_is_read_in_every_unit_and_from_text(value: str, unit: str, hours: float) -> None:
    found = levels(f"property: latency, value: {value}, unit: {unit}, element: orders.updated")
    assert ages(found) == [("UPD", pytest.approx(hours))]


def test_the_default_element_is_what_a_level_without_element_speaks_of() -> None:
    found = levels("property: latency, value: 4, unit: d", default="orders.updated")
    assert ages(found) == [("UPD", 96.0)]
    stale = pa.table({"UPD": [dt.datetime(2020, 2, 19, tzinfo=dt.UTC)], "shipped": [1]})
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert not results(found, stale, now=now)[-1].success
    own = levels("property: latency, value: 4, unit: d, element: ORD.shipped", default="orders.updated")
    assert ages(own) == [("shipped", 96.0)]


def test_several_elements_are_each_held_to_their_age() -> None:
    found = levels("property: freshness, value: 1, unit: d, element: 'orders.updated, sales.orders.shipped'")
    assert ages(found) == [("UPD", 24.0), ("shipped", 24.0)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("property: latency, value: 500, unit: ms, element: orders", "latency of orders"),
        ("property: latency, value: 1, unit: d, element: lines.printed", "latency of lines.printed"),
        ("property: latency, value: 1, unit: d, element: printed", "latency of printed"),
        ("property: latency, value: 1, unit: d", "latency"),
        ("property: retention, value: 3, unit: y, element: orders.updated", "retention"),
        ("property: timeOfAvailability, value: '09:00-08:00', driver: regulatory", "timeOfAvailability"),
    ],
)
def test_what_no_batch_can_show_is_listed(text: str, told: str) -> None:
    found = levels(text)
    assert (ages(found), found.unchecked) == ([], (f"slaProperties 1: {told}",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("property: latency, value: 4, unit: fortnight, element: orders.updated", "4 'fortnight' is not a time"),
        ("property: latency, value: soon, unit: d, element: orders.updated", "'soon' 'd' is not a time"),
        ("property: latency, value: 4, untis: d", "unknown key 'untis'"),
        ("property: latency", "must have 'property' and 'value'"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(text: str, told: str) -> None:
    with pytest.raises(BadInputError, match=f"slaProperties 1.*{told}"):
        levels(text)
