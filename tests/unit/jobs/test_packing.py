from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs.packing import pack, package_version, require_reachable
from airflow_mlops_provider.records.codec import sha256
from airflow_mlops_provider.records.request_identity import request_identity
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence
from airflow_mlops_provider.stores.specs import local_path

DECLARATION = {
    "name": "toy",
    "task": "classification",
    "target": "y",
    "features": ["a"],
    "trainer": "far_trainer:build",
    "metrics": {"accuracy": "higher"},
    "params": {"depth": 1},
    "split": {"folds": 2},
}
TRAINER = """
from pathlib import Path
from sklearn.tree import DecisionTreeClassifier
from far_parts.limits import SMALLEST
def build(depth):
    from far_lazily import seed
    assert Path(__file__).with_name("far_words.txt").read_text() == "words"
    return DecisionTreeClassifier(max_depth=depth, min_samples_leaf=SMALLEST, random_state=seed())
"""
CODE = {
    "far_trainer.py": TRAINER,
    "far_lazily.py": "def seed():\n    return 1\n",
    "far_parts/__init__.py": "",
    "far_parts/limits.py": "from . import numbers\nSMALLEST = numbers.FIVE\n",
    "far_parts/numbers.py": "FIVE = 5\n",
    "far_words.txt": "words",
    "far_unused.py": "raise RuntimeError\n",
}
CONTRACT = """
apiVersion: v3.0.2
kind: DataContract
id: orders
version: 1.0.0
status: active
contractCreatedTs: 2025-01-01T00:00:00+00:00
schema:
  - name: orders
    properties:
      - name: a
        logicalType: integer
        required: true
  - name: others
    properties:
      - name: b
        logicalType: integer
        required: true
"""


def write_dags(folder: Path, **changed: Any) -> Path:
    """A folder of a Dag, with a model whose trainer lies in several files."""
    for name, text in CODE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "toy.yaml").write_text(yaml.safe_dump(DECLARATION | {"files": ["far_words.txt"]} | changed))
    return folder


class Place:
    """A Dag's folder on one side, and data and evidence that both sides reach."""

    def __init__(self, folder: Path) -> None:
        self.dags = write_dags(folder / "dags")
        self.root = str(folder / "mlops")
        self.data = str(folder / "data.csv")
        rows = pd.DataFrame({"a": range(60)})
        rows.assign(y=(rows.a > 30).astype(int)).to_csv(self.data, index=False)

    @property
    def store(self) -> EvidenceStore:
        return EvidenceStore(self.root)

    def train_spec(self, dags: Path | None = None) -> dict[str, Any]:
        return {"model": str((dags or self.dags) / "toy.yaml"), "dataset": self.data, "run_key": "d/r/t/-1"}

    def packed_train(self) -> dict[str, Any]:
        return pack("train", self.train_spec(), self.store)

    def archive(self) -> Path:
        (found,) = Path(self.root, "packed").glob("*.zip")
        return found


@pytest.fixture
def place(tmp_path: Path, empty_mlflow: Path) -> Place:
    (tmp_path / "mlops").mkdir()
    shutil.copy(empty_mlflow, tmp_path / "mlops" / "mlflow.db")
    return Place(tmp_path)


