"""Whether a training may be used: its stored artifact answers as it did in memory, and it beats a constant answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from airflow_mlops_provider.records.policies.training import TrainingPolicy
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

if TYPE_CHECKING:
    # A Dag file needs the policy alone, and building the classes of a report takes longer than all of this.
    from airflow_mlops_provider.records.reports.training import FoldMetric, TrainingReport

__all__ = ["TrainingPolicy", "judge_training"]


def judge_training(report: TrainingReport, policy: TrainingPolicy) -> Verdict:
    """Judge one training.

    An asymmetric artifact fails. A model no better than a constant answer, or a training over its budget, is a
    notice: whether it is deployed is the promotion gate's decision.
    """
    findings = [_symmetry(report, policy), *_metrics(report), _seconds(report, policy), *_folds(report)]
    return Verdict.of(findings, summary="; ".join([_summary(report, policy), *_notices(report, policy)]))


def _symmetry(report: TrainingReport, policy: TrainingPolicy) -> Finding:
    measured = report.symmetry
    if measured is None or measured.rows == 0:
        status, observed = Status.INSUFFICIENT_EVIDENCE, None
    else:
        observed = measured.max_abs_difference
        status = Status.PASS if observed <= policy.max_symmetry_difference else Status.FAIL
    return Finding(
        subject="inference artifact",
        measure="symmetry_max_abs_difference",
        observed=observed,
        limit=policy.max_symmetry_difference,
        status=status,
        detail=f"{measured.rows} probe rows" if measured else "the stored artifact was not read back",
    )


def _metrics(report: TrainingReport) -> list[Finding]:
    return [_metric(metric, deciding=position == 0) for position, metric in enumerate(report.metrics)]


def _metric(metric: FoldMetric, *, deciding: bool) -> Finding:
    if metric.mean is None:
        return Finding(
            subject="held-out rows",
            measure=metric.name,
            observed=None,
            status=Status.INSUFFICIENT_EVIDENCE if deciding else Status.NOTICE,
            detail="no fold could be judged",
        )
    beaten = metric.dummy is None or (metric.mean - metric.dummy) * metric.direction.sign > 0
    span = f"95 % interval {metric.low:.4g} to {metric.high:.4g}, " if metric.low is not None else ""
    return Finding(
        subject="held-out rows",
        measure=metric.name,
        observed=metric.mean,
        limit=metric.dummy if deciding else None,
        status=Status.PASS if beaten or not deciding else Status.NOTICE,
        detail=f"{span}{len(metric.folds)} folds, the best constant answer has {metric.dummy:.4g}"
        if metric.dummy is not None
        else f"{span}{len(metric.folds)} folds",
    )


def _folds(report: TrainingReport) -> Iterator[Finding]:
    if report.wanted_folds is not None and report.folds < report.wanted_folds:
        yield Finding(
            subject="cross-validation",
            measure="folds",
            observed=float(report.folds),
            limit=float(report.wanted_folds),
            status=Status.PASS,
            detail="there are not as many groups, points in time, or rows of the rarest class",
        )


def _seconds(report: TrainingReport, policy: TrainingPolicy) -> Finding:
    limit = policy.max_training_seconds
    over = limit is not None and report.total_seconds > limit
    return Finding(
        subject="training",
        measure="training_seconds",
        observed=report.total_seconds,
        limit=limit,
        status=Status.NOTICE if over else Status.PASS,
        detail="over its budget" if over else "",
    )


def _notices(report: TrainingReport, policy: TrainingPolicy) -> Iterator[str]:
    """What a notice is about, in words; what has no number says so already."""
    first, limit = report.metrics[0], policy.max_training_seconds
    if first.mean is not None and first.dummy is not None and (first.mean - first.dummy) * first.direction.sign <= 0:
        yield f"no better than the best constant answer ({first.dummy:.3f})"
    if limit is not None and report.total_seconds > limit:
        yield f"over its budget of {limit:g} s"
    yield from (f"{metric.name} unknown" for metric in report.metrics[1:] if metric.mean is None)


def _summary(report: TrainingReport, policy: TrainingPolicy) -> str:
    first = report.metrics[0]
    held_out = f"{first.name} {first.mean:.3f}" if first.mean is not None else f"{first.name} unknown"
    asked = f" of the {report.wanted_folds} wanted" if report.folds < (report.wanted_folds or 0) else ""
    text = (
        f"trained on {report.rows:,} rows in {report.total_seconds:.1f} s: {held_out} over {report.folds}{asked} folds"
    )
    difference = report.symmetry.max_abs_difference if report.symmetry else None
    if difference is not None and difference > policy.max_symmetry_difference:
        text += f"; the stored artifact answers differently (by {difference:g}) and was not registered"
    return text
