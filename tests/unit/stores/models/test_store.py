from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError
from airflow_mlops_provider.records.codec import canonical_json
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.stores.models import ModelStore, Probe, tags
from airflow_mlops_provider.stores.models.artifact import content_digest_of
from airflow_mlops_provider.stores.models.connection import artifact_root
from airflow_mlops_provider.stores.models.predictor import kinds_of
from airflow_mlops_provider.stores.models.runs import is_gone, this_process

SPEC = ModelSpec(
    name="toy",
    task=Task.CLASSIFICATION,
    target="y",
    features=("a", "b"),
    trainer="toy:build",
    metrics={"roc_auc": Direction.HIGHER, "accuracy": Direction.HIGHER},
)
DATASET = DatasetRef(uri="toy.parquet", fingerprint="sha256:" + "0" * 64, rows=200, schema_hash="sha256:" + "1" * 64)


def frame(rows: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"a": rng.integers(0, 9, rows), "b": rng.normal(size=rows)})


def fitted(estimator: object = None) -> Pipeline:
    data = frame()
    boost = HistGradientBoostingClassifier(max_iter=5, random_state=0) if estimator is None else estimator
    return make_pipeline(StandardScaler(), boost).fit(data, (data.a + data.b > 4).astype(int))


def probe_of(model: Pipeline) -> Probe:
    rows = frame(20)
    scores = tuple(model.predict_proba(rows)[:, 1].tolist()) if hasattr(model, "predict_proba") else None
    return Probe(frame=rows, predictions=tuple(model.predict(rows).tolist()), scores=scores)


def registered(store: ModelStore, model: Pipeline | None = None, *, spec: ModelSpec = SPEC, key: str = "k") -> ModelRef:
    model = model or fitted()
    with store.training_run(spec.name, run_key=key) as run:
        stored = run.store_model(model, spec, probe_of(model))
        return run.register(stored, {tags.DATASET: canonical_json(DATASET).decode()})


@pytest.fixture(scope="module")
def shared(tmp_path_factory, empty_mlflow) -> tuple[ModelStore, ModelRef]:
    """A store with one version, for tests that change nothing in it."""
    root = tmp_path_factory.mktemp("shared")
    shutil.copy(empty_mlflow, root / "mlflow.db")
    store = ModelStore(evidence_root=str(root))
    ref = registered(store)
    store.set_alias("toy", "challenger", "1")
    return store, ref


def artifact_file(root: str, name: str) -> Path:
    (found,) = Path(root).rglob(name)
    return found


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1", "sqlite:////proc/none/mlflow.db", "nonsense://x"])
def test_a_store_that_cannot_be_reached_is_a_backend_error_within_seconds(uri):
    started = time.monotonic()
    with pytest.raises(BackendError, match="MLflow at"):
        ModelStore(uri)
    assert time.monotonic() - started < 60  # MLflow alone would try for minutes


def test_a_password_never_shows_in_an_error():
    with pytest.raises(BackendError) as caught:
        ModelStore("http://me:secret@127.0.0.1:1")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("tracking_uri", "evidence_root", "expected"),
    [
        ("sqlite:////data/mlflow.db", "s3://bucket/evidence", "file:///data/mlartifacts"),
        ("postgresql://host/mlflow", "/data/mlops", "file:///data/mlops/mlartifacts"),
        ("postgresql://host/mlflow", "s3://bucket/evidence/", "s3://bucket/evidence/mlartifacts"),
        ("http://host:5000", "/data/mlops", None),
    ],
)
def test_artifacts_lie_where_every_process_finds_them(tracking_uri, evidence_root, expected):
    assert artifact_root(tracking_uri, evidence_root) == expected


def test_every_way_to_name_a_version_gives_the_same_pinned_reference(shared):
    store, ref = shared
    assert ref.digest is not None
    assert ref.run_id is not None
    for model in ("models:/toy/1", "models:/toy@challenger", "models:/toy", SPEC, ref, ModelRef(name="toy")):
        assert store.resolve(model) == ref
    assert store.find("toy", "challenger") == ref
    assert store.versions("toy") == (ref,)


