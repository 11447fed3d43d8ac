"""``evaluate``: a model on data, or columns of a prediction table, against a dummy and the champion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_mlops_provider.analysis.evaluation import measure_evaluation, report_without_metrics
from airflow_mlops_provider.analysis.evaluation.declared_metrics import metric_of
from airflow_mlops_provider.analysis.evaluation.latency import measure_latency
from airflow_mlops_provider.analysis.evaluation.metrics import Metric, Predictions, find_metric
from airflow_mlops_provider.analysis.evaluation.predictions import read_prediction_table
from airflow_mlops_provider.analysis.evaluation.robustness import measure_robustness
from airflow_mlops_provider.analysis.evaluation.seen_rows import share_of_seen_rows
from airflow_mlops_provider.analysis.prediction import require_finite
from airflow_mlops_provider.decisions.evaluation import judge_evaluation
from airflow_mlops_provider.decisions.promotion import same_version
from airflow_mlops_provider.exceptions import BadInputError, LostVersionError, MLOpsError
from airflow_mlops_provider.jobs.decisions.record import Standing, standing_version
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.jobs.models.predictions import (
    ask,
    groups_of,
    naming,
    read_rows,
    require_measurable,
    require_two_classes,
    trained_on,
)
from airflow_mlops_provider.jobs.models.typed_rows import typed_rows
from airflow_mlops_provider.jobs.stored_probe import load_version
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.metric_limits import MetricLimits
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.evaluation import EvaluationReport
from airflow_mlops_provider.records.requests.evaluate import EvaluateRequest
from airflow_mlops_provider.records.roles import CHALLENGER, PREVIOUS
from airflow_mlops_provider.stores.datasets.dataset import Dataset, open_dataset
from airflow_mlops_provider.stores.models import ModelStore, Predictor

if TYPE_CHECKING:
    import pandas as pd


class EvaluateJob(Job, EvaluateRequest):
    """Measure a candidate and judge it by the promotion rule; give either a model or a table of predictions."""

    def run(self) -> Outcome:
        """Measure, judge and record; raises ``BadInputError`` naming the column that cannot be used."""
        if self.model is not None and self.dataset is not None:
            return self._of_model(self.model, self.dataset)
        if self.predictions is not None and self.label_column is not None and self.candidate is not None:
            return self._of_table(self.predictions, self.label_column, self.candidate)
        raise BadInputError("evaluate spec: no model and no predictions")

    def _of_table(self, predictions: DatasetRef, label: str, candidate: str) -> Outcome:
        answers = [candidate, *([self.champion] if self.champion else [])]
        dataset = open_dataset(predictions)
        frame = read_rows(dataset, [label, *answers, self.group_column], role="predictions")
        with naming(dataset):
            table = read_prediction_table(frame, label=label, columns=answers, metric=self.metric, task=self.task)
            require_two_classes(table.models[0], label=label)
            groups = groups_of(frame, self.group_column)
        report = measure_evaluation(
            *table.models,
            metric=table.metric,
            declared=[find_metric(name) for name in self.policy.guards or {}],
            limits=self._limits({}),
            groups=groups,
            alpha=self.policy.alpha,
            notes=table.notes,
            seed=self.seed,
        )
        return self.record(
            Kind.EVALUATION,
            report=report,
            policy=self.policy,
            verdict=judge_evaluation(report, self.policy),
            inputs={"predictions": dataset.ref},
            dataset=dataset.ref,
            details={"label": label, "candidate": candidate, "champion": self.champion},
        )

    def _of_model(self, model: str | ModelRef | ModelSpec, data: DatasetRef) -> Outcome:
        store, dataset = ModelStore(self.tracking_uri, evidence_root=self.evidence_root), open_dataset(data)
        candidate = store.resolve(model)
        standing = standing_version(self, store, candidate.name, self.champion_alias)
        champion = standing.version
        report = self._measured(store, dataset, candidate, standing)
        report = replace(report, moved_by_hand=standing.moved_by_hand or None)
        if champion is None:
            report = replace(report, other_aliases=_other_aliases(store, candidate))
        # Before the evidence: a verdict is not written for a task that fails, and a retry logs the same again.
        trouble = store.run_trouble(candidate)
        if trouble:
            report = replace(report, notes=(*report.notes, f"MLflow does not show these metrics: {trouble}"))
        else:
            store.log_metrics(candidate, {f"eval_{metric.name}": metric.value for metric in report.candidate})
        return self.record(
            Kind.EVALUATION,
            report=report,
            policy=self.policy,
            verdict=judge_evaluation(report, self.policy),
            inputs={"dataset": dataset.ref},
            dataset=dataset.ref,
            model=candidate,
            details={"champion": encode(champion)},
        )

    def _measured(
        self, store: ModelStore, dataset: Dataset, candidate: ModelRef, standing: Standing
    ) -> EvaluationReport:
        ours = load_version(store, candidate)
        theirs, trouble = _champion(store, dataset, candidate, standing)
        dataset = typed_rows(dataset, ours)
        label, group = self.label_column or ours.spec.target, self.group_column or ours.spec.group_column
        features = [*ours.spec.features, *(theirs.spec.features if theirs else ())]
        frame = read_rows(dataset, [label, *features, group], role="dataset")
        require_finite(frame[list(dict.fromkeys(features))], name=dataset.uri)
        metric, *declared = self._metrics(ours)
        with naming(dataset):
            answers, groups = ask(ours, frame, label), groups_of(frame, group)
        if not answers.are_numbers:
            return report_without_metrics(answers.predictions, metric, invariants=answers.invariants)
        with naming(dataset):
            require_measurable(metric, answers.predictions, label=label, model=f"model {candidate.name}")
            require_two_classes(answers.predictions, label=label)
        champion = None
        if theirs is not None:
            champion, trouble = self._of_champion(
                theirs, dataset, frame, label=label, metric=metric, ours=answers.predictions
            )
        report = measure_evaluation(
            answers.predictions,
            champion,
            metric=metric,
            declared=declared,
            limits=self._limits({name: ours.spec.limits_of(name) for name in ours.spec.metrics}),
            groups=groups,
            alpha=self.policy.alpha,
            latency=measure_latency(ours.predict, frame, artifact_bytes=ours.artifact_bytes),
            invariants=answers.invariants,
            robustness=measure_robustness(
                lambda rows: ask(ours, rows, label).predictions, frame, ours.spec.features, metric, seed=self.seed
            ),
            held_out=not trained_on(store, candidate, dataset.ref),
            seed=self.seed,
        )
        seen = _seen_by(store, theirs, dataset, frame) if theirs is not None and champion is not None else None
        return replace(report, champion_trouble=trouble or None, champion_overlap=seen)

    def _metrics(self, candidate: Predictor) -> list[Metric]:
        """The deciding metric, and all that the model or the policy's guards name, as the candidate declares them."""
        spec, guards = candidate.spec, self.policy.guards or {}
        names = [self.metric, *dict.fromkeys([*spec.metrics, *guards])]
        return [metric_of(spec, name, find_function=candidate.function) for name in names]

    def _limits(self, declared: Mapping[str, MetricLimits]) -> dict[str, MetricLimits]:
        """The metrics that are guarded, with the limits of the model, or those of the policy in their place."""
        return {name: each for name, each in {**declared, **(self.policy.guards or {})}.items() if each.is_guard}

    def _of_champion(
        self, champion: Predictor, dataset: Dataset, frame: Any, *, label: str, metric: Metric, ours: Predictions
    ) -> tuple[Predictions | None, str]:
        """The champion's answers, or why they cannot be had of rows that the candidate has answered."""
        try:
            with naming(dataset):
                answers = ask(champion, frame, label)
            # Rates of both speak of the candidate's class, whatever the champion declared.
            predictions = answers.predictions.with_positive(ours.classes[1] if len(ours.classes) == 2 else None)
            require_measurable(metric, predictions, label=label, model=f"champion {_named(champion.ref)}")
        except BadInputError as error:
            return None, str(error)
        if not answers.are_numbers:
            return None, f"the answers of {_named(champion.ref)} hold NaN or infinite values"
        return predictions, ""


def _champion(
    store: ModelStore, dataset: Dataset, candidate: ModelRef, standing: Standing
) -> tuple[Predictor | None, str]:
    """The champion, unless it is the candidate itself, or why it cannot be asked about this dataset.

    :raises IntegrityError: when it was tampered with, or answers its stored probe otherwise than at training.
    """
    champion = standing.version
    if champion is None or standing.lost or same_version(champion, candidate):
        return None, standing.lost
    try:
        model = load_version(store, champion)
    except LostVersionError as error:
        return None, str(error)
    missing = [name for name in model.spec.features if name not in dataset.columns]
    if missing:
        return None, f"{_named(champion)} needs column {missing[0]!r}, which {dataset.uri} does not have"
    return model, ""


def _seen_by(store: ModelStore, champion: Predictor, dataset: Dataset, rows: pd.DataFrame) -> float | None:
    """The share of ``rows`` that the champion was trained on; ``None`` when its training data cannot be had or told."""
    assert champion.ref is not None  # noqa: S101  # loaded from a store
    if trained_on(store, champion.ref, dataset.ref):
        return 1.0
    try:
        training = typed_rows(open_dataset(store.run_dataset(champion.ref)), champion)
        shared = [name for name in rows.columns if name in training.columns]
        if champion.spec.target not in shared:
            return None
        found = share_of_seen_rows(rows[shared], (batch.to_pandas() for batch in training.batches(shared)))
        _ = training.ref  # another content under its name has told nothing
    except MLOpsError:
        return None
    return found


def _named(model: ModelRef | None) -> str:
    return f"version {model.version} of {model.name}" if model else "the champion"


def _other_aliases(store: ModelStore, candidate: ModelRef) -> tuple[str, ...]:
    """``alias=version`` of the other versions that an alias was given to on purpose."""
    standing = sorted(store.aliases(candidate.name).items())
    ours = (CHALLENGER, PREVIOUS)
    return tuple(f"{alias}={of}" for alias, of in standing if alias not in ours and of != candidate.version)
