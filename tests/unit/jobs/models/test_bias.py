from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.outcome import MAX_XCOM_BYTES, Outcome
from airflow_mlops_provider.records.reports.bias import BiasReport
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence

HANDBOOK = {"Black": 0.877, "South East Asian": 0.914, "Hispanic": 0.58, "White": 0.883}


@pytest.fixture(scope="module")
def handbook() -> pd.DataFrame:
    """A table in every handbook on the topic: accuracy by race, 1,000 rows a group."""
    rng = np.random.default_rng(0)
    parts = []
    for race, accuracy in HANDBOOK.items():
        truth = rng.integers(0, 2, 1000)
        right = np.arange(1000) < round(accuracy * 1000)
        parts.append(pd.DataFrame({"race": race, "y": truth, "said": np.where(right, truth, 1 - truth)}))
    table = pd.concat(parts, ignore_index=True)
    table["sex"] = rng.choice(["f", "m"], len(table))
    table["score"] = np.clip(table.said * 0.4 + rng.random(len(table)) * 0.6, 0, 1)
    table["person"] = np.arange(len(table)) // 2
    return table


def run(table: pd.DataFrame, folder: Path, **spec: Any) -> Outcome:
    path = folder / "predictions.parquet"
    table.to_parquet(path, index=False)
    given = {
        "predictions": str(path),
        "label_column": "y",
        "prediction_column": "said",
        "evidence_root": str(folder / "mlops"),
    }
    return jobs.run("bias", given | spec)


def report_of(outcome: Outcome) -> BiasReport:
    return decode(BiasReport, read_evidence(outcome.evidence_uri).report)


def test_the_handbooks_table_fails_for_hispanic_alone(handbook, tmp_path) -> None:
    outcome = run(handbook, tmp_path, slices=["race"])
    assert outcome.verdict.status is Status.FAIL
    assert [f.subject for f in outcome.verdict.of_status(Status.FAIL)] == ["race=Hispanic"]
    assert len(outcome.verdict.of_status(Status.PASS)) == 3
    assert {piece.subject: piece.value for piece in report_of(outcome).slices} == pytest.approx(
        {f"race={race}": accuracy for race, accuracy in HANDBOOK.items()}
    )


def test_intersections_of_depth_two_are_named_and_depth_one_leaves_them_out(handbook, tmp_path) -> None:
    subjects = {f.subject for f in run(handbook, tmp_path, slices=["race", "sex"]).verdict.findings}
    assert "race=Hispanic & sex=f" in subjects
    assert len(subjects) == 4 + 2 + 8
    single = run(handbook, tmp_path, slices=["race", "sex"], max_depth=1)
    assert len(single.verdict.findings) == 6


def test_missing_sensitive_values_are_a_slice_of_their_own(handbook, tmp_path) -> None:
    table = handbook.copy()
    table.loc[:99, "race"] = None
    found = {piece.subject: piece.support for piece in report_of(run(table, tmp_path, slices=["race"])).slices}
    assert found["race=missing"] == 100
    assert sum(found.values()) == len(table)


def test_a_slice_too_small_to_judge_makes_the_verdict_insufficient(handbook, tmp_path) -> None:
    table = handbook[handbook.race != "Hispanic"].copy()
    table.loc[table.index[:20], "race"] = "Other"
    outcome = run(table, tmp_path, slices=["race"])
    assert outcome.verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert outcome.verdict.findings[0].subject == "race=Other"


@pytest.mark.parametrize(
    "spec",
    [
        {"metric": "f1"},
        {"metric": "fpr"},
        {"metric": "roc_auc", "prediction_column": "score"},
        {"metric": "brier", "prediction_column": "score"},
        {"prediction_column": "score"},
        {"group_column": "person"},
    ],
)
def test_any_metric_finds_the_handbooks_slice(handbook, tmp_path, spec: dict[str, Any]) -> None:
    outcome = run(handbook, tmp_path, slices=["race"], **spec)
    assert [f.subject for f in outcome.verdict.of_status(Status.FAIL)] == ["race=Hispanic"]


