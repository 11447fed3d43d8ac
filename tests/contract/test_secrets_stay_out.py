"""Secrets in addresses, and sensitive values in what others' code says, reach nothing that is written or said."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from airflow_mlops_provider.jobs.__main__ import main

SECRET = "s3cr3t"
RULE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "hours", "min_value": 0}}
SUITE = {"expectations": [RULE]}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def store(tmp_path: Path, wages: pd.DataFrame) -> Iterator[str]:
    """``HOST:PORT`` of a store that gives files to whoever asks."""
    folder = tmp_path / "store"
    folder.mkdir()
    wages.to_parquet(folder / "batch.parquet", index=False)
    wages.to_csv(folder / "batch.csv", index=False)
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def said_and_written(name: str, spec: dict[str, Any], folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What a job says and every file that it leaves, as one text."""
    place = folder.parent / "spec.json"
    place.write_text(json.dumps({"evidence_root": str(folder / "mlops"), **spec}))
    main([name, str(place)])
    said = "".join(capsys.readouterr())
    assert said
    files = (path for path in folder.rglob("*") if path.is_file())
    return said + "".join(f"{path}\n{path.read_bytes().decode(errors='replace')}" for path in files)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    return made


@pytest.mark.parametrize(
    "address",
    [
        "http://ada:{secret}@{store}/{file}",
        "http://{secret}@{store}/{file}",
        "http://{store}/{file}?X-Amz-Signature={secret}&X-Amz-Credential={secret}",
    ],
)
@pytest.mark.parametrize("file", ["batch.parquet", "batch.csv", "nothing.parquet"])
def test_secrets_in_the_address_of_data(address, file, store, folder, capsys):
    uri = address.format(secret=SECRET, store=store, file=file)
    jobs = {
        "validate": {"dataset": uri, "suite": SUITE, "clean_uri": str(folder / "clean.parquet")},
        "drift": {"reference": uri, "current": uri, "html_report": "never"},
        "profile": {"dataset": uri, "output_uri": str(folder / "batch.profile")},
    }
    found = [said_and_written(name, spec, folder, capsys) for name, spec in jobs.items()]
    assert all("***" in each for each in found)
    assert not any(SECRET in each for each in found)


def test_secrets_in_the_address_of_training_data(store, bench, folder, capsys):
    uri = f"http://ada:{SECRET}@{store}/batch.parquet"
    spec = {"model": bench.declare(), "dataset": uri, "tracking_uri": f"sqlite:///{folder}/mlflow.db"}
    found = said_and_written("train", spec, folder, capsys)
    assert "mlops.dataset_uri" in found
    assert SECRET not in found


@pytest.mark.parametrize("password", [SECRET, f"{SECRET}@2", f"{SECRET}/2", f"{SECRET}/2@3"])
@pytest.mark.parametrize("user", ["ada:", ""])
def test_secrets_in_the_address_of_mlflow(user, password, bench, folder, capsys):
    spec = {"model": "models:/wage/1", "dataset": bench.path("train.parquet")}
    spec |= {"tracking_uri": f"http://{user}{password}@127.0.0.1:9/mlflow"}
    found = said_and_written("evaluate", spec, folder, capsys)
    assert ("has '/' in its user or password" if "/" in password else "MLflow at http://") in found
    assert SECRET not in found


def test_a_masked_address_is_refused_with_what_to_do(folder, capsys):
    found = said_and_written("validate", {"dataset": "http://ada:***@x.example/a.csv", "suite": SUITE}, folder, capsys)
    assert "http://ada:***@x.example/a.csv: its secret was not kept" in found


def test_a_broken_line_of_csv_is_told_by_its_number_alone(folder, capsys):
    (folder.parent / "broken.csv").write_text(f"hours,name\n1,a\n2,{SECRET},3\n")
    spec = {"dataset": str(folder.parent / "broken.csv"), "suite": SUITE}
    found = said_and_written("validate", spec, folder, capsys)
    assert "Row #3" in found
    assert SECRET not in found


FAITH = """
import numpy as np
from sklearn.tree import DecisionTreeClassifier

class Pious(DecisionTreeClassifier):
    def fit(self, values, target):
        first = values.iloc[0]
        raise ValueError(f"row 0 is {first['faith']}, {first['faith']!r} of {dict(first)}")

def build(depth):
    return Pious()
"""


def test_values_of_a_sensitive_column_in_what_an_estimator_says(bench, wages, folder, capsys):
    rows = wages.assign(faith="Quaker", code=771234)
    (bench.folder / "pious.py").write_text(FAITH)
    swap = ("features: [exper, hours, black]\nsensitive: [black]", "features: [faith, code]\nsensitive: [faith, code]")
    model = bench.declare("pious.yaml", swap=swap)
    Path(model).write_text(Path(model).read_text().replace("quick:build", "pious:build"))
    spec = {"model": model, "dataset": bench.keep("faith.parquet", rows), "tracking_uri": f"sqlite:///{folder}/m.db"}
    found = said_and_written("train", spec, folder, capsys)
    assert "row 0 is (hidden)" in found
    assert "Quaker" not in found
    assert "771234" not in found
