"""Run Evidently's drift preset, for its HTML report and for the rule that a policy can name."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from airflow_mlops_provider.analysis.drift.columns import Rows
from airflow_mlops_provider.analysis.drift.domain_classifier import sample_rows
from airflow_mlops_provider.records.verdict import Verdict

_STYLE = """<style>
body { margin: 0; }
.mlops-note { font: 14px/1.5 sans-serif; padding: 8px 16px; background: #fff3cd; color: #332701; }
.mlops-note p { margin: 4px 0; }
[id^="root_metric_"] { overflow-x: auto; }
[id^="root_metric_"] > * { min-width: 860px; }
</style>"""
"""Evidently's page follows the theme, its text colour included, and is cut on a narrow screen instead of scrolled."""
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


def render_evidently(reference: Rows, current: Rows, columns: Sequence[str], verdict: Verdict) -> bytes:
    """Return Evidently's data drift report as one HTML page, with the verdict and its number of rows on top.

    :param reference: rows of the reference.
    :param current: rows of the current batch.
    :param columns: columns to show; leave sensitive ones out.
    :param verdict: of the check, which need not be what Evidently's own rule says.
    """
    before = sample_rows(reference, columns, limit=REPORT_ROWS)
    after = sample_rows(current, columns, limit=REPORT_ROWS)
    with warnings.catch_warnings():
        # A deprecation warning of the library must not fail the check.
        warnings.simplefilter("ignore")
        page: str = _run(before, after).get_html_str(as_iframe=False)
    said = f"<strong>{escape(verdict.status.replace('_', ' '))}: {escape(verdict.summary)}</strong>"
    note = (
        f"{_STYLE}<div class='mlops-note'><p>{said}</p><p>That is the verdict, made from all rows. Below is what "
        f"Evidently draws and says by its own rule, from {before.num_rows:,} of {reference.rows:,} reference rows and "
        f"{after.num_rows:,} of {current.rows:,} current rows, sampled at random. Where it says otherwise, the verdict "
        "stands.</p></div>"
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
