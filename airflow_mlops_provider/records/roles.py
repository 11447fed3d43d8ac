"""The aliases that have a meaning of their own; every other alias is only a name that a version was promoted to."""

from __future__ import annotations

import re

from airflow_mlops_provider.exceptions import BadInputError

CHAMPION = "champion"
"""The version in force."""
CHALLENGER = "challenger"
"""The newest version that training registered and nobody has decided about."""
PREVIOUS = "previous"
"""The version that a rollback would put back."""

_ALIAS = re.compile(r"[A-Za-z0-9_-]+")
_VERSION = re.compile(r"v\d+")


def require_alias(alias: str) -> None:
    """Raise ``BadInputError`` for an alias that the registry would refuse, or that follows the record by itself.

    Asked before anything is committed: a decision about an alias that cannot move could never be carried out.
    """
    if not _ALIAS.fullmatch(alias) or alias.lower() == "latest" or _VERSION.fullmatch(alias.lower()):
        raise BadInputError(f"key 'alias' is {alias!r}: use letters, digits, '_' and '-', but not 'latest' or 'v1'")
    if alias in (PREVIOUS, CHALLENGER):
        raise BadInputError(f"key 'alias' is {alias!r}, which follows the record by itself; it is not promoted to")