def test_counting_in_the_scan_and_counting_rows_agree(handbook, tmp_path) -> None:
    streamed = report_of(run(handbook, tmp_path, slices=["race", "sex"]))
    by_rows = report_of(run(handbook.astype({"said": float}), tmp_path, slices=["race", "sex"]))
    assert streamed.slices == by_rows.slices
    assert streamed.disparities == by_rows.disparities


def test_csv_and_text_labels_work(handbook, tmp_path) -> None:
    path = tmp_path / "table.csv"
    handbook.assign(y=handbook.y.map(str) + "x", said=handbook.said.map(str) + "x").to_csv(path, index=False)
    outcome = run(handbook, tmp_path, predictions=str(path), slices=["race"])
    assert outcome.verdict.status is Status.FAIL


def test_the_picture_lies_beside_the_evidence(handbook, tmp_path) -> None:
    outcome = run(handbook.assign(race=handbook.race + "<b>"), tmp_path, slices=["race"])
    evidence = read_evidence(outcome.evidence_uri)
    page = EvidenceStore(str(tmp_path / "mlops")).read_bytes(evidence.attachments["slices.html"]).decode()
    assert page.startswith("<!doctype html>")
    assert "<svg" in page
    assert "race=Hispanic&lt;b&gt;" in page
    assert "<script" not in page


def page_of(outcome: Outcome, root: Path) -> str:
    attachment = read_evidence(outcome.evidence_uri).attachments["slices.html"]
    return EvidenceStore(str(root)).read_bytes(attachment).decode()


def test_a_slice_below_its_floor_is_not_called_worse_than_the_rest(handbook, tmp_path) -> None:
    policy = {"critical": {"race=White": 0.95}, "min_gap": 0.5}
    page = page_of(run(handbook, tmp_path, slices=["race"], policy=policy), tmp_path / "mlops")
    assert page.count("below its floor 0.95") == 2
    assert "worse than the rest" not in page
    assert ">floor</th>" in page
    assert '<td class="n">0.95</td>' in page
    assert ">p, unadjusted</th>" in page


def test_a_slice_above_its_ceiling_is_called_that(handbook, tmp_path) -> None:
    policy = {"critical": {"race=White": 0.01}, "min_gap": 0.5}
    outcome = run(handbook, tmp_path, slices=["race"], metric="fpr", policy=policy)
    assert "above its ceiling 0.01" in page_of(outcome, tmp_path / "mlops")


def test_a_slice_of_all_rows_has_no_rest_rather_than_too_few_rows(handbook, tmp_path) -> None:
    outcome = run(handbook.assign(const=1), tmp_path, slices=["const"])
    assert "too few other rows to compare with" in page_of(outcome, tmp_path / "mlops")
    assert "1 of 1 slice is without enough other rows" in outcome.verdict.summary


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"slices": ["colour"]}, "'colour'"),
        ({"slices": ["race"], "label_column": "z"}, "'z'"),
        ({"slices": ["race"], "metric": "gini"}, "'gini'"),
        ({"slices": []}, "'slices' is empty"),
        ({"slices": ["race"], "max_depth": 0}, "'max_depth'"),
        ({"slices": ["race"], "policy": {"min_gab": 1}}, "'min_gab'"),
        ({"slices": ["race"], "prediction_column": None}, "'prediction_column' is missing"),
        ({"slices": ["race"], "model": "wage.yaml"}, "'model' and 'predictions' exclude"),
        ({"slices": ["race"], "group_column": "family"}, "'family'"),
        ({"slices": ["race"], "discover": -1}, "'discover' is -1"),
        ({"slices": ["race"], "seed": -1}, "'seed' is -1"),
        ({"slices": ["race"], "discover": 5}, "nothing to discover: it names 1 column,"),
        (
            {"slices": ["race", "sex", ["race", "sex"]], "max_depth": 1, "discover": 5},
            "nothing to discover: it names 2 columns,",
        ),
    ],
)
def test_a_bad_spec_is_refused_by_name(handbook, tmp_path, spec: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInputError, match=named):
        run(handbook, tmp_path, **spec)
    assert not (tmp_path / "mlops").exists()


