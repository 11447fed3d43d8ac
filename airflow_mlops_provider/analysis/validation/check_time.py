"""The time of the check, in UTC, which ``now()`` and the like return in all SQL of a validation.

Otherwise these functions would return another time in every query and in a replay, and depend on the machine.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator

from airflow_mlops_provider.records.rules import Rule

DATES = ("current_date", "today")
TIMESTAMPS = ("current_timestamp", "now", "get_current_timestamp", "transaction_timestamp")
_LOCAL_TIMESTAMPS = ("localtimestamp", "current_localtimestamp")
_TIMES = ("current_time", "localtime", "get_current_time", "current_localtime")
NAMES_WITHOUT_PARENTHESES = frozenset(
    ("current_date", "current_timestamp", "current_time", "localtimestamp", "localtime")
)
"""Names of the current time that SQL writes without parentheses, like a column."""

_ALL = (*DATES, *TIMESTAMPS, *_LOCAL_TIMESTAMPS, *_TIMES, "age")
_CURRENT_TIME = re.compile(rf"\b({'|'.join(_ALL)})\b", re.IGNORECASE)


def current_time_macros(now: dt.datetime) -> Iterator[str]:
    """Yield the statements after which every SQL name of the current time returns ``now``.

    :param now: the time of the check, with time zone.
    """
    moment = now.astimezone(dt.UTC).replace(tzinfo=None).isoformat(sep=" ")
    date, time = moment.split(" ")
    values = {
        **dict.fromkeys(DATES, f"DATE '{date}'"),
        **dict.fromkeys(TIMESTAMPS, f"TIMESTAMPTZ '{moment}+00'"),
        **dict.fromkeys(_LOCAL_TIMESTAMPS, f"TIMESTAMP '{moment}'"),
        **dict.fromkeys(_TIMES, f"TIME '{time}'"),
    }
    for name, value in values.items():
        yield f'CREATE MACRO "{name}"() AS {value}'
    yield f"CREATE MACRO age(a) AS system.main.age(DATE '{date}'::TIMESTAMP, a), (a, b) AS system.main.age(a, b)"


def current_time_sql(text: object) -> str | None:
    """Return SQL for an argument such as ``current_date`` or ``now()``; ``None`` for other values."""
    name = text.strip().removesuffix("()").strip().lower() if isinstance(text, str) else ""
    return f"{name}()" if name in (*DATES, *TIMESTAMPS) else None


def depends_on_check_time(rule: Rule) -> bool:
    """Return whether the result of a rule depends on the time of the check."""
    if rule.type == "expect_column_to_be_fresh":
        return not rule.kwargs.get("as_of")
    keys = ("condition", "unexpected_rows_query", "query", "row_condition")
    return any(_CURRENT_TIME.search(json.dumps(rule.kwargs[key], default=str)) for key in keys if key in rule.kwargs)
