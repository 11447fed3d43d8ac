"""``bias``: does the model serve some slice of the rows worse than the rest?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from airflow_mlops_provider.analysis.bias import measure_bias, measure_bias_of_classes
from airflow_mlops_provider.analysis.bias.bins import cut_plan
from airflow_mlops_provider.analysis.bias.columns import SlicePlan, plan_slices
from airflow_mlops_provider.analysis.bias.contingency import ContingencyTable
from airflow_mlops_provider.analysis.bias.discovery import measure_discoveries
from airflow_mlops_provider.analysis.evaluation.declared_metrics import metric_of
from airflow_mlops_provider.analysis.evaluation.metrics import (
    SLICE_METRICS,
    Metric,
    Predictions,
    find_metric,
    with_direction,
)
from airflow_mlops_provider.analysis.evaluation.predictions import read_prediction_table
from airflow_mlops_provider.decisions.bias import judge_bias
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.decisions.record import follow_record
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.jobs.models.predictions import (
    ask,
    groups_of,
    naming,
    read_rows,
    require_measurable,
)
from airflow_mlops_provider.jobs.models.typed_rows import typed_rows
from airflow_mlops_provider.jobs.stored_probe import load_version
from airflow_mlops_provider.pages.bias import draw_slices
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.reports.bias import BiasReport
from airflow_mlops_provider.records.requests.bias import BiasRequest
from airflow_mlops_provider.stores.datasets.dataset import Dataset, open_dataset
from airflow_mlops_provider.stores.models import ModelStore

if TYPE_CHECKING:
    import pandas as pd


class BiasJob(Job, BiasRequest):
    """Measure and judge every slice; give either a model or a table of predictions."""

    def run(self) -> Outcome:
        """Measure, judge and record; raises ``BadInputError`` naming the column that cannot be used."""
        plan = plan_slices(self.slices, self.max_depth)
        if self.model is not None and self.dataset is not None:
            return self._of_model(self.model, open_dataset(self.dataset), plan)
        if self.predictions is not None and self.label_column is not None and self.prediction_column is not None:
            return self._of_table(open_dataset(self.predictions), self.label_column, self.prediction_column, plan)
        raise BadInputError("bias spec: no model and no predictions")

    def _of_table(self, dataset: Dataset, label: str, prediction: str, plan: SlicePlan) -> Outcome:
        report = self._measure_table(dataset, label, prediction, plan)
        return self._judged(report, "predictions", dataset, None, {"label": label, "prediction": prediction})

    def _measure_table(self, dataset: Dataset, label: str, prediction: str, plan: SlicePlan) -> BiasReport:
        group, sliced = self.group_column, _named(plan, self.group_column)
        dataset.require([label, prediction, *sliced], role="predictions")
        _require_sliceable(dataset, sliced)
        metric = with_direction(find_metric(self.metric, SLICE_METRICS), self.policy.direction)
        if self.discover or metric.of_scores or metric.task is Task.REGRESSION or _is_float(dataset, prediction):
            frame = read_rows(dataset, [label, prediction], role="predictions")
            with naming(dataset):
                predictions, notes = self._read(frame, label, prediction, metric)
            return self._of_rows(dataset.table(sliced), plan, predictions, metric, group=group, notes=notes)
        wanted = list(dict.fromkeys([*sliced, label, prediction]))
        try:
            return measure_bias_of_classes(
                lambda: dataset.reader(wanted, coded=group is None),
                plan,
                naming(dataset)(lambda table: self._read_contingency_table(table, label, prediction, metric)),
                label=label,
                prediction=prediction,
                group=group,
            )
        except Exception:
            # DuckDB tells a refusal of the rows that it was handed as an error of its own.
            if dataset.refusal is None:
                raise
            raise dataset.refusal from None

    def _of_model(self, model: str | ModelRef | ModelSpec, dataset: Dataset, plan: SlicePlan) -> Outcome:
        store = ModelStore(self.tracking_uri, evidence_root=self.evidence_root)
        moved_by_hand = follow_record(self, store, store.name_of(model))
        ref = store.resolve(model)
        predictor = load_version(store, ref)
        spec, dataset = predictor.spec, typed_rows(dataset, predictor)
        label, group = self.label_column or spec.target, self.group_column or spec.group_column
        sliced = _named(plan, group)
        dataset.require(sliced, role="dataset")
        _require_sliceable(dataset, sliced)
        frame = read_rows(dataset, [label, *spec.features], role="dataset")
        from airflow_mlops_provider.analysis.prediction import require_finite  # loads pandas, which a table needs not

        require_finite(frame[list(spec.features)], name=dataset.uri)
        metric = with_direction(
            metric_of(spec, self.metric, SLICE_METRICS, find_function=predictor.function), self.policy.direction
        )
        with naming(dataset):
            answers = ask(predictor, frame, label)
        if not answers.are_numbers:
            raise BadInputError(
                f"model {spec.name}: its answers hold NaN or infinite values, so no slice can be measured"
            )
        require_measurable(metric, answers.predictions, label=label, model=f"model {spec.name}")
        report = self._of_rows(
            dataset.table(sliced), plan, answers.predictions, metric, group=group, notes=moved_by_hand
        )
        return self._judged(replace(report, sensitive=spec.sensitive or None), "dataset", dataset, ref, {})

    def _of_rows(
        self,
        table: pa.Table,
        plan: SlicePlan,
        predictions: Predictions,
        metric: Metric,
        *,
        group: str | None,
        notes: Sequence[str] = (),
    ) -> BiasReport:
        plan = cut_plan(lambda: table, plan)
        report = measure_bias(lambda: table, plan, predictions, metric, group=group, notes=notes)
        if not self.discover:
            return report
        discoveries = measure_discoveries(
            lambda rows: table.filter(pa.array(rows)),
            plan,
            predictions,
            metric,
            count=self.discover,
            depth=self.discover_depth,
            min_support=self.policy.min_support,
            group=group,
            groups=groups_of(table.select([group]).to_pandas(), group) if group else None,
            seed=self.seed,
        )
        return replace(report, discoveries=discoveries)

    def _read(
        self, frame: pd.DataFrame, label: str, prediction: str, metric: Metric
    ) -> tuple[Predictions, tuple[str, ...]]:
        table = read_prediction_table(
            frame, label=label, columns=[prediction], metric=metric, task=self.task or metric.task
        )
        return table.models[0], table.notes

    def _read_contingency_table(
        self, table: ContingencyTable, label: str, prediction: str, metric: Metric
    ) -> tuple[Predictions, Metric, Sequence[str]]:
        for column, what, values in ((label, "labels", table.labels), (prediction, "predictions", table.predictions)):
            missing = table.missing(values)
            if missing:
                raise BadInputError(
                    f"column {column!r} has {missing:,} missing {what} of {int(table.rows.sum()):,} rows"
                )
        plain = table.plain_predictions() if self.task in (None, Task.CLASSIFICATION) else None
        if plain is not None:
            return plain, metric, ()
        predictions, notes = self._read(table.frame(label, prediction), label, prediction, metric)
        return predictions, metric, notes

    def _judged(
        self, report: BiasReport, role: str, dataset: Dataset, model: ModelRef | None, details: dict[str, Any]
    ) -> Outcome:
        verdict = judge_bias(report, self.policy)
        return self.record(
            Kind.BIAS,
            report=report,
            policy=self.policy,
            verdict=verdict,
            inputs={role: dataset.ref},
            dataset=dataset.ref,
            model=model,
            attachments={"slices.html": draw_slices(report, verdict)},
            details=details,
        )


def _named(plan: SlicePlan, group: str | None) -> list[str]:
    names = [column.name for column in plan.columns]
    return list(dict.fromkeys([*names, *([group] if group else [])]))


def _require_sliceable(dataset: Dataset, columns: Sequence[str]) -> None:
    known: dict[str, str] = {}
    for name in columns:
        kind = dataset.schema.field(name).type
        if pa.types.is_nested(kind):
            raise BadInputError(f"column {name!r} holds {kind}: there are no slices of that")
        twin = known.setdefault(name.lower(), name)
        if twin != name:
            raise BadInputError(f"slices: columns {twin!r} and {name!r} differ in case only; rename one of them")


def _is_float(dataset: Dataset, column: str) -> bool:
    return bool(pa.types.is_floating(dataset.schema.field(column).type))
