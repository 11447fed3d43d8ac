"""How good a model is, with intervals, and whether it is better than another on the same rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from airflow_mlops_provider.analysis.evaluation.comparison import compare, estimate_all
from airflow_mlops_provider.analysis.evaluation.metrics import METRICS, Metric, Predictions, majority_or_mean
from airflow_mlops_provider.records.reports.evaluation import Comparison, Damage, EvaluationReport, Invariant, Latency


def measure_evaluation(
    candidate: Predictions,
    champion: Predictions | None = None,
    *,
    metric: Metric,
    declared: Sequence[Metric] = (),
    groups: ArrayLike | None = None,
    alpha: float = 0.05,
    latency: Latency | None = None,
    invariants: Sequence[Invariant] = (),
    robustness: Sequence[Damage] = (),
    held_out: bool = True,
    notes: Sequence[str] = (),
    seed: int = 0,
) -> EvaluationReport:
    """Measure a candidate, alone and against the champion, on the same rows.

    :param champion: its predictions on the candidate's rows, in the same order.
    :param metric: the deciding one.
    :param declared: all metrics that the model declares; the candidate is compared with the champion in the others too.
    :param groups: group of each row; rows of one group are resampled together.
    :param alpha: one-sided level of the bounds that will be asked for.
    :param latency: measured elsewhere and passed through to the report, as are ``invariants``, ``robustness`` and
        ``notes``.
    :param held_out: whether the rows are others than those that the candidate was trained on.
    :param seed: of every bootstrap.
    """
    names = dict.fromkeys((*METRICS, metric.name))
    return EvaluationReport(
        task=candidate.task,
        metric=metric.name,
        direction=metric.direction,
        rows=len(candidate.truth),
        groups=None if groups is None else len(np.unique(np.asarray(groups))),
        candidate=estimate_all(candidate, groups=groups, seed=seed, names=names),
        champion=estimate_all(champion, groups=groups, seed=seed, names=names) if champion else (),
        against_dummy=compare(
            metric,
            candidate,
            majority_or_mean(candidate, metric),
            name="dummy",
            alphas=[alpha],
            groups=groups,
            seed=seed,
        ),
        against_champion=compare(metric, candidate, champion, name="champion", alphas=[alpha], groups=groups, seed=seed)
        if champion
        else None,
        positive_class=candidate.positive_class,
        other_metrics=_in_others(candidate, champion, metric, declared, alpha=alpha, groups=groups, seed=seed)
        if champion
        else None,
        latency=latency,
        invariants=tuple(invariants),
        robustness=tuple(robustness),
        held_out=held_out,
        notes=tuple(notes),
    )


def _in_others(
    candidate: Predictions,
    champion: Predictions,
    deciding: Metric,
    declared: Sequence[Metric],
    *,
    alpha: float,
    groups: ArrayLike | None,
    seed: int,
) -> tuple[Comparison, ...] | None:
    """Paired comparisons in the declared metrics besides the deciding one, with bounds at the corrected level."""
    usable = [m for m in declared if m.name != deciding.name and m.applies_to(candidate) and m.applies_to(champion)]
    found = tuple(
        compare(m, candidate, champion, name="champion", alphas=[alpha / len(usable)], groups=groups, seed=seed)
        for m in usable
    )
    return found or None


def unmeasurable(candidate: Predictions, metric: Metric, *, invariants: Sequence[Invariant]) -> EvaluationReport:
    """The report on a model whose answers are no numbers to measure by: its broken invariants and nothing else."""
    return EvaluationReport(
        task=candidate.task,
        metric=metric.name,
        direction=metric.direction,
        rows=len(candidate.truth),
        groups=None,
        candidate=(),
        invariants=tuple(invariants),
    )
