"""How much a broken rule weighs, in the words of data contracts and of Great Expectations."""

from __future__ import annotations

from typing import Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.rules import RuleSeverity

_WORDS = {
    **dict.fromkeys(("error", "critical", "fatal", "blocker", "high", "major", "fail"), RuleSeverity.ERROR),
    **dict.fromkeys(("warning", "warn"), RuleSeverity.WARNING),
    **dict.fromkeys(("info", "information", "informational"), RuleSeverity.INFO),
}


def severity_of(said: Any, source: str) -> RuleSeverity | None:
    """The severity that ``said`` names, in any case; ``None`` when nothing is said.

    :param source: where it stands, for messages.
    :raises BadInputError: for any other word: it might mean a failure, and it might not.
    """
    if said is None:
        return None
    found = _WORDS.get(str(said).strip().lower())
    if found is None:
        raise BadInputError(f"{source}: severity {said!r} is not one of error, warning, info")
    return found