def test_a_packed_training_runs_in_a_process_that_has_no_folder_of_the_dag(place, tmp_path):
    trainer = sha256((place.dags / "far_trainer.py").read_bytes())
    spec = place.packed_train()
    shutil.rmtree(place.dags)
    command = [sys.executable, "-m", "airflow_mlops_provider.jobs", "train", "-"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = subprocess.run(
        command,
        input=json.dumps(spec),
        capture_output=True,
        text=True,
        check=False,
        cwd=elsewhere,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    assert done.returncode == 0, done.stderr
    assert list(temporary.glob("mlops-code-*")) == []
    evidence = read_evidence(json.loads(done.stdout.splitlines()[-1])["evidence_uri"])
    assert evidence.verdict.status is not Status.FAIL
    assert evidence.details["trainer"]["sha256"] == trainer
    assert evidence.details["trainer"]["path"] == str(place.dags / "far_trainer.py")
    assert evidence.details["spec"]["code"] == place.archive().as_uri()
    assert jobs.run("reproduce", {"model": "toy", "evidence_root": place.root}).verdict.status is Status.PASS


def test_the_same_code_on_another_machine_is_the_same_request_and_one_archive(place, tmp_path):
    other = write_dags(tmp_path / "another" / "bundle")
    here, there = place.packed_train(), pack("train", place.train_spec(other), place.store)
    assert request_identity("train", here) == request_identity("train", there)
    assert here["sender"]["root"] != there["sender"]["root"]
    assert place.archive().is_file()
    (other / "far_parts" / "numbers.py").write_text("FIVE = 6\n")
    edited = pack("train", place.train_spec(other), place.store)
    assert request_identity("train", edited) != request_identity("train", here)


def test_what_is_packed_stays_as_it_is(place):
    once = place.packed_train()
    shutil.rmtree(place.dags)
    assert pack("train", once, place.store) == once


def test_only_what_the_trainer_needs_travels(place):
    from airflow_mlops_provider.stores.code.archive import read_code

    place.packed_train()
    assert sorted(read_code(place.archive().as_uri())) == sorted(set(CODE) - {"far_unused.py"})


def test_an_archive_that_was_changed_is_refused_by_name_and_nothing_of_it_runs(place):
    spec = place.packed_train()
    archive = place.archive()
    archive.write_bytes(archive.read_bytes().replace(b"FIVE = 5", b"FIVE = 7"))
    with pytest.raises(IntegrityError, match=rf"{archive.name} was changed after it was written"):
        jobs.run("train", spec)


def test_code_whose_name_carries_no_hash_is_refused(place):
    spec = place.packed_train()
    spec["model"]["code"] = f"{place.root}/packed/toy.zip"
    with pytest.raises(IntegrityError, match=r"toy.zip carries no SHA-256 in its name"):
        jobs.run("train", spec)


def test_an_archive_that_is_gone_is_named(place):
    spec = place.packed_train()
    place.archive().unlink()
    with pytest.raises(BadInputError, match=r"packed/toy-[0-9a-f]{64}.zip does not exist"):
        jobs.run("train", spec)


def test_a_module_that_nobody_has_is_named(place):
    (place.dags / "far_trainer.py").write_text("import far_nowhere\n")
    with pytest.raises(BadInputError, match="No module named 'far_nowhere'"):
        jobs.run("train", place.packed_train())


def test_a_declared_file_that_is_not_there_is_named_before_anything_is_sent(place):
    (place.dags / "far_words.txt").unlink()
    with pytest.raises(BadInputError, match=r"'files' names 'far_words.txt', which is not there"):
        place.packed_train()


@pytest.mark.parametrize("job", ["evaluate", "predict"])
def test_a_declaration_stands_in_the_spec_of_every_job_that_names_one(place, job):
    keys = {"output_uri": "s3://bucket/scores.parquet"} if job == "predict" else {}
    packed = pack(job, {"model": str(place.dags / "toy.yaml"), "dataset": place.data, **keys}, place.store)
    assert packed["model"]["name"] == "toy"
    assert "code" not in packed["model"]
    assert str(place.dags) not in json.dumps(packed)


def test_a_suite_travels_and_is_checked_where_it_is_read(place):
    suite = place.dags / "suite.json"
    rule = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "a", "min_value": 0}}
    suite.write_text(json.dumps({"name": "toy", "expectations": [rule]}))
    spec = pack("validate", {"dataset": place.data, "suite": str(suite)}, place.store)
    suite.unlink()
    assert jobs.run("validate", spec).verdict.status is Status.PASS
    kept = local_path(spec["suite"])
    kept.write_bytes(kept.read_bytes().replace(b'"min_value": 0', b'"min_value": 9'))
    with pytest.raises(IntegrityError, match=rf"{kept.name} was changed"):
        jobs.run("validate", spec)


