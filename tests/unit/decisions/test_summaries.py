"""A summary is one line of at most 120 characters and two clauses, whatever the report and whatever names users give.

A clause ends at a comma or colon that a blank follows, outside brackets; what stands in brackets belongs to its clause.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_mlops_provider.decisions import (
    bias,
    dataset_fallback,
    dataset_rollback,
    decay,
    drift,
    evaluation,
    incident,
    ingest,
    lineage,
    mirror,
    model_card,
    prediction,
    promotion,
    purge,
    reproduction,
    rollback,
    training,
    validation,
    verification,
)
from airflow_mlops_provider.decisions.summaries import MAX_LENGTH, first_clause, list_names, short_name, summarise
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.metric_limits import MetricLimits
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef, Writer
from airflow_mlops_provider.records.reports.bias import BiasReport, SliceResult
from airflow_mlops_provider.records.reports.dataset_rollback import DatasetRollbackReport
from airflow_mlops_provider.records.reports.decay import DecayReport, WindowMetric
from airflow_mlops_provider.records.reports.drift import DriftReport, Measure, Shift
from airflow_mlops_provider.records.reports.evaluation import (
    Bound,
    Comparison,
    EvaluationReport,
    GuardedMetric,
    Invariant,
)
from airflow_mlops_provider.records.reports.incident import IncidentReport
from airflow_mlops_provider.records.reports.ingest import IngestReport
from airflow_mlops_provider.records.reports.mirror import MirrorReport
from airflow_mlops_provider.records.reports.model_card import ModelCardReport
from airflow_mlops_provider.records.reports.prediction import PredictionReport, ShadowComparison
from airflow_mlops_provider.records.reports.promotion import PromotionReport
from airflow_mlops_provider.records.reports.purge import PurgeReport, SnapshotsPurged, SnapshotTombstone, Tombstone
from airflow_mlops_provider.records.reports.reproduction import ReproducedMetric, ReproductionReport
from airflow_mlops_provider.records.reports.rollback import RollbackReport
from airflow_mlops_provider.records.reports.training import FoldMetric, TrainingReport
from airflow_mlops_provider.records.reports.validation import RuleResult, ValidationReport
from airflow_mlops_provider.records.reports.verification import Check, ReplayReport, VerificationReport
from airflow_mlops_provider.records.rules import Engine, Rule, Scope
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict, worst

NAMES = st.sampled_from(
    (
        "hours",
        "nr",
        "age, in years; at birth: as told (by the (clerk",
        "two\nlines, and\ttabs",
        ";",
        "x) y",
        "models:/a_model_with_a_name_that_goes_on_and_on/17",
        "s3://a-bucket-of-some-length/raw/2026/11/30/part-00000-of-00400.snappy.parquet",
        "Stundenlöhne der vollzeitbeschäftigten Männer, brutto",
        "a" * 300,
    )
)
COUNTS = st.sampled_from((0, 1, 2, 3, 7, 250, 5_000, 1_234_567_890_123))
NUMBERS = st.sampled_from((0.0, 1e-12, 0.004, 0.05, 0.5, 0.123456789, 1.0, 33.3, 250.0, 1.5e300, -0.2, -1e9))
DAYS = st.sampled_from(("2025-01-01T00:00:00+00:00", "2026-11-30T13:00:00+00:00"))


METRICS = st.sampled_from(("accuracy", "mean_absolute_percentage_error"))
MEASURES = st.sampled_from(("chain_unbroken", "evidence_purged", "probabilities_sum_to_one"))
_OURS: dict[type, dict[str, st.SearchStrategy[Any]]] = {
    BiasReport: {"metric": METRICS},
    Check: {"measure": MEASURES},
    DatasetRef: {"csv": st.none()},
    Comparison: {"metric": METRICS, "other": st.sampled_from(("champion", "dummy"))},
    FoldMetric: {"name": METRICS, "low": st.none()},
    GuardedMetric: {
        "name": METRICS,
        "bounds": st.none() | st.builds(Bound, alpha=st.just(1e-6), lower=NUMBERS, upper=NUMBERS).map(lambda b: (b,)),
    },
    Invariant: {"name": MEASURES},
    ModelRef: {"version": st.sampled_from(("1", "12345")), "digest": st.none() | st.just(f"sha256:{'a' * 64}")},
    ReproducedMetric: {"name": METRICS},
    ShadowComparison: {"metric": st.none()},
    SliceResult: {"p_value": st.none() | st.sampled_from((0.0, 1e-9, 0.04, 1.0))},
}
"""Fields that no user writes, or that are set together."""


def of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type, records with fields of every kind among them."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint in _SPECIAL:
        return _SPECIAL[hint]()
    if origin is tuple:
        return st.lists(of(args[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(of(args[0]), of(args[1]), max_size=3)
    if type(None) in args:
        return st.none() | of(next(arg for arg in args if arg is not type(None)))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    return records(hint)


def records(cls: type, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(cls)
    fields = _OURS.get(cls, {}) | fields
    known = {field.name: fields.get(field.name, of(hints[field.name])) for field in dataclasses.fields(cls)}
    return st.builds(cls, **known)


def comparisons() -> st.SearchStrategy[Comparison]:
    strict = st.builds(Bound, alpha=st.just(1e-6), lower=NUMBERS, upper=NUMBERS)
    return records(Comparison, bounds=st.tuples(strict))


def rule_results() -> st.SearchStrategy[RuleResult]:
    between, table = "expect_column_values_to_be_between", "expect_table_row_count_to_be_between"
    rules = st.builds(lambda name: Rule(type=between, kwargs={"column": name, "min_value": 0, "max_value": 99}), NAMES)
    rows = st.builds(
        RuleResult,
        rule=rules,
        scope=st.just(Scope.ROW),
        engine=st.just(Engine.SCAN),
        success=st.booleans(),
        considered=COUNTS,
        unexpected=COUNTS,
        observed_min=st.none() | NUMBERS | NAMES,
        observed_max=st.none() | NUMBERS | NAMES,
        problem=st.just("") | NAMES,
    )
    tables = st.builds(
        RuleResult,
        rule=st.just(Rule(type=table, kwargs={"min_value": 1})),
        scope=st.just(Scope.TABLE),
        engine=st.just(Engine.SCAN),
        success=st.booleans(),
        observed=st.none() | NUMBERS,
    )
    return rows | tables


def shifts() -> st.SearchStrategy[Shift]:
    tested = (Measure.KS_D, Measure.TVD, Measure.MISSING_CHANGE, Measure.UNSEEN_SHARE)
    return records(Shift, measure=st.sampled_from(tested))


_SPECIAL: dict[Any, Callable[[], st.SearchStrategy[Any]]] = {
    str: lambda: NAMES,
    int: lambda: COUNTS,
    float: lambda: NUMBERS,
    bool: st.booleans,
    Any: lambda: st.none() | NAMES | NUMBERS,
    Comparison: comparisons,
    MetricLimits: lambda: st.builds(MetricLimits, min=st.none() | NUMBERS, max_drop=st.none() | st.just(0.02)),
    RuleResult: rule_results,
    Shift: shifts,
}

REPORTS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], Verdict]]] = {
    "validation": (
        records(ValidationReport),
        lambda report: validation.judge_validation(report, validation.ValidationPolicy(max_quarantine_share=0.5)),
    ),
    "drift": (records(DriftReport), lambda report: drift.judge_drift(report, drift.DriftPolicy(min_rows=3))),
    "training": (
        records(TrainingReport, metrics=st.lists(records(FoldMetric), min_size=1, max_size=3).map(tuple)),
        lambda report: training.judge_training(report, training.TrainingPolicy(max_training_seconds=10)),
    ),
    "evaluation": (
        records(EvaluationReport),
        lambda report: evaluation.judge_evaluation(report, evaluation.EvaluationPolicy(max_p99_latency_ms=5)),
    ),
    "bias": (
        records(BiasReport),
        lambda report: bias.judge_bias(report, bias.BiasPolicy(critical={"race=x; y, z": 0.4})),
    ),
    "decay": (
        records(DecayReport, windows=st.lists(records(WindowMetric), min_size=2, max_size=4).map(tuple)),
        lambda report: decay.judge_decay(report, decay.DecayPolicy()),
    ),
    "model_card": (
        records(ModelCardReport),
        lambda report: model_card.judge_model_card(report, model_card.ModelCardPolicy()),
    ),
    "promotion": (
        records(PromotionReport),
        lambda report: promotion.judge_promotion(report, promotion.PromotionPolicy(required=())),
    ),
    "rollback": (records(RollbackReport), lambda report: rollback.judge_rollback(report, rollback.RollbackPolicy())),
    "purge": (
        records(
            PurgeReport,
            purged_at=DAYS,
            tombstones=st.lists(records(Tombstone, written_at=DAYS), max_size=3).map(tuple),
            snapshots=st.none()
            | records(
                SnapshotsPurged,
                tombstones=st.lists(records(SnapshotTombstone, created_at=DAYS), max_size=3).map(tuple),
            ),
        ),
        lambda report: purge.judge_purge(report, purge.PurgePolicy(retention_days=365, snapshot_days=30)),
    ),
    "dataset_rollback": (records(DatasetRollbackReport), dataset_rollback.judge_dataset_rollback),
    "ingest": (records(IngestReport), lambda report: ingest.judge_ingest(report, ingest.IngestPolicy())),
    "incident": (records(IncidentReport), incident.judge_incident),
    "prediction": (records(PredictionReport), prediction.judge_prediction),
    "reproduction": (records(ReproductionReport), reproduction.judge_reproduction),
    "verification": (records(VerificationReport), verification.judge_verification),
    "replay": (records(ReplayReport), verification.judge_replay),
    "mirror": (records(MirrorReport), mirror.judge_mirror),
}


def clauses(summary: str) -> list[str]:
    """The clauses of a summary, which end at ``, `` or ``: `` outside brackets."""
    found, depth = [""], 0
    for sign, following in zip(summary, f"{summary[1:]} ", strict=True):
        depth = max(0, depth + (sign in "([") - (sign in ")]"))
        if not depth and sign in ",:" and following == " ":
            found.append("")
        else:
            found[-1] += sign
    return found


def assert_is_short(summary: str) -> None:
    assert summary.strip()
    assert len(summary) <= MAX_LENGTH == 120
    assert len(clauses(summary)) <= 2
    assert not set(summary) & set(";\n\r\t")


@pytest.mark.parametrize("topic", REPORTS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_judgement_has_a_short_summary_and_the_status_of_its_worst_finding(topic: str, data: st.DataObject):
    reports, judge = REPORTS[topic]
    try:
        verdict = judge(data.draw(reports))
    except BadInputError:
        return
    assert_is_short(verdict.summary)
    assert verdict.status is worst(finding.status for finding in verdict.findings)


def test_every_judge_of_the_decisions_is_held_to_it():
    rooms = (
        bias,
        dataset_rollback,
        decay,
        drift,
        evaluation,
        incident,
        ingest,
        mirror,
        model_card,
        prediction,
        promotion,
        purge,
    )
    names = {
        name.removeprefix("judge_")
        for room in (*rooms, reproduction, rollback, training, validation, verification)
        for name, judge in vars(room).items()
        if name.startswith("judge_") and judge.__annotations__["return"] == "Verdict"
    }
    assert names == set(REPORTS)


@given(NAMES, NAMES)
def test_what_is_known_of_the_data_is_said_in_findings_and_leaves_the_summary_as_it_is(name: str, reason: str):
    failed = Verdict.of(
        [Finding(subject="hours", measure="ks_d", observed=0.3, limit=0.1, status=Status.FAIL, detail="hours moved")],
        summary="1 of 3 columns drifted",
    )
    named = lineage.name_writers(failed, [Writer(dag_id="etl", task_id=name)])
    inputs = {"dataset": DatasetRef(uri="days.parquet", fallback=reason)}
    noted = dataset_fallback.note_fallbacks(Kind.DRIFT, named, inputs)
    assert noted.summary == failed.summary
    assert noted.findings[0].detail == f"hours moved; data last written by etl.{name}"
    assert reason in noted.findings[1].detail
    assert [replace(finding, detail="") for finding in named.findings] == [replace(failed.findings[0], detail="")]


def test_names_that_do_not_fit_are_counted():
    assert list_names(["hours", "educ"]) == "hours and educ"
    assert list_names(["hours", "educ", *(f"column_{n}" for n in range(12))], length=26) == "hours, educ and 12 more"
    assert list_names(["a" * 300] * 9, length=30).endswith(" and 8 more")


def test_a_long_name_keeps_both_ends():
    short = short_name("s3://bucket/" + "x" * 100 + "/part-7.parquet")
    assert (len(short), short[:12], short[-12:]) == (32, "s3://bucket/", "art-7.parquet"[-12:])


def test_a_second_clause_that_does_not_fit_is_left_out():
    assert summarise("a" * 60, f", {'b' * 60}") == "a" * 60
    assert summarise("a" * 200) == "a" * 117 + "..."


def test_a_clause_that_is_quoted_ends_at_a_comma_outside_brackets():
    assert first_clause("f(a, b): 3 of 4 rows; such as 5") == "f(a, b): 3 of 4 rows"
    assert first_clause("1,234 rows\nin all, more") == "1,234 rows in all"
