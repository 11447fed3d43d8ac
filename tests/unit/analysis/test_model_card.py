from __future__ import annotations

import json

import pytest

from airflow_mlops_provider.analysis.model_card import Source, measure_model_card
from airflow_mlops_provider.decisions.model_card import REQUIRED, ModelCardPolicy, judge_model_card
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.pages.model_card import to_html, to_markdown
from airflow_mlops_provider.records.codec import decode, encode
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import ModelSpec, SplitKind, Task
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.bias import BiasReport, SliceResult
from airflow_mlops_provider.records.reports.evaluation import Bound, Comparison, EvaluationReport, MetricEstimate
from airflow_mlops_provider.records.reports.model_card import ModelCardReport
from airflow_mlops_provider.records.reports.training import Importance, TrainingReport
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

MODEL = ModelRef(name="wage", version="3", uri="models:/wage/3", digest="sha256:abc", run_id="r")
TRAINING = DatasetRef(uri="train.parquet", fingerprint="sha256:0123456789abcdef0", rows=1224)
HUMAN = "Ranks men by wage | not for\ndecisions about <b>people</b>."


def spec(**card):
    return ModelSpec(
        name="wage",
        task=Task.CLASSIFICATION,
        target="high_wage",
        features=("exper", "black"),
        sensitive=("black", "age"),
        trainer="wage_model:build",
        metrics={"roc_auc": Direction.HIGHER},
        params={"max_iter": 120},
        card=card,
    )


def evidence(kind, report, *findings):
    return Evidence(
        kind=kind,
        created_at="2025-01-01T00:00:00+00:00",
        report=encode(report),
        verdict=Verdict.of(findings, summary=f"said of {kind}"),
        model=MODEL,
    )


def finding(subject, status, detail=""):
    observed = None if status is Status.INSUFFICIENT_EVIDENCE else 0.1
    return Finding(subject=subject, measure="gap", observed=observed, limit=0.05, status=status, detail=detail)


def evaluation():
    gain = Comparison(
        other="dummy",
        metric="roc_auc",
        value=0.7614,
        other_value=0.5,
        gain=0.2614,
        bounds=(Bound(alpha=0.05, lower=0.2, upper=0.3),),
        p_value=0.001,
        method="group bootstrap",
        rows=545,
        units=545,
    )
    metric = MetricEstimate(
        name="roc_auc", value=0.7614, low=0.7192, high=0.8028, direction=Direction.HIGHER, method="group bootstrap"
    )
    report = EvaluationReport(
        task=Task.CLASSIFICATION,
        metric="roc_auc",
        direction=Direction.HIGHER,
        rows=545,
        groups=None,
        candidate=(metric,),
        against_dummy=gain,
        notes=("rows of one man count as one",),
    )
    return evidence(Kind.EVALUATION, report, finding("candidate", Status.PASS))


def bias():
    def piece(subject, support):
        numbers = dict.fromkeys(("support", "units", "trials", "rest_trials"), support)
        fair = {"value": 0.7, "low": 0.6, "high": 0.8, "rest_value": 0.7, "gap": 0.0, "p_value": 0.5}
        return SliceResult(subject=subject, columns=("black",), **numbers, **fair)

    report = BiasReport(
        task=Task.CLASSIFICATION,
        metric="accuracy",
        direction=Direction.HIGHER,
        rows=545,
        groups=None,
        value=0.73,
        columns=("black",),
        max_depth=1,
        slices=(piece("black=0", 506), piece("black=1", 39)),
        method="two-proportion",
    )
    few = finding("black=1", Status.INSUFFICIENT_EVIDENCE, "39 rows")
    return evidence(Kind.BIAS, report, finding("black=0", Status.PASS), few)


def card(*pieces, **human):
    return measure_model_card(Source(spec=spec(**human), model=MODEL, training=TRAINING, evidence=pieces))


def test_a_card_with_all_evidence_is_complete():
    verdict = judge_model_card(card(evaluation(), bias(), intended_use=HUMAN), ModelCardPolicy())
    assert verdict.status is Status.PASS


