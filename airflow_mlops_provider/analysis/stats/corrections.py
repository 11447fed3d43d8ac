"""Corrections for multiple tests: family-wise error (Sidak) and false discovery rate (Benjamini-Hochberg).

Holm's correction is in ``records.multiple_testing``, because the verdicts use it as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Adjust p-values by Benjamini and Hochberg's step-up procedure.

    Rejecting where the adjusted p-value is at most q keeps the false discovery rate at q.

    :param p_values: p-values of independent or positively dependent tests, shape ``(m,)``, each in [0, 1].
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
    """Return the level of each of ``tests`` independent tests that keeps the family-wise error at ``alpha``.

    :param alpha: family-wise error rate, in (0, 1).
    :param tests: number of tests, at least 1.
    :returns: ``1 - (1 - alpha) ** (1 / tests)``.
    :raises ValueError: when ``tests`` is below 1.

    Source: Sidak 1967, "Rectangular confidence regions for the means of multivariate normal distributions".

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
