"""Declarations, trainers and data that no model can be made from: the user's mistake, told as the user's."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

UNREACHABLE = "http://127.0.0.1:1"


@pytest.fixture
def spec(bench):
    """A training that would succeed."""
    return {"model": bench.declare(), "dataset": bench.path("train.parquet")}


DECLARATIONS = [
    (("", ""), "nonsense: 1\n", "broken.yaml: unknown key 'nonsense'; known keys are "),
    (("target: high\n", ""), "", "broken.yaml: key 'target' is missing"),
    (
        ("classification", "clustering"),
        "",
        "broken.yaml.task is 'clustering'; allowed are 'classification', 'regression'",
    ),
    (("name: wage", "name: '../wage'"), "", "model name '../wage': no '/'"),
    (("name: wage", "name: 5"), "", "broken.yaml.name must be str, not int (5)"),
    (("name: wage", "name: "), "", "broken.yaml.name must be str, not NoneType"),
    (("[exper, hours, black]", "exper"), "", "broken.yaml.features must be a list, not str"),
    (("[exper, hours, black]", "[]"), "", "model wage: 'features' is empty"),
    (("[exper, hours, black]", "[exper, exper]"), "", "'features' names a column twice"),
    (("[exper, hours, black]", "[exper, high]"), "", "target 'high' is also a feature"),
    (("roc_auc: higher", "luck: higher"), "", "metric 'luck' is unknown; metrics are accuracy, "),
    (("roc_auc: higher", "roc_auc: up"), "", "broken.yaml.metrics.roc_auc is 'up'; allowed are 'higher', 'lower'"),
    (("roc_auc: higher", "roc_auc: lower"), "", "metric 'roc_auc' is better when higher"),
    (("roc_auc: higher", "rmse: lower"), "", "metric 'rmse' is for regression, the task is classification"),
    (("folds: 2", "folds: 1"), "", "folds is 1; at least 2 are needed"),
    (("", ""), "seed: -1\n", "'seed' is -1"),
    (("quick:build", "quick"), "", "trainer 'quick' is not 'module:function'"),
]


@pytest.mark.parametrize(("swap", "more", "reason"), DECLARATIONS, ids=range(len(DECLARATIONS)))
def test_a_declaration_that_is_wrong_is_named_with_its_key(swap, more, reason, spec, bench, train):
    train.refused("train", {**spec, "model": bench.declare("broken.yaml", swap=swap, more=more)}, reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "broken.yaml must be a mapping, not NoneType"),
        ("- a", "broken.yaml must be a mapping, not list"),
        ("a: [", "broken.yaml is not YAML: while parsing"),
        (b"\xff\xfe", "broken.yaml is not YAML: 'utf-8' codec"),
        ("!!python/object/apply:os.system ['true']", "broken.yaml is not YAML: could not determine a constructor"),
    ],
    ids=range(5),
)
def test_a_model_file_that_is_no_declaration_is_named(text, reason, spec, bench, train):
    (bench.folder / "broken.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    train.refused("train", {**spec, "model": bench.path("broken.yaml")}, reason)


def test_a_model_that_is_none_is_named(spec, bench, train):
    train.refused("train", {**spec, "model": "no/model.yaml"}, "model file no/model.yaml: No such file or directory")
    train.refused("train", {**spec, "model": str(bench.folder)}, "Is a directory")
    train.refused("train", {**spec, "model": 5}, "train spec.model must be a mapping, not int")
    train.refused("train", {**spec, "model": {}}, "train spec.model: key 'name' is missing")


TRAINERS = {
    "no_such_module:build": "module 'no_such_module': No module named 'no_such_module' (looked in ",
    "quick:missing": "quick.py has no function 'missing'",
    "quick:nothing_to_call": "quick.py has no function 'nothing_to_call'",
    "quick:leaving": "trainer quick:leaving raised SystemExit: 0",
    "quick:empty_handed": "trainer quick:empty_handed returned NoneType, not a classifier with fit and predict",
    "quick:another_kind": "returned LinearRegression, not a classifier with fit and predict",
    "quick:uninstantiated": "trainer quick:uninstantiated returned ABCMeta, not a classifier with fit and predict",
    "quick:with_lambda": "model wage contains quick.<lambda>, which is not trusted",
    "quick:stubborn": "model wage cannot be fitted: ValueError: I will not",
    "math:sqrt": "trainer math:sqrt raised TypeError",
    "syntax:build": "syntax.py raises SyntaxError",
    "exit_at_import:build": "exit_at_import.py raises SystemExit: 0",
}


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_trainer_that_will_not_do_is_named(trainer, spec, bench, train):
    (bench.folder / "syntax.py").write_text("def build(:\n")
    (bench.folder / "exit_at_import.py").write_text("import sys; sys.exit(0)\n")
    model = bench.declare("broken.yaml", swap=("quick:build", trainer))
    train.refused("train", {**spec, "model": model}, TRAINERS[trainer])


def test_an_estimator_that_answers_what_is_no_number_is_named(spec, bench, train):
    model = bench.declare(
        "broken.yaml", swap=("quick:build", "quick:undecided"), more="trusted_types: [quick.Undecided]\n"
    )
    train.refused("train", {**spec, "model": model}, "model wage: its predict_proba answers NaN or infinity")


@pytest.mark.parametrize(
    ("trainer", "words"),
    [
        ("quick:raising", "trainer quick:raising raised RuntimeError: first line second line"),
        ("offline:build", "offline.py raises ConnectionError: no route"),
    ],
)
def test_trouble_around_the_users_code_is_no_bad_input_because_a_retry_may_help(trainer, words, spec, bench, train):
    (bench.folder / "offline.py").write_text("raise ConnectionError('no route')\n")
    train.failed("train", {**spec, "model": bench.declare("broken.yaml", swap=("quick:build", trainer))}, words)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"trainer_params": {"hope": 1}}, "build() got an unexpected keyword argument 'hope'"),
        ({"trainer_params": {"depth": "deep"}}, "model wage cannot be fitted: InvalidParameterError: The 'max_depth'"),
        ({"trainer_params": [1]}, "train spec.trainer_params must be a mapping, not list"),
        ({"experiment": "a b/c"}, "experiment 'a b/c' may hold letters, digits, '_' and '.' alone"),
        ({"policy": {"max_symmetry_difference": -1}}, "max_symmetry_difference must not be negative"),
    ],
    ids=range(5),
)
def test_parameters_that_will_not_do_are_named(change, reason, spec, train):
    train.refused("train", {**spec, **change}, reason)


DATA = {
    "no rows": (lambda frame: frame.head(0), "has no rows"),
    "one row": (lambda frame: frame.head(1), "target 'high' has one class only"),
    "one class": (lambda frame: frame.assign(high=1), "target 'high' has one class only: there is nothing to learn"),
    "no target": (lambda frame: frame.drop(columns="high"), "has no column 'high'; it has person, year, exper"),
    "no feature": (lambda frame: frame.drop(columns="hours"), "has no column 'hours'"),
    "no groups": (lambda frame: frame.drop(columns="person"), "has no column 'person'"),
    "missing target": (lambda frame: frame.assign(high=frame.high.where(frame.hours > 2000)), "'high' is missing in "),
    "infinite": (lambda frame: frame.assign(hours=np.inf), "feature 'hours' is infinite in 400 of 400 rows"),
    "all missing": (lambda frame: frame.assign(hours=np.nan), "feature 'hours' is missing in all 400 rows"),
    "text": (lambda frame: frame.assign(hours="many"), "cannot be fitted: ValueError: could not convert string"),
    "lists": (lambda frame: frame.assign(hours=[[1.0]] * len(frame)), "model wage cannot be fitted: ValueError"),
    "mappings": (lambda frame: frame.assign(high=[{"a": 1}] * len(frame)), "values that are neither text nor numbers"),
    "time stamps": (lambda frame: frame.assign(hours=pd.Timestamp("2020-01-01")), "model wage cannot be fitted"),
    "fractions": (
        lambda frame: frame.assign(high=frame.high + 0.5 * frame.black),
        "holds fractions, which are no classes",
    ),
}


@pytest.mark.parametrize("kind", DATA)
def test_data_that_nothing_can_be_learnt_from_are_named(kind, spec, bench, train, wages):
    change, reason = DATA[kind]
    place = bench.keep("broken.parquet", change(wages.head(400)))
    train.refused("train", {**spec, "dataset": place}, reason)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        (UNREACHABLE, f"MLflow at {UNREACHABLE}: "),
        ("foo://somewhere", "MLflow at foo://somewhere: "),
        ("sqlite:////proc/no/mlflow.db", "MLflow at sqlite:////proc/no/mlflow.db: "),
        ("sqlite:///{folder}/quick.py", "quick.py: file is not a database"),
        ("postgresql://user:secret@127.0.0.1:1/db", "MLflow at postgresql://user:***@127.0.0.1:1/db: "),
    ],
)
def test_a_tracking_store_that_cannot_be_had_fails_at_once(uri, reason, spec, bench, train):
    started = time.monotonic()
    line = train.failed("train", {**spec, "tracking_uri": uri.format(folder=bench.folder)}, reason)
    assert time.monotonic() - started < 15
    assert "secret" not in line