def test_a_contract_travels_with_the_object_that_is_meant(place):
    contract = place.dags / "contract.yaml"
    contract.write_text(CONTRACT)
    spec = pack("validate", {"dataset": place.data, "contract": f"{contract}#orders"}, place.store)
    contract.unlink()
    assert spec["contract"].endswith("#orders")
    assert jobs.run("validate", spec).verdict.status is Status.PASS


def test_a_file_that_is_not_there_is_named(place):
    with pytest.raises(BadInputError, match=r"suite .*none.json: no such file"):
        pack("validate", {"dataset": place.data, "suite": str(place.dags / "none.json")}, place.store)


def test_another_version_of_the_package_refuses_the_spec_and_names_both(place):
    spec = place.packed_train()
    assert spec["sender"]["package_version"] == package_version()
    spec["sender"]["package_version"] = "9.9.9"
    spec["key_of_the_future"] = 1
    with pytest.raises(BadInputError, match=rf"provider 9\.9\.9, and {package_version()} is installed where it runs"):
        jobs.run("train", spec)


def test_a_local_evidence_root_is_refused_by_name_unless_it_is_mounted(place):
    spec = {**place.train_spec(), "evidence_root": place.root}
    with pytest.raises(BadInputError, match=rf"the evidence root {place.root} lies on this machine, which a pod does"):
        require_reachable("train", spec, place="a pod")
    require_reachable("train", spec, place="a pod", mounted=[str(Path(place.root).parent)])


def test_without_an_evidence_root_the_default_one_is_refused(place):
    with pytest.raises(BadInputError, match=r"the evidence root .*/mlops lies on this machine"):
        require_reachable("train", place.train_spec(), place="a pod")


@pytest.mark.parametrize(
    ("job", "keys", "told"),
    [
        ("train", {"model": "toy.yaml", "dataset": "data.csv"}, "dataset data.csv"),
        ("train", {"model": "t", "dataset": "s3://b/d.csv", "tracking_uri": "sqlite:////m.db"}, "tracking_uri sqlite"),
        ("predict", {"model": "models:/t/1", "dataset": "s3://b/d.csv", "output_uri": "/out.csv"}, "output_uri /out"),
        ("drift", {"reference": "models:/t@champion", "current": "file:///now.csv"}, "current file:///now.csv"),
        ("reproduce", {"model": "toy", "root": "/dags/models"}, "root /dags/models"),
        ("promote", {"model": "models:/t/1", "evidence": ["/e/bias/x.json"]}, "evidence /e/bias/x.json"),
    ],
)
def test_whatever_lies_on_this_machine_alone_is_refused_by_its_key(job, keys, told):
    with pytest.raises(BadInputError, match=f"{job} spec: {told}"):
        require_reachable(job, {**keys, "evidence_root": "s3://b/mlops"}, place="a pod")


def test_a_training_elsewhere_never_registers_in_a_file_that_is_lost(place, s3_root, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    spec = pack("train", place.train_spec(), EvidenceStore(s3_root))
    with pytest.raises(BadInputError, match=r"MLflow would be the file sqlite:.*and be lost with it"):
        jobs.run("train", spec)


def test_a_packed_postmortem_is_read_where_it_is_closed(place):
    postmortem = place.dags / "postmortem.md"
    postmortem.write_text("# What happened")
    keys = {"incident": "file:///e/incident/x.json", "postmortem": str(postmortem), "person": "ada"}
    packed = pack("close", keys, place.store)
    assert local_path(packed["postmortem"]).read_text() == "# What happened"


def test_a_version_of_a_table_in_a_mounted_folder_is_reached(tmp_path):
    spec = {"dataset": f"{tmp_path}/orders#version=3", "output_uri": f"{tmp_path}/o.profile"}
    spec |= {"evidence_root": f"{tmp_path}/mlops"}
    others = [f"{tmp_path}/mlops", f"{tmp_path}/o.profile"]
    require_reachable("profile", spec, place="a pod", mounted=[f"{tmp_path}/orders", *others])
    with pytest.raises(BadInputError, match=r"dataset .*orders#version=3 lies on this machine"):
        require_reachable("profile", spec, place="a pod", mounted=others)
