"""Reports and references as the jobs would make them, with the numbers that a test asks for."""

from __future__ import annotations

from typing import Any

from airflow_mlops_provider.decisions.model_card import ModelCardPolicy
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import Task
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.bias import BiasReport, SliceResult
from airflow_mlops_provider.records.reports.evaluation import Bound, Comparison, EvaluationReport
from airflow_mlops_provider.records.reports.model_card import CardSection, ModelCardReport
from airflow_mlops_provider.records.reports.validation import RuleResult, ValidationReport
from airflow_mlops_provider.records.rules import Engine, Rule, Scope
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

ALPHAS = (0.1, 0.05, 0.025, 0.01, 0.001)


def comparison(other: str, *, gain: float, half_width: float = 0.003, rows: int = 5000) -> Comparison:
    return Comparison(
        other=other,
        metric="roc_auc",
        value=0.77,
        other_value=0.77 - gain,
        gain=gain,
        bounds=tuple(Bound(alpha=alpha, lower=gain - half_width, upper=gain + half_width) for alpha in ALPHAS),
        p_value=1e-6 if gain > half_width else 0.6,
        method="delong",
        rows=rows,
        units=rows,
    )


def evaluation_report(*, gain: float = 0.02, champion: bool = False, rows: int = 5000) -> EvaluationReport:
    return EvaluationReport(
        task=Task.CLASSIFICATION,
        metric="roc_auc",
        direction=Direction.HIGHER,
        rows=rows,
        groups=None,
        candidate=(),
        against_dummy=comparison("dummy", gain=0.27, rows=rows),
        against_champion=comparison("champion", gain=gain, rows=rows) if champion else None,
    )


def verdict_of(status: Status, text: str = "said by a test") -> Verdict:
    finding = Finding(subject="it", measure="number", observed=1.0, limit=1.0, status=status, detail=text)
    return Verdict.of([finding], summary=text)


def validation_report() -> tuple[ValidationReport, dict[str, Any]]:
    rule = Rule(type="expect_column_values_to_not_be_null", kwargs={"column": "exper"})
    result = RuleResult(rule=rule, scope=Scope.ROW, engine=Engine.SCAN, success=True, considered=5000, unexpected=0)
    return ValidationReport(name="rules", rows=5000, failing_rows=0, results=(result,)), {}


def bias_report(status: Status = Status.PASS) -> tuple[BiasReport, dict[str, Any]]:
    rows = 25 if status is Status.INSUFFICIENT_EVIDENCE else 2500
    numbers = dict.fromkeys(("support", "units", "trials", "rest_trials"), rows) | {"low": 0.78, "high": 0.82}
    numbers |= {"gap": 0.2, "p_value": 1e-9} if status is Status.FAIL else {"gap": 0.0, "p_value": 0.5}
    slices = tuple(
        SliceResult(subject=f"black={n}", columns=("black",), value=0.8, rest_value=0.8, **numbers) for n in (0, 1)
    )
    report = BiasReport(
        task=Task.CLASSIFICATION,
        metric="accuracy",
        direction=Direction.HIGHER,
        rows=5000,
        groups=None,
        value=0.8,
        columns=("black",),
        max_depth=1,
        slices=slices,
        method="two-proportion",
    )
    return report, {}


def card_report() -> tuple[ModelCardReport, dict[str, Any]]:
    keys = (*ModelCardPolicy().required, "intended_use")
    sections = tuple(CardSection(key=key, title=key, human="written") for key in keys)
    return ModelCardReport(model=ModelRef(name="wage"), sections=sections), {}


HONEST = {Kind.VALIDATION: validation_report, Kind.BIAS: bias_report, Kind.MODEL_CARD: card_report}


def dataset(name: str, fingerprint: str) -> DatasetRef:
    return DatasetRef(
        uri=f"{name}.parquet", fingerprint=f"sha256:{fingerprint * 64}", rows=5000, schema_hash="sha256:s"
    )


TRAINING, HELD_OUT = dataset("train", "a"), dataset("held_out", "b")
