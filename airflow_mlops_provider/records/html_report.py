"""When a report for people is drawn beside the evidence."""

from __future__ import annotations

from enum import StrEnum


class HtmlReport(StrEnum):
    """When Evidently's page is drawn: importing Evidently alone takes longer than most checks.

    ``on_drift`` means a verdict of ``fail`` or ``notice``: on quiet days nobody looks.
    """

    ALWAYS = "always"
    ON_DRIFT = "on_drift"
    NEVER = "never"