def test_what_does_not_exist_is_said_by_name(mlops_root):
    store = ModelStore(evidence_root=mlops_root)
    assert store.find("toy", "champion") is None
    assert store.aliases("toy") == {}
    with pytest.raises(BadInputError, match=r"no model 'toy'.*train it first"):
        store.resolve("models:/toy@champion")
    registered(store)
    assert store.find("toy", "champion") is None
    with pytest.raises(BadInputError, match="no alias 'champion'"):
        store.resolve("models:/toy@champion")
    with pytest.raises(BadInputError, match="no version 7"):
        store.resolve("models:/toy/7")
    with pytest.raises(BadInputError, match="is not models:/name/version"):
        store.resolve("models:/toy/seven")


def test_a_loaded_version_answers_as_the_model_in_memory(shared):
    store, ref = shared
    model = fitted()
    predictor = store.load(ref)
    assert predictor.spec == SPEC
    assert predictor.classes == (0, 1)
    np.testing.assert_array_equal(predictor.scores(frame()), model.predict_proba(frame())[:, 1])
    np.testing.assert_array_equal(predictor.predict(frame()), model.predict(frame()))
    assert predictor.probe is not None
    pd.testing.assert_frame_equal(predictor.probe.frame, frame(20))


def test_the_order_of_metrics_survives_storing(shared):
    store, ref = shared
    assert store.spec(ref).deciding_metric == "roc_auc"


def test_a_version_remembers_its_training_data(shared):
    store, ref = shared
    assert store.run_dataset(ref) == DATASET


class Counted:
    """A client that remembers which of its methods were called."""

    def __init__(self, client: object) -> None:
        self.client, self.asked = client, []

    def __getattr__(self, name: str) -> object:
        self.asked.append(name)
        return getattr(self.client, name)


def test_one_request_brings_the_tags_of_every_version_however_many_another_tool_made(mlops_root):
    store = ModelStore(evidence_root=mlops_root)
    ref = registered(store)
    for _ in range(5):
        store._client.create_model_version(ref.name, "s3://elsewhere/model", tags={"tool": "another"})
    store._client = Counted(store._client)
    found = store.tags_of_versions(ref.name)
    assert store._client.asked == ["search_model_versions"]
    assert [each.version for each in found] == ["1", "2", "3", "4", "5", "6"]
    assert found[ref][tags.DIGEST] == ref.digest
    assert list(found.values())[1] == {"tool": "another"}


def test_aliases_move_and_go(mlops_root):
    store = ModelStore(evidence_root=mlops_root)
    registered(store, key="one")
    registered(store, key="two")
    store.set_alias("toy", "champion", "1")
    store.set_alias("toy", "champion", "2")
    assert store.aliases("toy") == {"champion": "2"}
    store.delete_alias("toy", "champion")
    store.delete_alias("toy", "champion")
    assert store.aliases("toy") == {}
    with pytest.raises(BadInputError, match="no version 9"):
        store.set_alias("toy", "champion", "9")


def test_tags_files_and_numbers_can_be_added_to_a_version(mlops_root):
    store = ModelStore(evidence_root=mlops_root)
    ref = registered(store)
    store.set_version_tag(ref, "seen", "yes")
    store.attach(ref, "cards/card.md", b"# Card")
    store.log_metrics(ref, {"auc": 0.75})
    assert store.version_tags(ref)["seen"] == "yes"
    assert store.attachment(ref, "cards/card.md") == b"# Card"
    assert store.attachment(ref, "cards/none.md") is None


@pytest.mark.parametrize("name", ["model.skops", "mlops_spec.json", "MLmodel", "mlops_probe.json"])
def test_a_changed_file_of_the_artifact_is_refused_at_load(mlops_root, name):
    store = ModelStore(evidence_root=mlops_root)
    ref = registered(store)
    path = artifact_file(mlops_root, name)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match="models:/toy/1 was changed"):
        store.load(ref)


