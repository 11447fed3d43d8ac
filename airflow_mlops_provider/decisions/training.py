"""Whether a training may be used: its stored artifact answers as it did in memory, and it beats a constant answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from airflow_mlops_provider.decisions.summaries import summarise
from airflow_mlops_provider.records.policies.training import TrainingPolicy
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

if TYPE_CHECKING:
    # A Dag file needs the policy alone, and building the classes of a report takes longer than all of this.
    from airflow_mlops_provider.records.reports.training import FoldMetric, Symmetry, TrainingReport

__all__ = ["TrainingPolicy", "judge_training"]


def judge_training(report: TrainingReport, policy: TrainingPolicy) -> Verdict:
    """Judge one training.

    An asymmetric artifact fails. A model no better than a constant answer, or a training over its budget, is a
    notice: whether it is deployed is the promotion gate's decision.
    """
    findings = [_symmetry(report, policy), *_metrics(report), _seconds(report, policy), *_folds(report)]
    return Verdict.of(findings, summary=_summary(report, policy))


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
        detail=_symmetry_in_words(measured, status),
    )


def _symmetry_in_words(measured: Symmetry | None, status: Status) -> str:
    if measured is None:
        return "the stored artifact was not read back"
    wrong = "the stored artifact answers differently and was not registered, " if status is Status.FAIL else ""
    return f"{wrong}{measured.rows} probe rows"


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
        detail=f"{report.rows:,} rows{', over its budget' if over else ''}",
    )


def _summary(report: TrainingReport, policy: TrainingPolicy) -> str:
    done = f"trained on {report.rows:,} rows in {report.total_seconds:.1f} s"
    difference = report.symmetry.max_abs_difference if report.symmetry else None
    if difference is not None and difference > policy.max_symmetry_difference:
        return summarise(f"the stored artifact answers differently (by {difference:g}) and was not registered")
    limit, reason = policy.max_training_seconds, _notice(report)
    if reason:
        return summarise(_held_out(report), f", {reason}")
    if limit is not None and report.total_seconds > limit:
        return summarise(done, f", over its budget of {limit:g} s")
    return summarise(done, f": {_held_out(report)}")


def _held_out(report: TrainingReport) -> str:
    first = report.metrics[0]
    wanted = f" of the {report.wanted_folds} wanted" if report.folds < (report.wanted_folds or 0) else ""
    number = "unknown" if first.mean is None else f"{first.mean:.3f}"
    return f"{first.name} {number} over {report.folds}{wanted} folds"


def _notice(report: TrainingReport) -> str:
    """What is wrong with the metrics, in words; empty when nothing is."""
    first = report.metrics[0]
    if first.mean is not None and first.dummy is not None and (first.mean - first.dummy) * first.direction.sign <= 0:
        return f"no better than the best constant answer ({first.dummy:.3f})"
    unknown = [metric.name for metric in report.metrics[1:] if metric.mean is None]
    return f"but {unknown[0]} is unknown" if unknown else ""
