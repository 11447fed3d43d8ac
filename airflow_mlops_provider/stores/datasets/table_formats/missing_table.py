"""The error of a table that is not there yet; light, for whoever waits for one."""

from __future__ import annotations

from airflow_mlops_provider.exceptions import BadInputError


class MissingTableError(BadInputError):
    """There is no such table yet."""
