"""Moments as records carry them: ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow_mlops_provider.exceptions import BadInputError


def require_moment(text: str, *, key: str) -> None:
    """Raise ``BadInputError`` for what is no moment that can be told in UTC, naming the key."""
    try:
        datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadInputError(f"key {key!r} is {text[:40]!r}, not a moment in ISO 8601") from error