@pytest.mark.parametrize(("column", "what"), [("y", "labels"), ("said", "predictions")])
def test_missing_labels_and_predictions_are_refused_by_column(handbook, tmp_path, column: str, what: str) -> None:
    for kind in ("Int64", "float64"):
        table = handbook.astype({column: kind})
        table.loc[:2, column] = None
        with pytest.raises(
            BadInputError, match=f"predictions.parquet: column '{column}' has 3 missing {what} of 4,000 rows"
        ):
            run(table, tmp_path, slices=["race"])


def deep(rows: int, *, treated: float) -> pd.DataFrame:
    """A model that is worse only for young women in the north."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], rows),
            "region": rng.choice(["north", "south", "east"], rows),
            "age": rng.integers(18, 80, rows),
            "y": rng.integers(0, 2, rows),
            "person": np.arange(rows) // 2,
        }
    )
    hit = (table.sex == "f") & (table.region == "north") & (table.age < 33)
    right = rng.random(rows) < np.where(hit, treated, 0.9)
    return table.assign(said=np.where(right, table.y, 1 - table.y))


@pytest.mark.parametrize("group", [None, "person"])
def test_a_deep_wrong_is_found_on_one_half_and_confirmed_on_the_other(tmp_path, group: str | None) -> None:
    columns = ["sex", "region", {"column": "age", "bins": [33, 60]}]
    outcome = run(
        deep(20_000, treated=0.6), tmp_path, slices=columns, max_depth=1, discover=3, group_column=group,
        policy={"min_gap": 0.1},
    )  # fmt: skip
    assert outcome.verdict.findings[0].subject == "sex=f & region=north & age=below 33"
    assert outcome.verdict.status is Status.FAIL
    first = report_of(outcome).discoveries[0]
    assert first.confirmed is not None
    assert f"{first.confirmed.support:,} (half)" in page_of(outcome, tmp_path / "mlops")
    assert first.found.support != first.confirmed.support
    assert first.found.rest_trials + first.found.trials + first.confirmed.rest_trials + first.confirmed.trials == 20_000


def test_what_a_search_finds_by_chance_is_not_confirmed(tmp_path) -> None:
    columns = ["sex", "region", {"column": "age", "quantiles": 10}]
    outcome = run(deep(6_000, treated=0.9), tmp_path, slices=columns, max_depth=1, discover=5)
    report = report_of(outcome)
    assert len(report.discoveries) == 5
    assert min(each.found.p_value for each in report.discoveries) < 0.05
    assert not outcome.verdict.of_status(Status.FAIL)


def test_a_search_no_deeper_than_the_slices_is_refused(handbook, tmp_path) -> None:
    with pytest.raises(BadInputError, match="'discover_depth'"):
        run(handbook, tmp_path, slices=["race", "sex"], discover=2, discover_depth=2)


def test_a_row_without_a_group_is_refused(handbook, tmp_path) -> None:
    table = handbook.astype({"person": float})
    table.loc[:6, "person"] = None
    with pytest.raises(BadInputError, match="'person' has 7 missing values of 4,000 rows"):
        run(table, tmp_path, slices=["race"], group_column="person")


def flagged(shares: dict[str, float], rows: int) -> pd.DataFrame:
    """Rows of two groups, of which the model flags these shares."""
    parts = [
        pd.DataFrame({"group": name, "y": np.arange(rows) % 2, "said": (np.arange(rows) < rows * share).astype(int)})
        for name, share in shares.items()
    ]
    return pd.concat(parts, ignore_index=True)


def accused(outcome: Outcome) -> list[str]:
    return sorted({finding.subject for finding in outcome.verdict.of_status(Status.FAIL)})


def test_where_being_selected_is_the_harm_the_group_that_is_selected_more_is_found(tmp_path) -> None:
    table, keys = flagged({"a": 0.52, "b": 0.30}, 1000), {"slices": ["group"], "metric": "selection_rate"}
    assert accused(run(table, tmp_path, **keys)) == ["group=b"]
    harm = run(table, tmp_path, **keys, policy={"direction": "lower"})
    assert accused(harm) == ["group=a"]
    assert report_of(harm).direction == "lower"
    assert report_of(harm).positive_class == "1"


def test_the_direction_of_a_ceiling_follows_that_of_the_rate(tmp_path) -> None:
    policy = {"direction": "lower", "critical": {"group=b": 0.25}, "min_gap": 0.9}
    outcome = run(
        flagged({"a": 0.3, "b": 0.3}, 500), tmp_path, slices=["group"], metric="selection_rate", policy=policy
    )
    assert [(f.subject, f.measure) for f in outcome.verdict.of_status(Status.FAIL)] == [
        ("group=b", "selection_rate_ceiling")
    ]


@pytest.mark.parametrize(("direction", "found"), [("lower", "group=a"), ("higher", "group=b")])
def test_a_ratio_below_four_fifths_fails_where_the_gap_is_small(tmp_path, direction, found) -> None:
    table, keys = flagged({"a": 0.019, "b": 0.010}, 10_000), {"slices": ["group"], "metric": "selection_rate"}
    assert run(table, tmp_path, **keys, policy={"direction": direction}).verdict.status is Status.NOTICE
    outcome = run(table, tmp_path, **keys, policy={"direction": direction, "min_ratio": 0.8})
    assert accused(outcome) == [found]
    (finding,) = outcome.verdict.of_status(Status.FAIL)
    assert (finding.measure, finding.limit) == ("selection_rate_ratio_to_rest", 0.8)
    assert finding.observed == pytest.approx(0.010 / 0.019)
    assert f"{found} has a ratio of 0.526 (limit 0.8)" in outcome.verdict.summary


def test_a_ratio_below_the_limit_by_chance_accuses_nobody(tmp_path) -> None:
    table = flagged({"a": 0.10, "b": 0.07}, 100)
    policy = {"direction": "lower", "min_ratio": 0.8}
    outcome = run(table, tmp_path, slices=["group"], metric="selection_rate", policy=policy)
    assert accused(outcome) == []
    assert min(f.observed for f in outcome.verdict.findings if f.measure.endswith("ratio_to_rest")) < 0.8


def test_a_metric_that_says_how_good_a_model_is_cannot_be_turned_round(handbook, tmp_path) -> None:
    with pytest.raises(BadInputError, match="'direction' is lower, and accuracy is better higher"):
        run(handbook, tmp_path, slices=["race"], policy={"direction": "lower"})


def test_odd_groups_and_thousands_of_slices_fit_on_xcom_and_are_kept_in_the_evidence(tmp_path) -> None:
    rng, rows = np.random.default_rng(0), 4_000
    shop = pd.Categorical(
        rng.choice([f"shop {nr:04}" for nr in range(900)], rows), [f"shop {nr:04}" for nr in range(999)]
    )
    odd = rng.choice(["", " ", "a=b & c", "<b>", "None", "nan", "\n", "日本"], rows).astype(object)
    odd[:50] = None
    frame = pd.DataFrame({"shop": shop, "odd": odd, "y": rng.integers(0, 2, rows)}).assign(said=1)
    frame.loc[frame.odd == "<b>", "y"] = 0
    outcome = run(frame, tmp_path, slices=["shop", "odd"], metric="recall", policy={"min_support": 1})
    assert len(json.dumps(outcome.to_xcom())) <= MAX_XCOM_BYTES
    slices = {piece.subject: piece for piece in report_of(outcome).slices}
    assert len(slices) > 900
    assert "shop=shop 0998" not in slices
    assert slices["odd=<b>"].value is None
    assert slices["odd=missing"].support == 50
