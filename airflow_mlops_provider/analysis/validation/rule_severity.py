"""Read the severity of a rule, as data contracts and Great Expectations write it."""

from __future__ import annotations

from typing import Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.rules import RuleSeverity

_NAMES = {
    **dict.fromkeys(("error", "critical", "fatal", "blocker", "high", "major", "fail"), RuleSeverity.ERROR),
    **dict.fromkeys(("warning", "warn"), RuleSeverity.WARNING),
    **dict.fromkeys(("info", "information", "informational"), RuleSeverity.INFO),
}


def severity_of(name: Any, source: str) -> RuleSeverity | None:
    """Return the severity with that name.

    :param name: a name of a severity in any case, or ``None``.
    :param source: place of the rule, for messages.
    :returns: ``None`` when there is no name.
    :raises BadInputError: when the name is unknown, because a rule must not pass by a misspelt severity.
    """
    if name is None:
        return None
    found = _NAMES.get(str(name).strip().lower())
    if found is None:
        raise BadInputError(f"{source}: severity {name!r} is not one of error, warning, info")
    return found
