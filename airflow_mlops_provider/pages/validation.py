"""The report as one HTML page that needs nothing but a browser, like Great Expectations' Data Docs."""

from __future__ import annotations

from html import escape
from typing import Any

from airflow_mlops_provider.records.numbers import percent
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.validation import RuleResult, ValidationReport
from airflow_mlops_provider.records.verdict import Verdict

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --pass: #1a7f37; --fail: #cf222e; --notice: #9a6700; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .25rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; padding: .5rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .6rem; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; } code { overflow-wrap: anywhere; }
.mark { font-weight: 600; white-space: nowrap; } .pass { color: var(--pass); } .fail { color: var(--fail); }
.notice, .insufficient_evidence { color: var(--notice); }
.bar { background: var(--line); border-radius: 3px; height: .5rem; min-width: 6rem; overflow: hidden; }
.bar i { background: var(--fail); display: block; height: 100%; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dd { margin: 0; overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) { :root { --pass: #3fb950; --fail: #ff7b72; --notice: #d29922; } }
"""
_SHOWN = 10


def validation_html(report: ValidationReport, verdict: Verdict, dataset: DatasetRef) -> str:
    """A page with the verdict, the batch, every rule (broken ones first) and samples; nothing of sensitive columns.

    :param dataset: the batch, pinned.
    """
    title = f"Validation of {dataset.uri} by {report.name}"
    sections = [
        f"<h1>{escape(title)}</h1>",
        f'<p><span class="mark {verdict.status}">{_spoken(verdict.status)}</span>: {escape(verdict.summary)}</p>',
        _facts(report, dataset),
        _findings(verdict),
        _rules(report),
        _unchecked(report),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body>{''.join(sections)}</body></html>\n"
    )


def _spoken(status: str) -> str:
    return status.replace("_", " ")


def _facts(report: ValidationReport, dataset: DatasetRef) -> str:
    facts = {
        "Rows": f"{report.rows:,}",
        "Clean rows": f"{report.clean_rows:,}",
        "Rows that break a failed rule": f"{report.failing_rows:,} ({percent(report.failing_share)})",
        "Fingerprint": dataset.fingerprint or "",
        "Quarantine": f"{report.quarantine.uri} ({report.failing_rows:,} rows)" if report.quarantine else "none",
    }
    if report.sensitive:
        facts["Values left out for"] = ", ".join(report.sensitive)
    return f"<dl>{''.join(f'<dt>{key}</dt><dd>{escape(value)}</dd>' for key, value in facts.items())}</dl>"


def _findings(verdict: Verdict) -> str:
    worth = [finding for finding in verdict.findings if finding.status != "pass"]
    if not worth:
        return ""
    items = "".join(
        f'<li><span class="mark {finding.status}">{_spoken(finding.status)}</span> '
        f"<strong>{escape(finding.subject)}</strong>: {escape(finding.detail)}</li>"
        for finding in worth
    )
    return f"<h2>What needs attention</h2><ul>{items}</ul>"


def _rules(report: ValidationReport) -> str:
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("Met", "Column", "Rule", "Unexpected", "Share", "Observed")
    )
    rows = "".join(map(_rule, sorted(report.results, key=lambda result: result.success)))
    return f"<h2>Rules</h2><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _rule(result: RuleResult) -> str:
    mark = ("pass", "yes") if result.success else ("fail", "no")
    counted = f"{result.unexpected:,} of {result.considered:,}" if result.unexpected is not None else ""
    cells = [
        f'<td class="mark {mark[0]}">{mark[1]}</td>',
        f"<td>{escape(result.rule.subject)}</td>",
        f"<td><code>{escape(result.rule.label)}</code></td>",
        f'<td class="number">{counted}</td>',
        f"<td>{_bar(result)}</td>",
        f"<td>{escape(_observed(result))}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _bar(result: RuleResult) -> str:
    if not result.unexpected or not result.considered:
        return ""
    share = result.unexpected / result.considered
    return f'<div class="bar" title="{percent(share)}"><i style="width:{max(100 * share, 2):.1f}%"></i></div>'


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


def _unchecked(report: ValidationReport) -> str:
    if not report.unchecked:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in report.unchecked)
    return f"<h2>Declared, but not checked here</h2><ul>{items}</ul>"
