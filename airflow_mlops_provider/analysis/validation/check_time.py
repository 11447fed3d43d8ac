"""The time of the check: one moment for a whole validation, in UTC, which SQL knows as its present.

``now()`` and its like would otherwise be a moment later in every query, the machine's own, and another in a replay.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator

from airflow_mlops_provider.records.rules import Rule

DATES = ("current_date", "today")
MOMENTS = ("current_timestamp", "now", "get_current_timestamp", "transaction_timestamp")
_LOCAL_MOMENTS = ("localtimestamp", "current_localtimestamp")
_TIMES = ("current_time", "localtime", "get_current_time", "current_localtime")
BARE_NAMES = frozenset(("current_date", "current_timestamp", "current_time", "localtimestamp", "localtime"))
"""Names of the present that SQL writes like a column."""

_ALL = (*DATES, *MOMENTS, *_LOCAL_MOMENTS, *_TIMES, "age")
_ASKS = re.compile(rf"\b({'|'.join(_ALL)})\b", re.IGNORECASE)


def present_macros(now: dt.datetime) -> Iterator[str]:
    """Statements after which every name of the present means ``now``.

    :param now: the time of the check, with time zone.
    """
    moment = now.astimezone(dt.UTC).replace(tzinfo=None).isoformat(sep=" ")
    date, time = moment.split(" ")
    values = {
        **dict.fromkeys(DATES, f"DATE '{date}'"),
        **dict.fromkeys(MOMENTS, f"TIMESTAMPTZ '{moment}+00'"),
        **dict.fromkeys(_LOCAL_MOMENTS, f"TIMESTAMP '{moment}'"),
        **dict.fromkeys(_TIMES, f"TIME '{time}'"),
    }
    for name, value in values.items():
        yield f'CREATE MACRO "{name}"() AS {value}'
    yield f"CREATE MACRO age(a) AS system.main.age(DATE '{date}'::TIMESTAMP, a), (a, b) AS system.main.age(a, b)"


def present_sql(text: object) -> str | None:
    """SQL for ``current_date``, ``now()`` and the like where an argument is written so; ``None`` for another text."""
    name = text.strip().removesuffix("()").strip().lower() if isinstance(text, str) else ""
    return f"{name}()" if name in (*DATES, *MOMENTS) else None


def asks_for_time(rule: Rule) -> bool:
    """Whether what the rule says depends on when it is asked."""
    if rule.type == "expect_column_to_be_fresh":
        return not rule.kwargs.get("as_of")
    keys = ("condition", "unexpected_rows_query", "query", "row_condition")
    return any(_ASKS.search(json.dumps(rule.kwargs[key], default=str)) for key in keys if key in rule.kwargs)
