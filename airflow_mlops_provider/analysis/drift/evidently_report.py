"""Evidently's HTML report: something to look at, never the judge."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from airflow_mlops_provider.analysis.drift.columns import Rows
from airflow_mlops_provider.analysis.drift.joint import sample_rows

REPORT_ROWS = 2_000
"""Rows a side that the report is drawn from; its size and time grow with them."""


def render_evidently(reference: Rows, current: Rows, columns: Sequence[str]) -> bytes:
    """Evidently's data drift report as one HTML page, with a line on top that says what it was drawn from.

    :param columns: to show; leave sensitive ones out.
    """
    with warnings.catch_warnings():
        # A picture must not turn a library's deprecation into a failed check.
        warnings.simplefilter("ignore")
        from evidently import Report
        from evidently.presets import DataDriftPreset

        before = sample_rows(reference, columns, limit=REPORT_ROWS)
        after = sample_rows(current, columns, limit=REPORT_ROWS)
        snapshot = Report([DataDriftPreset()]).run(after.to_pandas(), before.to_pandas())
        page: str = snapshot.get_html_str(as_iframe=False)
    note = (
        '<p style="font: 14px sans-serif; padding: 8px 16px; background: #fff3cd">'
        f"Drawn by Evidently from {before.num_rows:,} of {reference.rows:,} reference rows and "
        f"{after.num_rows:,} of {current.rows:,} current rows, sampled at random. "
        "It is here to look at; the verdict was made from all rows, by other tests.</p>"
    )
    return _with_note(page, note).encode()


def _with_note(page: str, note: str) -> str:
    start = page.find("<body")
    end = page.find(">", start) + 1
    return page[:end] + note + page[end:] if start >= 0 else note + page
