"""Models, evidence and records that are not there, are not theirs, or were changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.stores.specs import local_path

UNREACHABLE = "http://127.0.0.1:1"
RULE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "hours", "min_value": 0}}


@dataclass
class Models:
    """Two trained versions, the first with all its evidence and in force."""

    bench: Any
    evidence: list[str] = field(default_factory=list)

    def run(self, name: str, **spec: Any) -> dict[str, Any]:
        return jobs.run(name, {"evidence_root": str(self.bench.root), **spec}).to_json()

    @property
    def held_out(self) -> dict[str, Any]:
        return {"model": "models:/wage/1", "dataset": self.bench.path("held_out.parquet")}

    @property
    def promotion(self) -> dict[str, Any]:
        return {"model": "models:/wage/1", "evidence": self.evidence, "policy": {"min_rows": 1}}

    @property
    def artifacts(self) -> list[Path]:
        return sorted(self.bench.root.rglob("model.skops"))

    @property
    def records(self) -> list[Path]:
        return sorted((self.bench.root / "decisions" / "wage").glob("*.json"))


@pytest.fixture(scope="module")
def models(new_bench) -> Models:
    made = Models(new_bench())
    train = {"model": made.bench.path("wage.yaml"), "dataset": made.bench.path("train.parquet")}
    suite = {"expectations": [RULE]}
    trained = made.run("train", **train)
    checks = [
        made.run("validate", dataset=train["dataset"], suite=suite),
        made.run("evaluate", **made.held_out),
        made.run("bias", **made.held_out, slices=["black"], max_depth=1, policy={"min_gap": 0.5}),
    ]
    made.evidence = [check["evidence_uri"] for check in checks]
    card = made.run("card", model=train["model"], evidence=[trained["evidence_uri"], *made.evidence])
    made.evidence.append(card["evidence_uri"])
    promoted = made.run("promote", **made.promotion)
    assert promoted["verdict"]["status"] in ("pass", "notice"), promoted["verdict"]["summary"]
    made.run("train", **train, trainer_params={"depth": 3})
    return made


@pytest.fixture
def command(models, command_in):
    """The command where the models are."""
    return command_in(models.bench.folder)


@contextmanager
def changed(path: Path, content: bytes | None) -> Iterator[None]:
    """The file with other bytes, or without the file; put back afterwards."""
    before = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


NOBODY = {
    "models:/nope/1": "there is no version 1 of model 'nope'",
    "models:/nope@champion": "there is no model 'nope' at sqlite:///",
    "models:/wage/99": "there is no version 99 of model 'wage'",
    "models:/wage@nope": "model 'wage' has no alias 'nope'; it has ",
    "models:/": "model 'models:/' is not models:/name/version, models:/name@alias or runs:/id",
    "models:/wage/one": "model 'models:/wage/one' is not models:/name/version",
    "wage": "model file wage: No such file or directory",
    "": "model file .: Is a directory",
}


def _jobs_on(model: Any, models: Models) -> dict[str, dict[str, Any]]:
    data = {"model": model, "dataset": models.bench.path("held_out.parquet")}
    return {
        "evaluate": data,
        "bias": {**data, "slices": ["black"]},
        "predict": {**data, "output_uri": models.bench.path("answers.parquet")},
        "card": {"model": model},
        "promote": {"model": model, "evidence": []},
    }


@pytest.mark.parametrize("model", NOBODY)
def test_a_model_that_is_not_there_is_named_by_every_job(model, models, command):
    for name, spec in _jobs_on(model, models).items():
        command.refused(name, spec, NOBODY[model])


def test_a_reference_with_another_digest_is_refused(models, command):
    model = {"name": "wage", "version": "1", "digest": "sha256:0"}
    for name, spec in _jobs_on(model, models).items():
        command.refused(name, spec, "models:/wage/1 has digest sha256:", "not sha256:0 as the reference says")


def test_an_mlflow_that_cannot_be_reached_fails_every_job_but_verify(models, command):
    for name, spec in {**_jobs_on("models:/wage/1", models), "rollback": {"model": "wage", "reason": "x"}}.items():
        command.failed(name, {**spec, "tracking_uri": UNREACHABLE}, f"MLflow at {UNREACHABLE}: ")
    outcome = command.judged("verify", {"model": "wage", "tracking_uri": UNREACHABLE}, "insufficient_evidence")
    assert "cannot be asked" in outcome["verdict"]["summary"]


def _missing_label(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(high=frame.high.where(frame.hours > 2000))


DATA = {
    "no rows": (lambda frame: frame.head(0), "has no rows"),
    "no feature": (lambda frame: frame.drop(columns="hours"), "has no column 'hours'; it has person, year"),
    "infinite": (lambda frame: frame.assign(hours=np.inf), "feature 'hours' is infinite in 200 rows"),
    "text": (lambda frame: frame.assign(hours="many"), "column 'hours' holds text values, but was trained on number"),
    "lists": (lambda frame: frame.assign(hours=[[1.0]] * len(frame)), "column 'hours' holds other values"),
    "time stamps": (lambda frame: frame.assign(hours=pd.Timestamp("2020-01-01")), "column 'hours' holds other values"),
}


@pytest.mark.parametrize("kind", DATA)
def test_data_that_a_model_cannot_answer_for_are_named(kind, models, command, wages):
    change, reason = DATA[kind]
    place = models.bench.keep("broken.parquet", change(wages.tail(200)))
    wanted = _jobs_on("models:/wage/1", models)
    for name in ("evaluate", "bias", "predict"):
        if (kind, name) == ("no rows", "predict"):
            command.judged(name, {**wanted[name], "dataset": place}, "insufficient_evidence")
        else:
            command.refused(name, {**wanted[name], "dataset": place}, reason)


LABELS = {
    "none": (lambda frame: frame.drop(columns="high"), "has no column 'high'"),
    "missing": (_missing_label, "column 'high' has "),
    "strangers": (
        lambda frame: frame.assign(high="yes"),
        "column 'high' holds none of the classes that the model knows",
    ),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_that_a_model_cannot_be_held_to_are_named(kind, models, command, wages):
    change, reason = LABELS[kind]
    place = models.bench.keep("broken.parquet", change(wages.tail(200)))
    wanted = _jobs_on("models:/wage/1", models)
    for name in ("evaluate", "bias"):
        command.refused(name, {**wanted[name], "dataset": place}, reason)


def test_one_class_alone_says_nothing_of_a_model(models, command, wages):
    place = models.bench.keep("broken.parquet", wages.tail(200).assign(high=1))
    command.refused("evaluate", {**models.held_out, "dataset": place}, "column 'high' has one class only")


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"output_uri": "answers.txt"}, 2, "answers.txt: the name must end in .parquet, "),
        ({"output_uri": ""}, 2, "key 'output_uri' is '', which names no file"),
        ({"output_uri": "quick.py/answers.parquet"}, 1, "quick.py/answers.parquet cannot be written: Not a directory"),
        ({"output_uri": "held_out.parquet"}, 2, "held_out.parquet is part of the dataset that is read"),
        ({"shadow_uri": "answers.parquet"}, 2, "keys 'output_uri' and 'shadow_uri' are both answers.parquet"),
        ({"keep": ["wage"]}, 2, "has no column 'wage'"),
    ],
    ids=range(6),
)
def test_answers_are_never_written_over_anything_else(change, status, reason, models, command, monkeypatch):
    monkeypatch.chdir(models.bench.folder)
    spec = {**models.held_out, "output_uri": "answers.parquet", "shadow": "models:/wage/2", **change}
    (command.refused if status == 2 else command.failed)("predict", spec, reason)


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (["file:///no/such/kind/x-" + "0" * 64 + ".json"], "does not exist"),
        (["quick.py"], "evidence quick.py carries no SHA-256 in its name, so nothing vouches for it"),
        ([5], "evidence[0] must be str, not int (5)"),
        ("x", "evidence must be a list, not str"),
    ],
    ids=range(4),
)
def test_evidence_that_is_none_is_named(evidence, reason, models, command):
    for name in ("promote", "card"):
        command.refused(name, {"model": "models:/wage/1", "evidence": evidence}, reason)


def test_evidence_that_is_lacking_or_of_another_model_promotes_nobody(models, command):
    spec = {**models.promotion, "model": "models:/wage/2"}
    for given in ([], models.evidence[:1], models.evidence):
        outcome = command.judged("promote", {**spec, "evidence": given, "mode": "suggest"}, "fail")
        assert "champion stays" in outcome["verdict"]["summary"]
    nothing_asked = {**spec, "evidence": [], "policy": {"required": []}, "mode": "suggest"}
    assert "no evidence was given" in command.judged("promote", nothing_asked, "fail")["verdict"]["summary"]
    command.refused("card", {"model": "models:/wage/2", "evidence": models.evidence[1:2]}, "speaks of wage version 1")


def test_changed_evidence_is_named_wherever_it_is_read(models, command):
    uri = models.evidence[1]
    with changed(local_path(uri), local_path(uri).read_bytes().replace(b'"fail"', b'"pass"') + b" "):
        command.refused("promote", models.promotion, uri, "was changed after it was written")
        command.refused("card", {"model": "models:/wage/1", "evidence": [uri]}, "was changed after it was written")
        command.refused("replay", {"evidence": uri, "policy": {}}, "was changed after it was written")
        for spec in ({"evidence": uri}, {"model": "wage"}):
            found = command.judged("verify", spec, "fail")["verdict"]["findings"]
            assert any("was changed after it was written" in finding["detail"] for finding in found)
    command.judged("verify", {"model": "wage"}, "pass")


@pytest.mark.parametrize("content", [b"rubbish", None], ids=["changed", "gone"])
def test_a_changed_artifact_is_named_wherever_it_is_loaded(content, models, command):
    first, second = models.artifacts
    with changed(first, content), changed(second, content):
        for name, spec in _jobs_on("models:/wage/1", models).items():
            if name != "promote":
                command.refused(name, spec, "models:/wage/1 was changed after it was registered")
        promotion = {"model": "models:/wage/2", "evidence": models.evidence}
        command.refused("promote", promotion, "models:/wage/2 was changed after it was registered")
        outcome = command.judged("verify", {"model": "wage"}, "fail")
        assert "an artifact was changed or is gone" in outcome["verdict"]["summary"]


@pytest.mark.parametrize("content", [b"{", None], ids=["changed", "gone"])
def test_a_changed_record_is_named_wherever_it_is_read(content, models, command):
    spec = {**models.promotion, "model": "models:/wage/2"}
    with changed(models.records[-1], content):
        assert command.judged("verify", {"model": "wage"}, "fail")["verdict"]["findings"][0]["status"] == "fail"
        command.refused("promote", spec, "decision record ", "decisions/wage")
        command.refused("rollback", {"model": "wage", "reason": "x"}, "decision record ", "decisions/wage")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"model": "wage"}, "rollback of wage: there is nothing to go back to"),
        ({"model": "wage", "to_version": 99}, "rollback of wage: there is nothing to go back to"),
        ({"model": "nope"}, "rollback of nope: no promotion to 'champion' is recorded"),
        ({"model": "../wage"}, "'../wage' is no model's name"),
        ({"model": ""}, "'' is no model's name"),
        ({"model": "wage", "alias": "latest"}, "key 'alias' is 'latest'"),
    ],
    ids=range(6),
)
def test_a_rollback_to_nowhere_is_refused(spec, reason, models, command):
    command.refused("rollback", {"reason": "it answers nonsense", **spec}, reason)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"model": "wage", "policy": {"hope": 1}}, "replay policy: unknown key 'hope'; known keys are "),
        ({"model": "wage", "policy": {"margin": -1}}, "'margin' is -1"),
        ({"model": "wage", "policy": [1]}, "replay spec.policy must be a mapping, not list"),
        ({"model": "wage", "evidence": "x", "policy": {}}, "give either 'model' or 'evidence'"),
    ],
    ids=range(4),
)
def test_a_replay_under_no_policy_is_refused(spec, reason, models, command):
    command.refused("replay", spec, reason)


def test_the_data_of_a_champion_that_nobody_is_are_no_reference(models, command):
    current = models.bench.path("held_out.parquet")
    command.refused("drift", {"reference": "models:/nope@champion", "current": current}, "models:/nope@champion")
    command.refused(
        "drift", {"reference": "models:/nope/1", "current": current}, "there is no version 1 of model 'nope'"
    )
    command.refused("drift", {"reference": "models:/", "current": current}, "models:/")
