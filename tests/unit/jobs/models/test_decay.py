from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.operators.decay import DecayOperator
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status


@pytest.fixture
def decay(tmp_path):
    return lambda *history, **spec: jobs.run(
        "decay", {"history": list(history), "metric": "accuracy", "evidence_root": str(tmp_path / "mlops"), **spec}
    )


def window(name, value, rows=5000, **more):
    return {"window": name, "rows": rows, "value": value, **more}


def table(folder, name, right, rows=2000, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, rows)
    said = np.where(rng.random(rows) < right, truth, 1 - truth)
    path = folder / f"{name}.parquet"
    pd.DataFrame({"truth": truth, "said": said, "score": 0.2 + 0.6 * said, "who": np.arange(rows) // 2}).to_parquet(
        path
    )
    return {"window": name, "predictions": str(path)}


COLUMNS = {"label_column": "truth", "prediction_column": "said"}


def test_a_drop_is_found_from_values_alone(decay):
    outcome = decay(window("held out", 0.85), window("week 1", 0.84), window("week 2", 0.80))
    assert outcome.verdict.status is Status.FAIL
    assert outcome.verdict.findings[0].subject == "accuracy of week 2"


def test_a_drop_is_found_from_tables_and_their_fingerprints_are_kept(decay, tmp_path):
    outcome = decay(table(tmp_path, "before", 0.9), table(tmp_path, "now", 0.8, seed=1), **COLUMNS)
    assert outcome.verdict.status is Status.FAIL
    assert outcome.dataset.rows == 2000


def test_values_and_tables_stand_side_by_side(decay, tmp_path):
    outcome = decay(window("promotion", 0.9), table(tmp_path, "now", 0.9), **COLUMNS)
    assert outcome.verdict.status is Status.PASS


def test_a_metric_without_counts_is_judged_by_its_standard_error(decay):
    history = window("a", 1.0, std_error=0.01), window("b", 1.2, std_error=0.01)
    assert decay(*history, metric="rmse").verdict.status is Status.FAIL
    assert decay(*reversed(history), metric="rmse").verdict.status is Status.PASS
    assert decay(*history, metric="profit", direction="lower").verdict.status is Status.FAIL


def test_rows_of_one_person_are_resampled_together(decay, tmp_path):
    history = table(tmp_path, "before", 0.9), table(tmp_path, "now", 0.8, seed=1)
    outcome = decay(*history, **COLUMNS, group_column="who")
    assert outcome.verdict.status is Status.FAIL
    assert "assumes independent rows" in outcome.verdict.findings[0].detail


def test_a_named_rule_is_taken_from_the_spec(decay):
    outcome = decay(window("a", 0.85), window("b", 0.849), rule="raw")
    assert outcome.verdict.status is Status.FAIL


def test_the_verdict_is_recomputed_from_the_evidence(decay, tmp_path):
    outcome = decay(window("a", 0.85), window("b", 0.80))
    again = jobs.run("verify", {"evidence": outcome.evidence_uri, "evidence_root": str(tmp_path / "mlops")})
    assert again.verdict.status is Status.PASS, again.verdict.summary


@pytest.mark.parametrize(
    ("history", "spec", "message"),
    [
        ([window("a", 0.8)], {}, "'history' needs the reference and a window to judge; it has 1"),
        ([window("a", 0.8), window("a", 0.7)], {}, "window 'a' is in 'history' twice"),
        ([window("a", 0.8), window("b", float("nan"))], {}, "value is nan, not a finite number"),
        ([window("a", 0.8), window("b", 1.2)], {}, "window 'b' has accuracy 1.2"),
        ([window("a", 0.8), window("b", 0.7, rows=0)], {}, "window 'b' has 0 rows"),
        ([window("a", 0.8), {"window": "b", "rows": 5}], {}, "window 'b' has no 'value'"),
        ([window("a", 0.8), window("b", 0.7)], {"metric": "roc_auc"}, "window 'a' has no 'std_error'"),
        ([window("a", 0.8), window("b", 0.7, std_error=-1.0)], {}, "window 'b' has std_error -1"),
        (
            [window("a", 8.0, std_error=0.1), window("b", 0.7, std_error=0.1)],
            {"metric": "roc_auc"},
            "window 'a' has roc_auc 8",
        ),
        (
            [window("a", 0.8), window("b", 0.7)],
            {"metric": "accuracy", "direction": "lower"},
            "accuracy is better higher",
        ),
        ([window("a", 0.8), window("b", 0.7)], {"metric": "profit"}, "say which 'direction'"),
        ([window("a", 0.8), {"window": "b", "predictions": "b.parquet"}], {}, "b.parquet"),
        ([window("a", 0.8), {"window": "b", "hope": 1}], {}, r"unknown key 'hope'"),
    ],
)
def test_a_history_that_cannot_be_judged_is_refused_by_name(decay, history, spec, message):
    with pytest.raises(BadInputError, match=message):
        decay(*history, **spec)


def test_tables_need_their_columns_named(decay, tmp_path):
    history = [table(tmp_path, "a", 0.9), table(tmp_path, "b", 0.9)]
    with pytest.raises(BadInputError, match="key 'prediction_column' is missing"):
        decay(*history, label_column="truth")
    with pytest.raises(BadInputError, match="'nope'"):
        decay(*history, label_column="truth", prediction_column="nope")


def test_the_operator_hands_its_columns_to_the_job(tmp_path):
    operator = DecayOperator(
        task_id="decay",
        history=[table(tmp_path, "before", 0.9), table(tmp_path, "now", 0.8, seed=1)],
        metric="accuracy",
        label_column="truth",
        prediction_column="said",
        evidence_root=str(tmp_path / "mlops"),
    )
    outcome = jobs.run("decay", {**operator.request({}).to_spec(), "evidence_root": str(tmp_path / "mlops")})
    assert isinstance(outcome, Outcome)
    assert outcome.verdict.status is Status.FAIL
