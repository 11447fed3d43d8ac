"""Measure how much of a KS distance remains when small moves of the values are tolerated.

When many rows share a value, a tiny move of all values makes a KS distance as large as the share of the most frequent
value: ages of 24.05 instead of 24 have a distance of 0.1. So a distance counts only when values move far enough.
"""

from __future__ import annotations

import numpy as np

from airflow_mlops_provider.analysis.drift.profile import NumericProfile

TOLERANCE = 0.05
"""Tolerated move of a value, in robust standard deviations of the reference."""

ROBUST_FACTOR = 2.0
"""A distance counts at most as this many times the distance that remains.

With this factor, a shift of a normal distribution that reaches the default limit counts in full, and tiny moves of
frequent values do not count at all.
"""


def robust_spread(profile: NumericProfile) -> float:
    """Return the robust standard deviation, which is that of a normal distribution with the same quartiles.

    When the quartiles are equal, the 5 % and 95 % quantiles are used.

    :returns: in the units of the values; 0 when nine tenths of the values are equal.
    """
    low, early, late, high = profile.quantiles((0.05, 0.25, 0.75, 0.95)).tolist()
    return float((late - early) / 1.349 or (high - low) / 3.29)


def tolerance_of(profile: NumericProfile) -> float:
    """Return the tolerated move of a value of this reference, in the units of the values."""
    spread = robust_spread(profile)
    # The differences of numbers near the largest float overflow; no move is tolerated then.
    return TOLERANCE * spread if np.isfinite(spread) else 0.0


def ks_beyond_interval(reference: NumericProfile, current: NumericProfile, by: float) -> tuple[float, float]:
    """Return an interval that contains the KS distance beyond a tolerated move, from two profiles.

    The distance is that of :func:`~airflow_mlops_provider.analysis.stats.distances.ks_distance_beyond`.

    :param reference: profile of the reference.
    :param current: profile of the current batch, with the same edges.
    :param by: tolerated move, in the units of the values.
    """
    edges = reference.edges
    f, g = reference.cumulative, current.cumulative
    # Values below an edge are below ``edge + by`` after the move. The other side is known only at the edges next to it.
    above = np.searchsorted(edges, edges + by, side="left") + 1
    reached = np.nextafter(np.concatenate([[-np.inf], edges]) + by, np.inf)
    below = np.searchsorted(edges, reached, side="right")
    low = max(float((one[1:-1] - other[above]).max(initial=0.0)) for one, other in ((f, g), (g, f)))
    high = max(float((one[1:] - other[below]).max(initial=0.0)) for one, other in ((f, g), (g, f)))
    return low, min(1.0, max(low, high))


def robust_distance(distance: float, beyond: float) -> float:
    """Return a KS distance as it counts, from the distance beyond the tolerated move."""
    return min(distance, ROBUST_FACTOR * beyond)
