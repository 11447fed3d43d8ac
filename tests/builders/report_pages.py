"""Reports as the jobs measure them, and the pages that are made of them."""

from __future__ import annotations

import math
from typing import Any

from airflow_mlops_provider.decisions.bias import BiasPolicy, judge_bias
from airflow_mlops_provider.pages.bias import draw_slices
from airflow_mlops_provider.pages.model_card import to_html
from airflow_mlops_provider.pages.training import pictures_of
from airflow_mlops_provider.pages.validation import validation_html
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import SplitKind, Task
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.bias import BiasReport, Disparity, SliceResult
from airflow_mlops_provider.records.reports.model_card import CardSection, CardTable, ModelCardReport
from airflow_mlops_provider.records.reports.training import Confusion, Curve, Importance, TrainingReport
from airflow_mlops_provider.records.reports.validation import RuleResult, ValidationReport
from airflow_mlops_provider.records.rules import Engine, Rule, Scope
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

MARKUP = '<b onclick="x">&'
"""What a name from the data may look like."""


def slice_of(subject: str, support: int, value: float | None, **more: Any) -> SliceResult:
    half = 1.96 * math.sqrt(0.2 / support)
    drafted: dict[str, Any] = {
        "subject": subject,
        "columns": tuple(part.split("=")[0] for part in subject.split(" & ")),
        "support": support,
        "trials": support,
        "rest_trials": 4000 - support,
        "value": value,
        "low": None if value is None else value - half,
        "high": None if value is None else min(1.0, value + half),
        "rest_value": 0.87,
        "gap": None if value is None else 0.87 - value,
        "p_value": None if value is None else (1e-30 if value < 0.7 else 0.4),
        "rates": {"selection_rate": 0.5, "tpr": 0.8, "fpr": 0.1, "fnr": 0.2},
    }
    return SliceResult(**{**drafted, **more})


def bias_report(*slices: SliceResult) -> BiasReport:
    found = slices or (
        slice_of("race=Black", 980, 0.877),
        slice_of("race=South East Asian", 1010, 0.914),
        slice_of("race=Hispanic", 1000, 0.58),
        slice_of(f"race={MARKUP}", 960, 0.883),
        slice_of("race=missing", 12, None),
        slice_of("race=South East Asian & married=not known to the office & age=[18, 65)", 140, 0.86),
        slice_of("sex=f & race=White", 45, 0.8),
    )
    return BiasReport(
        task=Task.CLASSIFICATION,
        metric="accuracy",
        direction=Direction.HIGHER,
        rows=4000,
        groups=None,
        value=0.81,
        columns=("race",),
        max_depth=2,
        slices=found,
        disparities=(
            Disparity(columns=("race",), demographic_parity_difference=0.12, equalised_odds_difference=0.334),
        ),
        method="two-proportion z or Fisher's exact test",
        notes=("age was cut into quartiles", "rows count as independent"),
    )


def bias_page(report: BiasReport | None = None, policy: BiasPolicy | None = None) -> str:
    measured = report or bias_report()
    verdict = judge_bias(measured, policy or BiasPolicy(critical={"race=Black": 0.85}))
    return draw_slices(measured, verdict).decode()


def rule(kind: str, column: str, unexpected: int, **more: Any) -> RuleResult:
    arguments = {"column": column, "min_value": 0, "max_value": 5000}
    drafted: dict[str, Any] = {
        "rule": Rule(type=kind, kwargs=arguments, source="suite wages, expectation 1"),
        "scope": Scope.ROW,
        "engine": Engine.SCAN,
        "success": not unexpected,
        "considered": 545,
        "unexpected": unexpected,
        "observed_min": -40,
        "observed_max": 4992,
        "result": {"partial_unexpected_counts": [{"value": -40, "count": unexpected}]} if unexpected else {},
    }
    return RuleResult(**{**drafted, **more})


def validation_page(**more: Any) -> str:
    drafted: dict[str, Any] = {
        "name": "wages",
        "rows": 545,
        "failing_rows": 13,
        "results": (
            rule("expect_column_values_to_be_between", "educ", 0),
            rule("expect_column_values_to_be_between", "hours", 12),
            rule("expect_column_values_to_match_regex", MARKUP, 1),
        ),
        "sensitive": ("race",),
        "unchecked": ("quality rule 3 is of type library, which has no engine here",),
        "quarantine": DatasetRef(uri="/data/quarantine/shipment-17.parquet", rows=13),
    }
    found = (
        Finding(
            subject="hours",
            measure="unexpected",
            observed=12,
            limit=0,
            status=Status.FAIL,
            detail="12 of 545 rows below 0 (observed minimum -40)",
        ),
        Finding(subject=MARKUP, measure="unexpected", observed=None, status=Status.INSUFFICIENT_EVIDENCE),
        Finding(subject="educ", measure="unexpected", observed=0, limit=0, status=Status.PASS),
    )
    verdict = Verdict(status=Status.FAIL, summary="hours: 12 of 545 rows below 0", findings=found)
    batch = DatasetRef(uri="/data/batches/shipment-17.parquet", rows=545, fingerprint="sha256:" + "ab" * 32)
    return validation_html(ValidationReport(**{**drafted, **more}), verdict, batch)


def model_card() -> ModelCardReport:
    table = CardTable(
        header=("slice", "rows", "accuracy", "verdict"),
        rows=(("black=1", "1,039", "0.7", "insufficient evidence"), (f"hisp={MARKUP}", "505", "0.81", "pass")),
    )
    sections = (
        CardSection(key="intended_use", title="Intended use", human=f"For {MARKUP} people.\n\n<script>x()</script>"),
        CardSection(key="metrics", title="Metrics", lines=("roc_auc 0.7614", "rows of one man count as one")),
        CardSection(key="slices", title="Slices", tables=(table,)),
        CardSection(key="how_to_use", title="How to use", code='{\n  "model": "models:/wage/3"\n}'),
        CardSection(key="caveats", title="Caveats"),
    )
    return ModelCardReport(model=ModelRef(name="wage", version="3", uri="models:/wage/3"), sections=sections)


def card_page() -> str:
    return to_html(model_card())


def training_report(**more: Any) -> TrainingReport:
    drafted: dict[str, Any] = {
        "task": Task.CLASSIFICATION,
        "rows": 2725,
        "features": {"educ": "number", "exper": "number"},
        "split": SplitKind.GROUP,
        "folds": 5,
        "metrics": (),
        "confusion": Confusion(labels=("no", f"yes{MARKUP}"), counts=((700, 240), (310, 1475))),
        "roc": Curve(x=(0, 0, 0.02, 0.1, 0.3, 0.6, 1), y=(0, 0.2, 0.3, 0.55, 0.8, 0.95, 1)),
        "calibration": Curve(x=(0.1, 0.3, 0.5, 0.7, 0.9), y=(0.12, 0.25, 0.52, 0.75, 0.87), rows=(545,) * 5),
        "importance": (
            Importance(feature="educ", mean=0.12, std=0.02),
            Importance(feature=MARKUP, mean=0.03, std=0.01),
            Importance(feature="exper", mean=-0.001, std=0.004),
        ),
        "fit_seconds": 1.0,
        "total_seconds": 2.0,
    }
    return TrainingReport(**{**drafted, **more})


def pages() -> dict[str, str]:
    """Every page of this room by its name."""
    return {"bias": bias_page(), "validation": validation_page(), "model_card": card_page()}


def pictures() -> dict[str, bytes]:
    """Every picture of a training by its name."""
    return pictures_of(training_report())
