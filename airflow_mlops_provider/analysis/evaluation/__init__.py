"""Measure a model's metrics with intervals, and compare it with another model on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from airflow_mlops_provider.analysis.evaluation.comparison import compare, estimate_all
from airflow_mlops_provider.analysis.evaluation.guards import levels_of_guards, measure_guards
from airflow_mlops_provider.analysis.evaluation.metrics import METRICS, Metric, Predictions, majority_or_mean
from airflow_mlops_provider.records.metric_limits import MetricLimits
from airflow_mlops_provider.records.reports.evaluation import Comparison, Damage, EvaluationReport, Invariant, Latency


def measure_evaluation(
    candidate: Predictions,
    champion: Predictions | None = None,
    *,
    metric: Metric,
    declared: Sequence[Metric] = (),
    limits: Mapping[str, MetricLimits] | None = None,
    groups: ArrayLike | None = None,
    alpha: float = 0.05,
    latency: Latency | None = None,
    invariants: Sequence[Invariant] = (),
    robustness: Sequence[Damage] = (),
    held_out: bool = True,
    notes: Sequence[str] = (),
    seed: int = 0,
) -> EvaluationReport:
    """Measure a candidate alone, and compare it with the champion and a dummy model on the same rows.

    :param candidate: predictions of the candidate.
    :param champion: predictions of the champion on the same rows, in the same order; ``None`` without a champion.
    :param metric: the deciding metric.
    :param declared: all metrics that the model declares. Candidate and champion are compared in the others too.
    :param limits: metric name to its limits, for some of ``metric`` and ``declared``.
    :param groups: group of each row, shape ``(n,)``; the rows of a group are resampled together.
    :param alpha: one-sided level of the bounds that the policy uses, in (0, 1).
    :param latency: passed through to the report, as are ``invariants``, ``robustness`` and ``notes``.
    :param held_out: whether the candidate was trained on other rows.
    :param seed: seed of every bootstrap.
    :raises BadInputError: when the deciding metric cannot be computed from the predictions.
    """
    guarded = list({each.name: each for each in (metric, *declared) if each.name in (limits or {})}.values())
    levels = [alpha, *levels_of_guards(limits or {}, alpha)]
    names = {each.name: each for each in (*METRICS.values(), metric, *declared)}
    return EvaluationReport(
        task=candidate.task,
        metric=metric.name,
        direction=metric.direction,
        rows=len(candidate.truth),
        groups=None if groups is None else len(np.unique(np.asarray(groups))),
        candidate=estimate_all(candidate, groups=groups, seed=seed, metrics=names.values()),
        champion=estimate_all(champion, groups=groups, seed=seed, metrics=names.values()) if champion else (),
        against_dummy=compare(
            metric,
            candidate,
            majority_or_mean(candidate, metric),
            name="dummy",
            alphas=[alpha],
            groups=groups,
            seed=seed,
        ),
        against_champion=compare(metric, candidate, champion, name="champion", alphas=levels, groups=groups, seed=seed)
        if champion
        else None,
        positive_class=candidate.positive_class,
        other_metrics=_compare_other_metrics(
            candidate, champion, metric, declared, alphas=levels, groups=groups, seed=seed
        )
        if champion
        else None,
        guards=measure_guards(candidate, guarded, limits or {}, alphas=levels, groups=groups, seed=seed) or None,
        latency=latency,
        invariants=tuple(invariants),
        robustness=tuple(robustness),
        held_out=held_out,
        notes=tuple(notes),
    )


def _compare_other_metrics(
    candidate: Predictions,
    champion: Predictions,
    deciding: Metric,
    declared: Sequence[Metric],
    *,
    alphas: Sequence[float],
    groups: ArrayLike | None,
    seed: int,
) -> tuple[Comparison, ...] | None:
    """Compare both models in the declared metrics other than the deciding one, with bounds at Bonferroni's level."""
    usable = [m for m in declared if m.name != deciding.name and m.applies_to(candidate) and m.applies_to(champion)]
    levels = [*alphas, alphas[0] / max(1, len(usable))]
    found = tuple(
        compare(each, candidate, champion, name="champion", alphas=levels, groups=groups, seed=seed) for each in usable
    )
    return found or None


def report_without_metrics(
    candidate: Predictions, metric: Metric, *, invariants: Sequence[Invariant]
) -> EvaluationReport:
    """Return the report on a model that predicts NaN or infinity: it has the broken invariants and no metrics."""
    return EvaluationReport(
        task=candidate.task,
        metric=metric.name,
        direction=metric.direction,
        rows=len(candidate.truth),
        groups=None,
        candidate=(),
        invariants=tuple(invariants),
    )
