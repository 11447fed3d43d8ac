"""The two halves of a validated batch on their way to files: typed rows, or the records of a CSV file as they stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import pyarrow as pa

from airflow_mlops_provider.analysis.validation import Measurement, quarantine_schema
from airflow_mlops_provider.analysis.validation.failing_rows import REASONS
from airflow_mlops_provider.exceptions import IntegrityError
from airflow_mlops_provider.stores.datasets.csv_records import with_field
from airflow_mlops_provider.stores.datasets.dataset import Dataset, appending, writing
from airflow_mlops_provider.stores.datasets.files import format_of

_CLEAN, _ASIDE = "clean", "failing"


def write_halves(data: Dataset, measurement: Measurement, *, clean_uri: str | None, aside_uri: str | None) -> None:
    """Write every row of ``data`` to its place; neither file appears before both are whole.

    :param clean_uri: where the rows without fault go; ``None`` to leave them.
    :param aside_uri: where the others go, with their reasons.
    :raises IntegrityError: when these are not the rows that were counted.
    """
    texts: dict[str, Any] = {}
    adds: dict[str, Callable[[pa.RecordBatch], None]] = {}
    with ExitStack() as outputs:
        # Entered first, the clean rows appear last.
        for name, uri in ((_CLEAN, clean_uri), (_ASIDE, aside_uri)):
            if uri is None:
                continue
            if data.format == format_of(uri) == "csv":
                texts[name] = outputs.enter_context(writing(uri))
            else:
                schema = data.schema if name == _CLEAN else quarantine_schema(data.schema)
                adds[name] = outputs.enter_context(appending(uri, schema))
        if texts:
            _divide_records(data, measurement, texts)
        if _CLEAN in adds or (adds and measurement.report.failing_rows):
            _divide_rows(data, measurement, adds)


def _divide_rows(data: Dataset, measurement: Measurement, adds: Mapping[str, Callable[[pa.RecordBatch], None]]) -> None:
    written = dict.fromkeys(adds, 0)
    for halves in measurement.failing.halves(data.batches(), clean=_CLEAN in adds):
        for name, half in zip((_CLEAN, _ASIDE), halves, strict=True):
            if half is not None and name in adds:
                adds[name](half)
                written[name] += half.num_rows
    _require_counted(data, measurement, written)


def _divide_records(data: Dataset, measurement: Measurement, texts: Mapping[str, Any]) -> None:
    """As they stand: a zip code keeps its zeros, a price its digits, and ``NA`` what it is."""
    records = data.records()
    header = next(records)
    for name, handle in texts.items():
        handle.write(header if name == _CLEAN else with_field(header, REASONS))
    if _CLEAN not in texts and not measurement.report.failing_rows:
        return
    entries, written = measurement.failing.each(), {_CLEAN: 0, _ASIDE: 0}
    row, reasons = next(entries, (-1, ""))
    for number, record in enumerate(records):
        name = _ASIDE if number == row else _CLEAN
        written[name] += 1
        if name in texts:
            texts[name].write(with_field(record, reasons) if name == _ASIDE else record)
        if name == _ASIDE:
            row, reasons = next(entries, (-1, ""))
    _require_counted(data, measurement, written)


def _require_counted(data: Dataset, measurement: Measurement, written: Mapping[str, int]) -> None:
    counted = {_CLEAN: measurement.report.clean_rows, _ASIDE: measurement.report.failing_rows}
    expected = {name: counted[name] for name in written}
    if written != expected:
        raise IntegrityError(f"dataset {data.uri} changed while it was read: rows {written} instead of {expected}")
