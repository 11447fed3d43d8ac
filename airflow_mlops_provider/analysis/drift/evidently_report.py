"""Run Evidently's drift preset, for its HTML report and for the rule that a policy can name."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_mlops_provider.analysis.drift.columns import Rows
from airflow_mlops_provider.analysis.drift.domain_classifier import sample_rows

REPORT_ROWS = 2_000
"""Rows of each side that the report is drawn from; its size and its time are proportional to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidentlyDrift:
    """Result of Evidently's drift preset.

    :param share: share of the columns that Evidently calls drifted.
    :param scores: column to its score, by a method that Evidently chooses.
    :param drifted: columns that Evidently calls drifted.
    """

    share: float
    scores: dict[str, float] = field(default_factory=dict)
    drifted: frozenset[str] = frozenset()


def render_evidently(reference: Rows, current: Rows, columns: Sequence[str]) -> bytes:
    """Return Evidently's data drift report as one HTML page, with a note on the rows that it was drawn from.

    :param reference: rows of the reference.
    :param current: rows of the current batch.
    :param columns: columns to show; leave sensitive ones out.
    """
    before = sample_rows(reference, columns, limit=REPORT_ROWS)
    after = sample_rows(current, columns, limit=REPORT_ROWS)
    with warnings.catch_warnings():
        # A deprecation warning of the library must not fail the check.
        warnings.simplefilter("ignore")
        page: str = _run(before, after).get_html_str(as_iframe=False)
    note = (
        '<p style="font: 14px sans-serif; padding: 8px 16px; background: #fff3cd">'
        f"Drawn by Evidently from {before.num_rows:,} of {reference.rows:,} reference rows and "
        f"{after.num_rows:,} of {current.rows:,} current rows, sampled at random. "
        "It is here to look at; the verdict was made from all rows, by other tests.</p>"
    )
    return _with_note(page, note).encode()


def measure_evidently(reference: Rows, current: Rows, columns: Sequence[str]) -> EvidentlyDrift:
    """Run Evidently's drift preset with its own methods and limits on all rows, which are held in memory.

    :param reference: rows of the reference.
    :param current: rows of the current batch.
    :param columns: columns to compare.
    """
    before = sample_rows(reference, columns, limit=reference.rows)
    after = sample_rows(current, columns, limit=current.rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        metrics = _run(before, after).dict()["metrics"]
    share, scores, drifted = 0.0, {}, set()
    for metric in metrics:
        config, value = metric["config"], metric["value"]
        if "drift_share" in config:
            share = float(value["share"])
        else:
            scores[config["column"]] = float(value)
            if _is_drifted(config, float(value)):
                drifted.add(config["column"])
    return EvidentlyDrift(share=share, scores=scores, drifted=frozenset(drifted))


def _is_drifted(config: dict[str, Any], value: float) -> bool:
    """Return whether Evidently calls the column drifted: p-values below the limit, distances at or above it."""
    limit = float(config["threshold"])
    return value < limit if "p_value" in config["method"] else value >= limit


def _run(before: Any, after: Any) -> Any:
    from evidently import Report
    from evidently.presets import DataDriftPreset

    return Report([DataDriftPreset()]).run(after.to_pandas(), before.to_pandas())


def _with_note(page: str, note: str) -> str:
    start = page.find("<body")
    end = page.find(">", start) + 1
    return page[:end] + note + page[end:] if start >= 0 else note + page