def test_an_added_or_removed_file_is_refused_at_load(mlops_root):
    store = ModelStore(evidence_root=mlops_root)
    ref = registered(store)
    extra = artifact_file(mlops_root, "MLmodel").with_name("extra.py")
    extra.write_text("x = 1")
    with pytest.raises(IntegrityError):
        store.load(ref)
    extra.unlink()
    store.load(ref)
    artifact_file(mlops_root, "conda.yaml").unlink()
    with pytest.raises(IntegrityError):
        store.load(ref)


def test_mlflows_own_loading_does_not_break_the_digest(mlops_root, monkeypatch):
    import mlflow.artifacts

    store = ModelStore(evidence_root=mlops_root)
    ref = registered(store)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.tracking_uri)
    mlflow.artifacts.download_artifacts(ref.uri, tracking_uri=store.tracking_uri)
    assert store.load(ref).spec == SPEC


def test_a_reference_with_another_digest_than_the_registry_is_refused(shared):
    store, ref = shared
    ref = replace(ref, digest="sha256:" + "f" * 64)
    with pytest.raises(IntegrityError, match="as the reference says"):
        store.resolve(ref)
    with pytest.raises(IntegrityError, match="as the reference says"):
        store.load(ref)


def test_a_version_whose_digest_tag_was_removed_is_refused(mlops_root):
    store = ModelStore(evidence_root=mlops_root)
    ref = registered(store)
    store.set_version_tag(ref, tags.DIGEST, "")
    with pytest.raises(IntegrityError, match="carries no digest"):
        store.load(replace(ref, digest=None))


def test_a_pickle_is_refused_even_when_its_digest_is_right(mlops_root):
    from airflow_mlops_provider.stores.models.artifact import digest_of, read_files

    store = ModelStore(evidence_root=mlops_root)
    ref = registered(store)
    skops = artifact_file(mlops_root, "model.skops")
    skops.with_name("model.pkl").write_bytes(pickle.dumps(fitted()))
    skops.unlink()
    digest = digest_of(read_files(skops.parent))
    store.set_version_tag(ref, tags.DIGEST, digest)
    with pytest.raises(BadInputError, match="pickled models are refused"):
        store.load(replace(ref, digest=digest))


def untellable():
    """An estimator with code that no list of types can name."""
    model = make_pipeline(FunctionTransformer(lambda rows: rows * 2), RandomForestClassifier(3, random_state=0))
    return model.fit(frame(), (frame().a > 4).astype(int))


def test_a_pickle_is_opened_where_the_reader_names_the_model_as_trusted(mlops_root, monkeypatch):
    store = ModelStore(evidence_root=mlops_root)
    with pytest.raises(BadInputError, match="not trusted"):
        registered(store, untellable())
    monkeypatch.setenv("MLOPS_TRUSTED_PICKLES", "other, toy")
    ref = registered(store, untellable())
    assert store.load(ref).predict(frame(3)).shape == (3,)
    monkeypatch.setenv("MLOPS_TRUSTED_PICKLES", "other")
    with pytest.raises(BadInputError, match="name toy in MLOPS_TRUSTED_PICKLES"):
        store.load(ref)


def test_a_trusted_pickle_that_was_changed_is_never_opened(mlops_root, monkeypatch):
    monkeypatch.setenv("MLOPS_TRUSTED_PICKLES", "toy")
    store = ModelStore(evidence_root=mlops_root)
    ref = registered(store, untellable())
    artifact_file(mlops_root, "model.pkl").write_bytes(pickle.dumps(fitted()))
    with pytest.raises(IntegrityError, match="was changed"):
        store.load(ref)


def test_a_type_that_nobody_allowed_is_refused_by_name_before_anything_is_stored(mlops_root):
    store = ModelStore(evidence_root=mlops_root)
    model = make_pipeline(FunctionTransformer(pd.DataFrame.abs), fitted()).fit(frame(), (frame().a > 4).astype(int))
    with pytest.raises(BadInputError, match="not trusted"), store.training_run("toy", run_key="k") as run:
        run.store_model(model, SPEC, probe_of(model))
    assert not list(Path(mlops_root).rglob("model.skops"))


