"""Writes the clean rows of a batch and its quarantine: typed rows, or the records of a CSV file as they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import pyarrow as pa

from airflow_mlops_provider.analysis.validation import Measurement, quarantine_schema
from airflow_mlops_provider.analysis.validation.failing_rows import REASONS
from airflow_mlops_provider.exceptions import IntegrityError
from airflow_mlops_provider.records.csv_format import CsvFormat
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.stores.datasets.csv_dataset import CsvDataset
from airflow_mlops_provider.stores.datasets.csv_records import with_field
from airflow_mlops_provider.stores.datasets.dataset import Dataset
from airflow_mlops_provider.stores.datasets.file_names import CSV, format_of
from airflow_mlops_provider.stores.datasets.snapshot_files import is_snapshot_uri
from airflow_mlops_provider.stores.datasets.snapshot_output import new_output
from airflow_mlops_provider.stores.datasets.writing import NewDataset

CLEAN, QUARANTINED = "clean", "failing"
_Parts = Iterator[tuple[pa.RecordBatch | None, pa.RecordBatch | None]]


def write_clean_and_quarantine(
    data: Dataset,
    measurement: Measurement,
    *,
    clean_uri: str | None,
    quarantine_uri: str | None,
    interval_start: str | None = None,
) -> dict[str, DatasetRef]:
    """Write every row of ``data`` to its place; neither file appears before both are whole and hold what was judged.

    :param clean_uri: where the rows without fault go; ``None`` to leave them.
    :param quarantine_uri: where the others go, with their reasons.
    :param interval_start: names a snapshot, where ``data`` is none.
    :returns: what was written, as :data:`CLEAN` and :data:`QUARANTINED`.
    :raises IntegrityError: when these are not the rows that were counted; it names the file that changed.
    """
    texts: dict[str, NewDataset] = {}
    rows: dict[str, NewDataset] = {}
    with ExitStack() as outputs:
        # Entered first, the clean rows appear last.
        for name, uri in ((CLEAN, clean_uri), (QUARANTINED, quarantine_uri)):
            if uri is None:
                continue
            output = partial(new_output, uri, source=data.ref, interval_start=interval_start)
            if isinstance(data, CsvDataset) and not is_snapshot_uri(uri) and format_of(uri) == CSV:
                texts[name] = outputs.enter_context(output(form=_form(data, name)))
            else:
                schema = data.schema if name == CLEAN else quarantine_schema(_as_written(data).schema)
                rows[name] = outputs.enter_context(output(schema=schema))
        if texts and isinstance(data, CsvDataset):
            _divide_records(data, measurement, texts)
        if CLEAN in rows or (rows and measurement.report.failing_rows):
            _divide_rows(data, measurement, rows)
        data.confirm()
    commit = data.source.revision
    return {name: replace(target.ref, revision=commit) for name, target in (texts | rows).items()}


def _form(data: CsvDataset, name: str) -> CsvFormat | None:
    """The dialect of a part: that of the data, with a name for the reasons where the names stand in it."""
    form = data.source.csv
    if form is None or form.columns is None or name == CLEAN:
        return form
    return replace(form, columns=(*form.columns, REASONS))


def _as_written(data: Dataset) -> Dataset:
    """The data with text where a cell does not fit its type: set aside, it keeps what it is."""
    if not isinstance(data, CsvDataset) or not data.misfits:
        return data
    return data.as_texts([each.column for each in data.misfits])


def _divide_rows(data: Dataset, measurement: Measurement, targets: Mapping[str, NewDataset]) -> None:
    written, texts = dict.fromkeys(targets, 0), _as_written(data)
    if texts is data:
        parts = measurement.failing.separate(data.batches(), clean=CLEAN in targets)
        _write_parts(parts, targets, written)
    else:
        for name, source in ((CLEAN, data), (QUARANTINED, texts)):
            if name in targets:
                parts = measurement.failing.separate(source.batches(), clean=name == CLEAN, as_scanned=False)
                _write_parts(parts, {name: targets[name]}, written)
    _require_counted(data, measurement, written)


def _write_parts(parts: _Parts, targets: Mapping[str, NewDataset], written: dict[str, int]) -> None:
    for each in parts:
        for name, part in zip((CLEAN, QUARANTINED), each, strict=True):
            if part is not None and name in targets:
                targets[name].write_rows(part)
                written[name] += part.num_rows


def _divide_records(data: CsvDataset, measurement: Measurement, targets: Mapping[str, NewDataset]) -> None:
    """As they stand: a zip code keeps its zeros, a price its digits, and ``NA`` what it is."""
    header = data.header
    for name, target in targets.items():
        # Of files without a header, an empty text: the file is there even without rows.
        target.write_text(
            b"" if header is None else header if name == CLEAN else with_field(header, REASONS, data.form)
        )
    if CLEAN not in targets and not measurement.report.failing_rows:
        return
    entries, written = measurement.failing.each(), {CLEAN: 0, QUARANTINED: 0}
    row, reasons = next(entries, (-1, ""))
    for number, record in enumerate(data.records()):
        name = QUARANTINED if number == row else CLEAN
        written[name] += 1
        if name in targets:
            targets[name].write_text(with_field(record, reasons, data.form) if name == QUARANTINED else record)
        if name == QUARANTINED:
            row, reasons = next(entries, (-1, ""))
    _require_counted(data, measurement, written)


def _require_counted(data: Dataset, measurement: Measurement, written: Mapping[str, int]) -> None:
    counted = {CLEAN: measurement.report.clean_rows, QUARANTINED: measurement.report.failing_rows}
    expected = {name: counted[name] for name in written}
    if written != expected:
        raise IntegrityError(f"dataset {data.uri} changed while it was read: rows {written} instead of {expected}")
