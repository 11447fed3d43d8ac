"""Corrections for many tests at once: family-wise (Sidak) and false-discovery (Benjamini-Hochberg).

Holm's stands in ``records.multiple_testing``, because verdicts are judged by it as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Benjamini and Hochberg's step-up adjustment: rejecting where the result is <= q holds the false-discovery rate.

    :param p_values: shape ``(m,)``, each in [0, 1]; independent or positively dependent tests.
    :returns: adjusted p-values (q-values) in the order given, shape ``(m,)``.
    :raises ValueError: when a p-value is NaN or outside [0, 1].

    Source: Benjamini & Hochberg 1995, "Controlling the false discovery rate".

    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    return _unsort(np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0), order)


def sidak_level(alpha: float, tests: int) -> float:
    """The level of each of ``tests`` independent tests that keeps the family-wise error at ``alpha``.

    Source: Sidak 1967. ``1 - (1 - alpha) ** (1 / tests)``.

    >>> round(sidak_level(0.05, 30), 6)
    0.001708
    """
    if tests < 1:
        raise ValueError(f"tests must be at least 1, not {tests}")
    return float(-np.expm1(np.log1p(-alpha) / tests))


def _unsort(values: Floats, order: NDArray[np.intp]) -> Floats:
    result = np.empty_like(values)
    result[order] = values
    return result


def _checked(p_values: ArrayLike | Sequence[float]) -> Floats:
    p = np.asarray(p_values, dtype=np.float64).reshape(-1)
    if not bool(np.all((p >= 0) & (p <= 1))):
        raise ValueError(f"p-values must lie in [0, 1]: {p[~((p >= 0) & (p <= 1))][:3].tolist()}")
    return p