def test_a_type_that_the_declaration_trusts_is_stored_and_loaded(mlops_root):
    store = ModelStore(evidence_root=mlops_root)
    model = make_pipeline(FunctionTransformer(np.nan_to_num), RandomForestClassifier(3, random_state=0))
    model.fit(frame(), (frame().a > 4).astype(int))
    spec = replace(SPEC, trusted_types=("numpy.nan_to_num",))
    assert store.load(registered(store, model, spec=spec)).predict(frame(3)).shape == (3,)


@pytest.mark.parametrize(
    "estimator",
    [GradientBoostingClassifier(n_estimators=3), RandomForestClassifier(3), LinearRegression()],
    ids=lambda each: type(each).__name__,
)
def test_common_estimators_need_no_trusted_types(mlops_root, estimator):
    store = ModelStore(evidence_root=mlops_root)
    assert store.load(registered(store, fitted(estimator=estimator))).predict(frame(3)).shape == (3,)


def test_a_model_without_probabilities_has_no_scores(mlops_root):
    store = ModelStore(evidence_root=mlops_root)
    predictor = store.load(registered(store, fitted(estimator=LinearRegression())))
    assert predictor.scores(frame(3)) is None
    assert predictor.classes is None


def test_a_missing_column_is_named(shared):
    store, ref = shared
    predictor = store.load(ref)
    with pytest.raises(BadInputError, match="needs column 'b'"):
        predictor.predict(frame()[["a"]])


def test_a_column_of_another_kind_is_named(shared):
    store, ref = shared
    predictor = store.load(ref)
    with pytest.raises(BadInputError, match="column 'b' holds text values, but was trained on number"):
        predictor.predict(frame().assign(b="x"))


def test_an_integer_column_with_missing_values_is_still_a_number(shared):
    store, ref = shared
    predictor = store.load(ref)
    assert len(predictor.predict(frame(3).assign(a=[1, None, 3]))) == 3


def test_kinds_are_the_same_with_missing_values_and_without():
    whole = pd.DataFrame(
        {"n": [1, 2], "t": ["a", "b"], "b": [True, False], "f": [0.5, 1.5], "d": pd.to_datetime([0, 1])}
    )
    gaps = whole.reindex([0, 1, 2])
    assert kinds_of(whole) == {"n": "number", "t": "text", "b": "boolean", "f": "number", "d": "other"}
    assert kinds_of(gaps) == kinds_of(whole)


def test_the_same_key_finds_the_same_run_and_another_recipe_another(mlops_root):
    store = ModelStore(evidence_root=mlops_root)
    ids = {}
    for key, recipe in [("k", "r"), ("k", "r"), ("k", "other"), ("other", "r")]:
        with store.training_run("toy", run_key=key, recipe=recipe) as run:
            ids.setdefault((key, recipe), set()).add(run.run_id)
    assert [len(found) for found in ids.values()] == [1, 1, 1]
    assert len(set.union(*ids.values())) == 3


def test_without_a_key_every_run_is_its_own(mlops_root):
    store = ModelStore(evidence_root=mlops_root)
    with store.training_run("toy") as one, store.training_run("toy") as two:
        assert one.run_id != two.run_id


def test_registering_twice_in_one_run_gives_one_version(mlops_root):
    store = ModelStore(evidence_root=mlops_root)
    assert registered(store) == registered(store)
    assert len(store.versions("toy")) == 1


def status_of(store: ModelStore, run_id: str) -> str:
    return store._client.get_run(run_id).info.status


def test_a_run_ends_as_it_went(mlops_root):
    store = ModelStore(evidence_root=mlops_root)
    with store.training_run("toy", run_key="good") as good:
        assert status_of(store, good.run_id) == "RUNNING"
    with pytest.raises(ZeroDivisionError), store.training_run("toy", run_key="bad") as bad:
        1 / 0  # noqa: B018
    with pytest.raises(KeyboardInterrupt), store.training_run("toy", run_key="stopped") as stopped:
        raise KeyboardInterrupt
    with store.training_run("toy", run_key="refused") as refused:
        refused.fail()
    assert [status_of(store, run.run_id) for run in (good, bad, stopped, refused)] == [
        "FINISHED",
        "FAILED",
        "FAILED",
        "FAILED",
    ]


