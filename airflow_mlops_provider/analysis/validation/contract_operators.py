"""Operators of a data contract's quality rules as limits; all operators of a rule must hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.rules import Limits, Tolerance, Unit

_ONE: dict[str, Callable[[float], Limits]] = {
    "mustBe": lambda v: Limits(min_value=v, max_value=v),
    "mustNotBe": lambda v: Limits(min_value=v, max_value=v, excluded=True),
    "mustBeGreaterThan": lambda v: Limits(min_value=v, strict_min=True),
    "mustBeGreaterOrEqualTo": lambda v: Limits(min_value=v),
    "mustBeGreaterThanOrEqualTo": lambda v: Limits(min_value=v),
    "mustBeLessThan": lambda v: Limits(max_value=v, strict_max=True),
    "mustBeLessOrEqualTo": lambda v: Limits(max_value=v),
    "mustBeLessThanOrEqualTo": lambda v: Limits(max_value=v),
}
_TWO: dict[str, Callable[[float, float], Limits]] = {
    "mustBeBetween": lambda low, high: Limits(min_value=low, max_value=high),
    "mustNotBeBetween": lambda low, high: Limits(min_value=low, max_value=high, excluded=True),
}
OPERATORS = (*_ONE, *_TWO)


def operator_limits(
    quality: Mapping[str, Any], source: str, *, default: Limits | None = None, flags: bool = False
) -> tuple[Limits, ...]:
    """Return the limits of a quality rule, all of which must hold: one for the allowed range, one for each exclusion.

    :param quality: the rule as parsed YAML.
    :param source: place of the rule, for messages.
    :param default: limits of a rule without an operator; ``None`` when the rule must have one.
    :param flags: whether true and false are allowed as values, for queries that return booleans.
    :raises BadInputError: when an operator is missing, is not a number, or contradicts another; names it.
    """
    given = [key for key in OPERATORS if key in quality]
    if not given and default is not None:
        return (default,)
    if not given:
        raise BadInputError(f"{source} must have one operator such as mustBe, not none")
    found = [_limits(key, quality[key], source, flags=flags) for key in given]
    allowed = [limits for limits in found if not limits.excluded]
    excluded = tuple(limits for limits in found if limits.excluded)
    return (*((_intersection(allowed, given, source),) if allowed else ()), *excluded)


def operator_tolerances(
    quality: Mapping[str, Any], source: str, *, default: Limits | None = None
) -> tuple[Tolerance, ...]:
    """Return how many unexpected rows a quality rule accepts; all of the tolerances must accept them.

    :param quality: the rule as parsed YAML.
    :param source: place of the rule, for messages.
    :param default: limits of a rule without an operator; ``None`` when the rule must have one.
    :raises BadInputError: when the unit or an operator is wrong; names it.
    """
    unit = quality.get("unit", "rows")
    if unit not in ("rows", "percent"):
        raise BadInputError(f"{source}: unit {unit!r} is not rows or percent")
    found = operator_limits(quality, source, default=default)
    return tuple(Tolerance(limits=limits, unit=Unit(unit)) for limits in found)


def _limits(key: str, value: Any, source: str, *, flags: bool) -> Limits:
    values = list(value) if key in _TWO and isinstance(value, list | tuple) else [value]
    if flags:
        values = [int(item) if isinstance(item, bool) else item for item in values]
    numbers = all(isinstance(item, int | float) and not isinstance(item, bool) for item in values)
    if not numbers or len(values) != (2 if key in _TWO else 1):
        raise BadInputError(f"{source}: {key} is {value!r}, not {'two numbers' if key in _TWO else 'a number'}")
    if key in _TWO:
        return _TWO[key](*map(float, values))
    return _ONE[key](float(values[0]))


def _intersection(found: list[Limits], given: list[str], source: str) -> Limits:
    """Return the intersection of the limits: the highest lower and the lowest upper bound.

    :raises BadInputError: when no number is within all limits.
    """
    lows = [(limits.min_value, limits.strict_min) for limits in found if limits.min_value is not None]
    highs = [(-limits.max_value + 0.0, limits.strict_max) for limits in found if limits.max_value is not None]
    low, strict_min = max(lows, default=(None, False))
    high, strict_max = max(highs, default=(None, False))
    top = None if high is None else 0.0 - high
    if low is not None and top is not None and (low > top or (low == top and (strict_min or strict_max))):
        what = f"the lower bound {low:g} is above the upper bound {top:g}" if low > top else f"{low:g} is left out"
        raise BadInputError(f"{source}: no number meets {', '.join(given)}: {what}")
    return Limits(min_value=low, max_value=top, strict_min=strict_min, strict_max=strict_max)
