"""Holm's correction for many tests at once: one function for what is measured and for what is judged again later.

It needs the standard library alone, so that a verdict can be judged again anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from airflow_mlops_provider.exceptions import BadInputError


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: rejecting where the result is at most a holds the family-wise error at a.

    Valid under any dependence between the tests; lies between the raw p-values and Bonferroni's.

    :param p_values: each in [0, 1].
    :returns: adjusted p-values, in the order given.
    :raises BadInputError: when a p-value is NaN or outside [0, 1]: it would compare false and so pass.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    outside = [p for p in p_values if not 0 <= p <= 1]
    if outside:
        raise BadInputError(f"p-values must lie in [0, 1]: {outside[:3]}")
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted
