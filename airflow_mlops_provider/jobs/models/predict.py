"""``predict``: a model version scores a dataset in batches; a shadow may score the same rows beside it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from airflow_mlops_provider.analysis.evaluation.declared_metrics import metric_of
from airflow_mlops_provider.analysis.prediction import (
    ModelOutput,
    PredictionChecks,
    measure_labelled,
    measure_shadow,
    require_finite,
)
from airflow_mlops_provider.analysis.training.fitting import estimator_error
from airflow_mlops_provider.decisions.prediction import judge_prediction, judge_scoring
from airflow_mlops_provider.exceptions import BadInputError, MLOpsError
from airflow_mlops_provider.jobs.decisions.record import follow_record
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.jobs.models.typed_rows import typed_rows
from airflow_mlops_provider.jobs.stored_probe import ask_probe, build_version
from airflow_mlops_provider.records.model_spec import Task
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.prediction import PredictionReport, Scoring, ShadowComparison
from airflow_mlops_provider.records.requests.predict import PredictRequest
from airflow_mlops_provider.records.roles import CHAMPION
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import Dataset, open_dataset
from airflow_mlops_provider.stores.datasets.filesystems import set_aside
from airflow_mlops_provider.stores.datasets.held_outputs import held_back
from airflow_mlops_provider.stores.datasets.output_paths import require_outputs
from airflow_mlops_provider.stores.datasets.snapshot_files import is_snapshot_uri
from airflow_mlops_provider.stores.datasets.snapshot_output import write_output
from airflow_mlops_provider.stores.datasets.writing import open_written
from airflow_mlops_provider.stores.models import ModelStore, Predictor

BATCH_ROWS = 50_000
_PROVENANCE = ("model_name", "model_version", "model_digest", "dataset_fingerprint")


class PredictJob(Job, PredictRequest):
    """Score a dataset; every output row names the model version and the data it was made from.

    The output holds, in the order of the input rows: the model's group and time columns where the data have them, the
    columns of ``keep``, ``prediction``, ``score`` (of the positive class; ``score_<class>`` for more than two), and the
    provenance. It appears whole or not at all, after its evidence is written, and a repetition writes the same again.
    """

    def run(self) -> Outcome:
        """Score, check, compare, record; raises ``BadInputError`` naming the column that the model cannot use."""
        with held_back():
            return self._recorded()

    def _recorded(self) -> Outcome:
        started = time.perf_counter()
        dataset = open_dataset(self.dataset)
        beside = (self.shadow_uri or shadow_uri(self.output_uri)) if self.shadow is not None else None
        require_outputs({"output_uri": self.output_uri, "shadow_uri": beside}, dataset)
        store = ModelStore(self.tracking_uri, evidence_root=self.evidence_root)
        moved_by_hand = follow_record(self, store, store.name_of(self.model))
        champion = build_version(store, store.resolve(self.model, alias=CHAMPION))
        dataset = typed_rows(dataset, champion)
        scoring = score(champion, dataset, self.output_uri, keep=self.keep, interval_start=self.interval_start)
        report = PredictionReport(scoring=scoring, seconds=0.0)
        if self.shadow is not None and scoring.output is not None:
            report = self._run_shadow(store, champion, dataset, scoring)
        report = replace(report, moved_by_hand=moved_by_hand or None, seconds=time.perf_counter() - started)
        return self.record(
            Kind.PREDICTION,
            report=report,
            policy=None,
            verdict=judge_prediction(report),
            inputs={"dataset": dataset.ref},
            dataset=scoring.output,
            model=scoring.model,
        )

    def _run_shadow(
        self, store: ModelStore, champion: Predictor, dataset: Dataset, scoring: Scoring
    ) -> PredictionReport:
        # What the shadow cannot do must not keep the champion's predictions from those who wait for them.
        assert self.shadow is not None  # noqa: S101  # asked by the caller
        target = self.shadow_uri or shadow_uri(self.output_uri)
        try:
            shadow = build_version(store, store.resolve(self.shadow))
            # Scores are compared of one class: the one that the model in use speaks of.
            shadow = replace(shadow, spec=replace(shadow.spec, positive_class=champion.spec.positive_class))
            shadowed = score(shadow, dataset, target, keep=self.keep, interval_start=self.interval_start)
        except MLOpsError as error:
            return PredictionReport(scoring=scoring, shadow_trouble=str(error), seconds=0.0)
        report = PredictionReport(scoring=scoring, shadow=shadowed, seconds=0.0)
        if scoring.output is None or shadowed.output is None or shadow.spec.task is not champion.spec.task:
            return report
        answered = [(scoring.output, champion), (shadowed.output, shadow)]
        comparison = measure_shadow(
            *(_answers(output) for output, _ in answered),
            is_classification=champion.spec.task is Task.CLASSIFICATION,
        )
        try:
            comparison = _labelled(comparison, dataset, answered)
        except BadInputError as error:  # labels that cannot be used say nothing against the answers
            return replace(report, comparison=comparison, shadow_trouble=str(error))
        return replace(report, comparison=comparison)


def _labelled(
    comparison: ShadowComparison, dataset: Dataset, answered: Sequence[tuple[DatasetRef, Predictor]]
) -> ShadowComparison:
    """With the models' deciding metric, where the rows came with their labels."""
    first = answered[0][1]
    spec = first.spec
    if spec.target not in dataset.columns or any(model.spec.target != spec.target for _, model in answered):
        return comparison
    truth = pd.concat([batch.to_pandas()[spec.target] for batch in dataset.batches([spec.target])], ignore_index=True)
    return measure_labelled(
        comparison,
        truth,
        metric_of(spec, find_function=first.function),
        [_read_output(output, model) for output, model in answered],
    )


def _read_output(output: DatasetRef, model: Predictor) -> ModelOutput:
    frame = pa.Table.from_batches(list(_answers(output))).to_pandas()
    scores = frame.drop(columns="prediction").to_numpy(dtype=np.float64)
    return ModelOutput(
        predicted=frame["prediction"].to_numpy(),
        scores=None if scores.shape[1] == 0 else scores[:, 0] if scores.shape[1] == 1 else scores,
        classes=_ordered_classes(model) if model.spec.task is Task.CLASSIFICATION else (),
        is_sensitive=model.spec.target in model.spec.sensitive,
    )


def score(
    model: Predictor,
    dataset: Dataset,
    output_uri: str,
    *,
    keep: tuple[str, ...] = (),
    interval_start: str | None = None,
) -> Scoring:
    """Write ``model``'s answers for every row of ``dataset``, in batches.

    :param interval_start: names a snapshot at ``output_uri``, where ``dataset`` is none.
    :returns: what was measured; its ``output`` is ``None`` when an answer broke an invariant or there are no rows.
        Nothing was written then, and an older file at ``output_uri`` was moved aside; older snapshots stay.
    :raises BadInputError: when a column is missing, of another kind than in training, infinite or otherwise refused.
    """
    carried = _copied_columns(model, dataset, keep)
    dataset.require(dict.fromkeys((*model.spec.features, *carried)))
    invariants = PredictionChecks()
    symmetry = ask_probe(model)
    assert model.ref is not None  # noqa: S101  # loaded from a store
    output = None
    if dataset.rows and not _broken(Scoring(model=model.ref, rows=0, probe=symmetry)):
        try:
            answers = _scored(model, dataset, carried, invariants)
            output = write_output(answers, output_uri, source=dataset.ref, interval_start=interval_start)
        except _BrokenInvariantError:
            output = None
    return Scoring(
        model=model.ref,
        rows=invariants.rows,
        output=output,
        probe=symmetry,
        not_finite=invariants.not_finite,
        out_of_range=invariants.out_of_range,
        max_sum_error=invariants.max_sum_error,
        counts=dict(invariants.counts) if model.spec.task is Task.CLASSIFICATION else None,
        # An older output left in place would be read as this one; a snapshot's name says of when it is.
        set_aside=set_aside(output_uri) if output is None and not is_snapshot_uri(output_uri) else None,
    )


class _BrokenInvariantError(Exception):
    """An answer that must not be used: ends the writing, so that nothing appears."""


def _broken(scoring: Scoring) -> bool:
    return any(finding.status is Status.FAIL for finding in judge_scoring(scoring))


