"""Records to words and HTML: the templates and how they write numbers, times and names."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from airflow_mlops_provider.pages.rendering import make_environment
from airflow_mlops_provider.records.decision_record import DecisionKind, DecisionRecord, Effect
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.ui import URL_PREFIX
from airflow_mlops_provider.ui.trends import trend_chart, trends_of
from airflow_mlops_provider.ui.vega import vega_version

NONE = "\N{EN DASH}"
"""What stands where there is nothing."""

TEMPLATES = Path(__file__).parent / "templates"

_KIND_WORDS = {"bias": "Bias slices", "model_card": "Model card"}


def render(request: Request, template: str, *, status_code: int = 200, **context: Any) -> HTMLResponse:
    """A page from ``template``; every value is escaped.

    :param context: what the template shows.
    """
    here = request.scope.get("root_path", "")
    text = (
        environment()
        .get_template(template)
        .render(
            base=here,
            airflow=here.removesuffix(URL_PREFIX),
            now=datetime.now(UTC),
            vega=vega_version(),
            **context,
        )
    )
    return HTMLResponse(text, status_code=status_code)


@cache
def environment() -> Environment:
    """The templates of this room beside those that all pages share."""
    made = make_environment(TEMPLATES)
    made.filters.update(
        ago=ago,
        decision=decision_words,
        kind=kind_words,
        moment=moment,
        number=number,
        p_value=p_value,
        place=place,
        pretty=pretty,
        query=query,
        short=short,
        trend_chart=trend_chart,
        trends=trends_of,
    )
    made.globals["statuses"] = sorted(Status, key=lambda status: -status.severity)
    return made


def number(value: float | None) -> str:
    """Four significant digits; thousands apart; an en dash when there is none."""
    if value is None:
        return NONE
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.4g}" if 1e-4 <= abs(value) < 1e6 else f"{value:.3g}"


def p_value(value: float | None) -> str:
    """Three digits, and a bound instead of a row of zeros."""
    if value is None:
        return NONE
    return f"{value:.3f}" if value >= 0.001 else ("<0.001" if value >= 1e-6 else "<1e-6")


def short(text: str | None) -> str:
    """The first twelve digits of a hash; an en dash when there is none."""
    return text.removeprefix("sha256:")[:12] if text else NONE


def place(uri: str) -> str:
    """The last two parts of an address, enough to tell neighbours apart."""
    parts = uri.rstrip("/").split("/")
    return "/".join(parts[-2:]) if len(parts) > 2 else uri


def moment(value: datetime | str) -> str:
    """Minute and time zone, as people write them."""
    return _when(value).strftime("%Y-%m-%d %H:%M UTC")


def ago(value: datetime | str, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = (now - _when(value)).total_seconds()
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def kind_words(kind: str) -> str:
    """The name of a check at the start of a line."""
    return _KIND_WORDS.get(kind, kind.replace("_", " ").capitalize())


def decision_words(record: DecisionRecord) -> str:
    """What came of a decision, as a headline."""
    version = f"v{record.model.version}"
    if record.kind is DecisionKind.ROLLBACK:
        return f"Rolled back to {version}" if record.moved else f"Rollback to {version} not made"
    champion = f"v{record.champion.version}" if record.champion else "nothing"
    return {
        Effect.MOVED: f"{version} promoted",
        Effect.STAYS: f"Champion stays: {champion}" if record.champion else "Nothing promoted",
        Effect.LOST: f"{version} lost the race",
        Effect.SUGGESTED: f"{version} suggested",
        Effect.AWAITING_APPROVAL: f"{version} awaits approval",
        Effect.PURGED: "Old evidence removed",
    }[record.effect]


def query(value: str) -> str:
    """A value for the query of an address."""
    return quote(value, safe="")


def pretty(value: Any) -> str:
    """Indented JSON, for people."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def _when(value: datetime | str) -> datetime:
    found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return found.astimezone(UTC)
