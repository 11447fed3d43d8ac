"""The aliases that have a meaning of their own; every other alias is only a name that a version was promoted to."""

from __future__ import annotations

CHAMPION = "champion"
"""The version in force."""
CHALLENGER = "challenger"
"""The newest version that training registered and nobody has decided about."""
PREVIOUS = "previous"
"""The version that a rollback would put back."""