def _scored(
    model: Predictor, dataset: Dataset, carried: tuple[str, ...], invariants: PredictionChecks
) -> Iterator[pa.RecordBatch]:
    columns = list(dict.fromkeys((*model.spec.features, *carried)))
    fingerprint = dataset.ref.fingerprint
    for batch in dataset.batches(columns, batch_size=BATCH_ROWS):
        frame = batch.to_pandas()
        require_finite(frame[list(model.spec.features)], name=dataset.uri)
        predicted, probabilities = _asked(model, frame, dataset.uri)
        invariants.add(predicted, probabilities)
        if model.spec.task is Task.CLASSIFICATION:
            invariants.count(predicted)
        assert model.ref is not None  # noqa: S101  # loaded from a store
        if _broken(_scoring(model.ref, invariants)):
            raise _BrokenInvariantError
        yield _output(model, batch.select(list(carried)), predicted, probabilities, fingerprint)


def _scoring(ref: ModelRef, invariants: PredictionChecks) -> Scoring:
    return Scoring(
        model=ref,
        rows=invariants.rows,
        not_finite=invariants.not_finite,
        out_of_range=invariants.out_of_range,
        max_sum_error=invariants.max_sum_error,
    )


def _asked(model: Predictor, frame: Any, name: str) -> tuple[Any, Any]:
    try:
        return model.answers(frame)
    except ValueError as error:  # scikit-learn's word for values that an estimator cannot take
        features = frame[list(model.spec.features)]
        raise estimator_error(
            f"dataset {name}: model {model.spec.name} cannot score it", error, features, model.spec
        ) from None


def _output(
    model: Predictor, carried: pa.RecordBatch, predicted: Any, probabilities: Any, fingerprint: str | None
) -> pa.RecordBatch:
    columns: dict[str, Any] = {name: carried[name] for name in carried.schema.names}
    columns["prediction"] = pa.array(predicted.tolist() if predicted.dtype == object else predicted)
    columns |= _scores(model, probabilities)
    ref = model.ref
    assert ref is not None  # noqa: S101  # loaded from a store
    stamped = dict(zip(_PROVENANCE, (ref.name, ref.version, ref.digest, fingerprint), strict=True))
    columns |= {name: pa.repeat(pa.scalar(value, pa.string()), len(predicted)) for name, value in stamped.items()}
    return pa.RecordBatch.from_pydict(columns)


def _scores(model: Predictor, probabilities: Any) -> dict[str, Any]:
    if probabilities is None:
        return {}
    if probabilities.shape[1] == 2:
        column = 1 if _ordered_classes(model) == (model.classes or ()) else 0
        return {"score": pa.array(probabilities[:, column].astype(np.float64))}
    classes = model.classes or range(probabilities.shape[1])
    return {f"score_{label}": pa.array(probabilities[:, i].astype(np.float64)) for i, label in enumerate(classes)}


def _ordered_classes(model: Predictor) -> tuple[Any, ...]:
    """The classes, the positive one last where the model names one of two."""
    classes, positive = model.classes or (), model.spec.positive_class
    return (
        (classes[1], classes[0]) if len(classes) == 2 and positive is not None and classes[0] == positive else classes
    )


def _copied_columns(model: Predictor, dataset: Dataset, keep: tuple[str, ...]) -> tuple[str, ...]:
    """Input columns that the output holds; raises ``BadInputError`` for one whose name an answer needs."""
    own = [name for name in (model.spec.group_column, model.spec.time_column) if name in dataset.columns and name]
    found = tuple(dict.fromkeys((*own, *keep)))
    for name in found:
        if name in ("prediction", "score", *_PROVENANCE) or name.startswith("score_"):
            raise BadInputError(f"dataset {dataset.uri}: column {name!r} has the name of an output column")
    return found


def _answers(output: DatasetRef) -> Iterator[pa.RecordBatch]:
    dataset = open_written(output)
    names = [name for name in dataset.columns if name == "prediction" or name.startswith("score")]
    return dataset.batches(names, batch_size=BATCH_ROWS)


def shadow_uri(output_uri: str) -> str:
    """Where a shadow's answers go: the same file name in a folder of its own, so that nobody reads them by mistake."""
    folder, _, file = output_uri.rpartition("/")
    return f"{folder}-shadow/{file}" if folder else str(PurePosixPath("shadow") / file)