def test_a_retry_opens_the_failed_run_again_and_finishes_it(mlops_root):
    store = ModelStore(evidence_root=mlops_root)
    with pytest.raises(ZeroDivisionError), store.training_run("toy", run_key="k") as first:
        1 / 0  # noqa: B018
    with store.training_run("toy", run_key="k") as second:
        second.log_params({"a": 1})
    assert second.run_id == first.run_id
    assert status_of(store, first.run_id) == "FINISHED"


def test_the_run_of_a_killed_process_is_ended_by_the_next_one(mlops_root):
    code = (
        "import os, sys; from airflow_mlops_provider.stores.models import ModelStore\n"
        f"run = ModelStore(evidence_root={mlops_root!r}).training_run('toy'); print(run.run_id, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    store = ModelStore(evidence_root=mlops_root)
    assert status_of(store, done.stdout.strip()) == "RUNNING"
    with store.training_run("toy") as mine:
        assert status_of(store, done.stdout.strip()) == "KILLED"
        assert status_of(store, mine.run_id) == "RUNNING"


def test_a_process_elsewhere_is_never_taken_for_gone():
    host, namespace, pid, started = this_process().split("/")
    assert not is_gone(this_process())
    assert is_gone(f"{host}/{namespace}/{pid}/{int(started) + 1}")
    assert not is_gone(f"other-host/{namespace}/{pid}/{int(started) + 1}")
    assert not is_gone(f"{host}/pid:[1]/{pid}/{int(started) + 1}")


def test_what_a_killed_try_uploaded_is_dropped_by_the_retry(mlops_root):
    store, model = ModelStore(evidence_root=mlops_root), fitted()
    with store.training_run("toy", run_key="k") as run:
        abandoned = run.store_model(model, SPEC, probe_of(model))
    registered(store, model)
    assert len(store.versions("toy")) == 1
    assert abandoned.model_id not in [model.model_id for model in store._client.search_logged_models(["1"])]


def test_the_content_digest_tells_what_was_learnt_and_the_file_digest_tells_the_file():
    import skops.io

    same, again = skops.io.dumps(fitted()), skops.io.dumps(fitted())
    other = skops.io.dumps(fitted(estimator=HistGradientBoostingClassifier(max_iter=6, random_state=0)))
    assert same != again
    assert content_digest_of(same) == content_digest_of(again)
    assert content_digest_of(same) != content_digest_of(other)


@pytest.mark.slow
def test_several_processes_may_make_the_store_at_once(tmp_path):
    code = f"from airflow_mlops_provider.stores.models import ModelStore; ModelStore(evidence_root={str(tmp_path)!r})"
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [process.wait() for process in started] == [0, 0, 0, 0]


def test_two_runs_that_log_a_dataset_for_the_first_time_at_once_both_have_it(mlops_root):
    from mlflow.exceptions import MlflowException

    class Overtaken:
        """MLflow when another run inserts the dataset between its look and its own insert."""

        def __init__(self, client, rival):
            self.client, self.rival, self.calls = client, rival, 0

        def log_inputs(self, run_id, datasets):
            self.calls += 1
            if self.calls == 1:
                self.client.log_inputs(self.rival, datasets=datasets)
                raise MlflowException("UNIQUE constraint failed: datasets.digest")
            self.client.log_inputs(run_id, datasets=datasets)

        def __getattr__(self, name):
            return getattr(self.client, name)

    store = ModelStore(evidence_root=mlops_root)
    with store.training_run("toy", run_key="one") as rival, store.training_run("toy", run_key="two") as run:
        run._client = Overtaken(run._client, rival.run_id)
        run.log_dataset(DATASET)
        found = [run._client.get_run(each).inputs.dataset_inputs for each in (rival.run_id, run.run_id)]
    assert [each.dataset.name for inputs in found for each in inputs] == ["toy.parquet", "toy.parquet"]
