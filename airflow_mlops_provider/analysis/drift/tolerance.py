"""Did the values move, or only jump off their places? How much of a KS distance is left when small moves are forgiven.

Where many rows share a value, the smallest move of all values makes a KS distance as large as the most frequent value
is: ages of 24.05 instead of 24 are a distance of 0.1. So a distance matters only when values moved by enough.
"""

from __future__ import annotations

import numpy as np

from airflow_mlops_provider.analysis.drift.profile import NumericProfile

TOLERATED_SHARE = 0.05
"""Robust standard deviations of the reference by which a value may move for nothing."""

COUNTS = 2.0
"""Times what is left of a distance that the distance may count: then a shift of a normal distribution that reaches the
default floor counts in full, and values that jump off their places count for nothing."""


def spread_of(profile: NumericProfile) -> float:
    """Robust standard deviation: of a normal distribution with the same quartiles, or the same middle nine tenths.

    :returns: in the units of the values; 0 when nine tenths of them are one value.
    """
    low, early, late, high = profile.quantiles((0.05, 0.25, 0.75, 0.95)).tolist()
    return float((late - early) / 1.349 or (high - low) / 3.29)


def tolerated_move(profile: NumericProfile) -> float:
    """By how much a value of this reference may move for nothing, in the units of the values."""
    spread = spread_of(profile)
    # Nearly the largest numbers there are: their differences overflow, and nothing is forgiven.
    return TOLERATED_SHARE * spread if np.isfinite(spread) else 0.0


def moved_interval(reference: NumericProfile, current: NumericProfile, by: float) -> tuple[float, float]:
    """An interval that certainly contains :func:`~.distances.ks_distance_beyond` of the two columns.

    At least this share of the values lies further than ``by`` from where it lay, however they are paired.

    :param by: what is forgiven, in the units of the values; the profiles have the same edges.
    """
    edges = reference.edges
    f, g = reference.steps, current.steps
    # Values below an edge are below edge + by once moved; how many of the other side's are is known at edges near it.
    above = np.searchsorted(edges, edges + by, side="left") + 1
    reached = np.nextafter(np.concatenate([[-np.inf], edges]) + by, np.inf)
    below = np.searchsorted(edges, reached, side="right")
    low = max(float((one[1:-1] - other[above]).max(initial=0.0)) for one, other in ((f, g), (g, f)))
    high = max(float((one[1:] - other[below]).max(initial=0.0)) for one, other in ((f, g), (g, f)))
    return low, min(1.0, max(low, high))


def robust(distance: float, left: float) -> float:
    """A KS distance as it counts, from what is left of it when small moves are forgiven."""
    return min(distance, COUNTS * left)