def test_the_features_come_with_their_permutation_importance():
    report = TrainingReport(
        task=Task.CLASSIFICATION,
        rows=1635,
        features={"exper": "number", "black": "number"},
        split=SplitKind.GROUP,
        folds=5,
        metrics=(),
        importance=(Importance(feature="exper", mean=0.0812, std=0.01),),
        fit_seconds=1.0,
        total_seconds=2.0,
    )
    shown = to_markdown(card(evidence(Kind.TRAINING, report)))
    assert "Permutation importance" in shown
    assert "0.0812 ± 0.0100" in next(line for line in shown.splitlines() if line.startswith("| exper"))


@pytest.mark.parametrize(("pieces", "missing"), [((bias(),), "metrics"), ((evaluation(),), "slices")])
def test_a_missing_section_is_a_fail_that_names_it(pieces, missing):
    verdict = judge_model_card(card(*pieces, intended_use=HUMAN), ModelCardPolicy())
    assert verdict.status is Status.FAIL
    assert verdict.summary == f"the card lacks {missing}"


def test_nobody_having_written_what_the_model_is_for_is_a_notice_or_a_fail_by_policy():
    silent = card(evaluation(), bias())
    assert judge_model_card(silent, ModelCardPolicy()).status is Status.NOTICE
    strict = judge_model_card(silent, ModelCardPolicy(required=(*REQUIRED, "intended_use")))
    assert (strict.status, strict.summary) == (Status.FAIL, "the card lacks intended_use")


def test_blank_text_fills_nothing():
    verdict = judge_model_card(card(evaluation(), bias(), ethics="  "), ModelCardPolicy(required=("ethics",)))
    assert "the card lacks ethics" in verdict.summary


def test_a_policy_that_asks_for_nothing_is_refused():
    with pytest.raises(BadInputError, match="required"):
        ModelCardPolicy(required=())


def test_text_by_people_stands_first_and_word_for_word():
    written = card(evaluation(), bias(), caveats=HUMAN, ethics="Ask the board.")
    caveats = written.section("caveats")
    assert caveats.human == HUMAN
    assert len(caveats.lines) == 3
    text = to_markdown(written)
    assert f"## Caveats\n\n{HUMAN}\n\n- " in text
    assert text.endswith("## Ethics\n\nAsk the board.\n")


def test_slices_too_small_to_judge_are_listed_and_not_called_fair():
    text = to_markdown(card(evaluation(), bias()))
    assert "Too few rows to judge these slices, which does not make them fair: black=1" in text
    assert "| black=1 | 39 | 0.7 | 0.6 to 0.8 | 0.7 | insufficient evidence |" in text


def test_metrics_come_with_their_interval_and_what_was_assumed():
    text = to_markdown(card(evaluation(), bias()))
    assert "| roc_auc | 0.7614 | 0.7192 to 0.8028 | - |" in text
    assert "rows of one man count as one" in text


def test_a_sensitive_column_the_model_does_not_see_is_named():
    assert "Sensitive, and not seen by the model: age" in to_markdown(card())


def test_the_snippet_is_a_spec_of_the_predict_job():
    assert set(json.loads(card().section("how_to_use").code)) == {"model", "dataset", "output_uri"}


def test_html_holds_no_markup_from_outside():
    page = to_html(card(evaluation(), bias(), intended_use=HUMAN))
    assert "<b>people</b>" not in page
    assert "&lt;b&gt;people&lt;/b&gt;" in page
    assert "<script" not in page
    assert "http" not in page


def test_an_empty_section_is_not_shown():
    assert "## Slices" not in to_markdown(card(evaluation()))
    assert 'id="slices"' not in to_html(card(evaluation()))


def test_a_card_survives_its_way_through_json():
    made = card(evaluation(), bias(), intended_use=HUMAN)
    assert decode(ModelCardReport, encode(made)) == made
