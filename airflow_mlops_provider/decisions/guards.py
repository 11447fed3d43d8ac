"""Metrics that must not fall while another one decides: floors, and losses against the champion.

A limit is passed when the confidence bound of the value, or of the gain over the champion, lies within it. It fails
when the whole interval lies beyond it, at the policy's level divided by the number of limits, so that the chance that
any limit fails a candidate that is truly within all of them is at most that level. An interval that contains its limit
shows neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from airflow_mlops_provider.decisions.summaries import first_clause
from airflow_mlops_provider.records.policies.evaluation import EvaluationPolicy
from airflow_mlops_provider.records.policies.gate import MIN_UNITS
from airflow_mlops_provider.records.verdict import Finding, Status

if TYPE_CHECKING:
    from airflow_mlops_provider.records.metric_limits import MetricLimits
    from airflow_mlops_provider.records.reports.evaluation import Bound, Comparison, EvaluationReport, GuardedMetric

_VALUE, _GAIN, _MEASURED = "_value_bound", "_gain_bound", "_measured"
"""How the measures of the findings end."""


class _Limit(NamedTuple):
    """One limit, turned so that higher is better: ``value`` must be at least ``limit``."""

    subject: str
    measure: str
    value: float
    limit: float
    bounds: tuple[Bound, ...]
    units: int
    sign: int
    what: str


def judge_guards(report: EvaluationReport, policy: EvaluationPolicy) -> tuple[Finding, ...]:
    """One finding for each limit on a metric, and for each that could not be measured.

    :raises BadInputError: for a limit of the policy that means nothing for its metric, such as ``min`` of a loss.
    """
    declared = {guard.name: guard.limits for guard in report.guards or ()} | dict(policy.guards or {})
    found = [_limits(name, limits, report) for name, limits in declared.items() if limits.is_guard]
    count = sum(isinstance(each, _Limit) for limits in found for each in limits)
    return tuple(
        _judge(each, policy, count) if isinstance(each, _Limit) else each for limits in found for each in limits
    )


def _limits(name: str, limits: MetricLimits, report: EvaluationReport) -> list[_Limit | Finding]:
    return [*_of_value(name, limits, report), *_of_loss(name, limits, report)]


def _of_value(name: str, limits: MetricLimits, report: EvaluationReport) -> Iterator[_Limit | Finding]:
    limit = limits.value_limit
    if limit is None:
        return
    guard = next((each for each in report.guards or () if each.name == name), None)
    if guard is None or guard.value is None or guard.bounds is None:
        yield _unmeasured(name, limit)
        return
    limits.require_fit(f"metric {name}", guard.direction)
    sign = guard.direction.sign
    yield _Limit(
        subject=name,
        measure=f"{name}{_VALUE}",
        value=sign * guard.value,
        limit=sign * limit,
        bounds=_turned(guard),
        units=guard.units,
        sign=sign,
        what=f"{name} {guard.value:.4g} (limit {limit:g})",
    )


def _turned(guard: GuardedMetric) -> tuple[Bound, ...]:
    from airflow_mlops_provider.records.reports.evaluation import Bound

    if guard.direction.sign > 0:
        return guard.bounds or ()
    return tuple(Bound(alpha=each.alpha, lower=-each.upper, upper=-each.lower) for each in guard.bounds or ())


def _of_loss(name: str, limits: MetricLimits, report: EvaluationReport) -> Iterator[_Limit | Finding]:
    loss = limits.largest_loss
    if loss is None or report.against_champion is None:
        return
    compared = _comparison(name, report)
    if compared is None:
        yield _unmeasured(name, loss)
        return
    yield _Limit(
        subject=f"{name} against {compared.other}",
        measure=f"{name}{_GAIN}",
        value=compared.gain,
        limit=-loss,
        bounds=compared.bounds,
        units=compared.units,
        sign=1,
        what=f"{name} {compared.value:.4g} against {compared.other_value:.4g} of the {compared.other} "
        f"(may lose {loss:g})",
    )


def _comparison(name: str, report: EvaluationReport) -> Comparison | None:
    return next(
        (each for each in (report.against_champion, *(report.other_metrics or ())) if each and each.metric == name),
        None,
    )


def _judge(each: _Limit, policy: EvaluationPolicy, count: int) -> Finding:
    from airflow_mlops_provider.records.reports.evaluation import bound_near

    lower, upper = bound_near(each.bounds, policy.alpha).lower, bound_near(each.bounds, policy.alpha / count).upper
    status = _status(each, policy, lower, upper)
    shown = upper if status is Status.FAIL else lower
    return Finding(
        subject=each.subject,
        measure=each.measure,
        observed=each.sign * shown,
        limit=each.sign * each.limit,
        status=status,
        detail=_detail(each, status, lower, upper),
    )


def _status(each: _Limit, policy: EvaluationPolicy, lower: float, upper: float) -> Status:
    if upper < each.limit:
        return Status.FAIL
    if each.units < MIN_UNITS:
        return Status.INSUFFICIENT_EVIDENCE
    if lower >= each.limit:
        return Status.PASS
    is_allowed = policy.allow_undecided_guards and each.value >= each.limit
    return Status.NOTICE if is_allowed else Status.INSUFFICIENT_EVIDENCE


def _detail(each: _Limit, status: Status, lower: float, upper: float) -> str:
    if status is Status.PASS:
        return ""
    low, high = sorted((each.sign * lower, each.sign * upper))
    of = "gain" if each.measure.endswith(_GAIN) else "value"
    known = f"{each.what}; the {of} lies in [{low:+.4g}, {high:+.4g}]"
    return known if status is Status.FAIL else f"{known}, which does not show whether the limit is kept"


def _unmeasured(name: str, limit: float) -> Finding:
    return Finding(
        subject=name,
        measure=f"{name}{_MEASURED}",
        observed=None,
        limit=limit,
        status=Status.INSUFFICIENT_EVIDENCE,
        detail=f"{name} has a limit, and the evaluation did not measure it",
    )


def reason_of(finding: Finding) -> str:
    """What the summary says of a limit that is not kept; empty for a finding of another rule."""
    is_guard = finding.measure.endswith((_VALUE, _GAIN, _MEASURED))
    return first_clause(finding.detail) if is_guard else ""
