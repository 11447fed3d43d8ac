"""The validation report as one HTML page that needs nothing but a browser, like Great Expectations' Data Docs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_mlops_provider.pages.rendering import render
from airflow_mlops_provider.records.numbers import percent
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.validation import RuleResult, ValidationReport
from airflow_mlops_provider.records.verdict import Status, Verdict

_SHOWN = 10


def validation_html(report: ValidationReport, verdict: Verdict, dataset: DatasetRef) -> str:
    """A page with the verdict, the batch, every rule (broken ones first) and samples; nothing of sensitive columns.

    :param dataset: the batch, pinned.
    """
    return render(
        "validation.html",
        title=f"Validation of {dataset.uri} by {report.name}",
        verdict=verdict,
        facts=_facts(report, dataset, is_refused=verdict.status is Status.FAIL),
        attention=[finding for finding in verdict.findings if finding.status is not Status.PASS],
        rules=[_row(result) for result in sorted(report.results, key=lambda result: result.success)],
        unchecked=report.unchecked,
    )


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One rule as the table shows it.

    :param counted: how many values of how many are unexpected; empty when the rule counts none.
    :param share: of the values that are unexpected, from 0 to 1.
    :param bar: ``share`` in per cent, and never too small to be seen; 0 when nothing is unexpected.
    """

    met: bool
    subject: str
    label: str
    counted: str
    share: str
    bar: float
    observed: str


def _facts(report: ValidationReport, dataset: DatasetRef, *, is_refused: bool) -> dict[str, str]:
    # Rules about the whole batch set no row aside, so that most of a refused batch may look clean.
    clean = f"none, because the batch is refused; {report.clean_rows:,} break no rule about rows"
    facts = {
        "Rows": f"{report.rows:,}",
        "Clean rows": clean if is_refused else f"{report.clean_rows:,}",
        "Rows that break a failed rule": f"{report.failing_rows:,} ({percent(report.failing_share)})",
        "Fingerprint": dataset.fingerprint or "",
        "Quarantine": f"{report.quarantine.uri} ({report.failing_rows:,} rows)" if report.quarantine else "none",
    }
    if report.sensitive:
        facts["Values left out for"] = ", ".join(report.sensitive)
    return facts


def _row(result: RuleResult) -> _Row:
    share = (result.unexpected or 0) / result.considered if result.considered else 0.0
    return _Row(
        met=result.success,
        subject=result.rule.subject,
        label=result.rule.label,
        counted=f"{result.unexpected:,} of {result.considered:,}" if result.unexpected is not None else "",
        share=percent(share),
        bar=max(100 * share, 2.0) if share else 0.0,
        observed=_observed(result),
    )


def _observed(result: RuleResult) -> str:
    if result.problem:
        return result.problem
    if result.rule.type == "expect_column_to_exist":
        return "there" if result.success else "not there"
    parts = []
    if result.observed_min is not None:
        parts.append(f"{_text(result.observed_min)} to {_text(result.observed_max)}")
    if result.result.get("observed_value") is not None:
        parts.append(_text(result.result["observed_value"]))
    counts = result.result.get("partial_unexpected_counts") or []
    listed = [f"{_text(item['value'])} ({item['count']:,})" for item in counts[:_SHOWN] if "value" in item]
    listed = listed or [_text(value) for value in (result.result.get("partial_unexpected_list") or [])[:_SHOWN]]
    if listed:
        parts.append(f"unexpected: {', '.join(listed)}")
    return "; ".join(parts)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, list):
        return ", ".join(map(_text, value[:_SHOWN])) + (", ..." if len(value) > _SHOWN else "")
    return "missing" if value is None else str(value)
