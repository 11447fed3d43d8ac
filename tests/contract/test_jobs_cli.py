"""The command line's contract: exit status, one line of JSON or one line of reason, and the same from Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.jobs import __main__ as program
from airflow_mlops_provider.jobs.exit_message import ExitMessage
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.stores.evidence.job_specs import keep_spec
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

UNREACHABLE = "http://127.0.0.1:1"


def run_process(*arguments: str, folder: Path, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "airflow_mlops_provider.jobs", *arguments],
        input=given,
        capture_output=True,
        check=False,
        text=True,
        cwd=folder,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


@pytest.fixture
def quiet(tmp_path: Path) -> dict[str, Any]:
    """A spec of a drift check that finds none."""
    random = np.random.default_rng(1)
    for name in ("reference", "current"):
        pd.DataFrame({"x": random.normal(size=500)}).to_parquet(tmp_path / f"{name}.parquet")
    keys = {name: {"uri": str(tmp_path / f"{name}.parquet")} for name in ("reference", "current")}
    return {**keys, "html_report": "never", "evidence_root": str(tmp_path / "mlops")}


def test_a_process_prints_its_outcome_as_the_last_line_and_exits_with_0_for_any_verdict(tmp_path, quiet):
    done = run_process("drift", "-", folder=tmp_path, given=json.dumps(quiet))
    assert (done.returncode, done.stderr) == (0, "")
    outcome = Outcome.from_json(json.loads(done.stdout.splitlines()[-1]))
    assert (outcome.kind, outcome.verdict.status) == ("drift", "pass")


def test_a_process_reads_its_spec_in_an_evidence_root_and_leaves_the_address_of_its_outcome(tmp_path, quiet):
    uri = keep_spec(EvidenceStore(quiet["evidence_root"]), "drift", quiet)
    done = run_process("drift", uri, "--message-file", "message", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    message = ExitMessage.parse((tmp_path / "message").read_text())
    assert (message.status, message.error) == (0, "")
    assert jobs.outcomes_of("drift", quiet).read(message.outcome_uri) == jobs.outcomes_of("drift", quiet).newest()
    assert jobs.outcomes_of("drift", quiet).newest() == Outcome.from_json(json.loads(done.stdout.splitlines()[-1]))


def test_a_process_leaves_what_is_wrong_in_its_message_as_on_standard_error(tmp_path, quiet, capsys):
    (tmp_path / "spec.json").write_text(json.dumps({**quiet, "current": "missing.parquet"}))
    message = ["--message-file", str(tmp_path / "message")]
    assert program.main(["drift", str(tmp_path / "spec.json"), *message]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("missing.parquet: no such file")
    assert ExitMessage.parse((tmp_path / "message").read_text()) == ExitMessage(status=2, error=said)


def test_a_message_that_cannot_be_written_is_a_failed_backend(tmp_path, quiet, capsys):
    (tmp_path / "spec.json").write_text(json.dumps(quiet))
    where = tmp_path / "no" / "message"
    assert program.main(["drift", str(tmp_path / "spec.json"), "--message-file", str(where)]) == 1
    assert capsys.readouterr().err == f"exit message {where} cannot be written: No such file or directory\n"


def test_a_spec_that_is_not_in_the_evidence_root_is_bad_input(tmp_path, capsys):
    uri = f"file://{tmp_path}/specs/drift-{'0' * 64}.json"
    assert program.main(["drift", uri]) == 2
    assert capsys.readouterr().err == f"spec {uri} does not exist\n"


def test_a_former_name_of_a_key_is_read_and_told_before_the_outcome(tmp_path, quiet):
    done = run_process("drift", "-", folder=tmp_path, given=json.dumps({**quiet, "target": "x"}))
    assert (done.returncode, done.stderr) == (0, "")
    *before, last = done.stdout.splitlines()
    assert any("drift spec: 'target' is now called 'label_column'" in line for line in before)
    assert Outcome.from_json(json.loads(last)).kind == "drift"


def test_a_process_says_what_is_wrong_with_a_spec_in_one_line_and_exits_with_2(tmp_path, quiet):
    (tmp_path / "spec.json").write_text(json.dumps({**quiet, "current": "missing.parquet"}))
    done = run_process("drift", "spec.json", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "missing.parquet: no such file, or no .parquet or .csv file in it\n"


def test_a_process_that_cannot_reach_mlflow_says_so_within_seconds_and_exits_with_1(tmp_path, bench):
    spec = {"model": bench.path("wage.yaml"), "dataset": bench.path("train.parquet"), "tracking_uri": UNREACHABLE}
    started = time.monotonic()
    done = run_process("train", "-", folder=tmp_path, given=json.dumps(spec))
    assert time.monotonic() - started < 30  # most of it is the start of Python and its libraries
    assert done.returncode == 1
    assert done.stderr.startswith(f"MLflow at {UNREACHABLE}: ")
    assert len(done.stderr.splitlines()) == 1
    assert '"verdict"' not in done.stdout


def test_what_a_trainer_prints_comes_before_the_outcome_and_not_on_standard_error(bench):
    model = bench.declare("talkative.yaml", swap=("quick:build", "quick:talkative"))
    spec = {"model": model, "dataset": bench.path("train.parquet"), "evidence_root": str(bench.root)}
    done = run_process("train", "-", folder=bench.folder, given=json.dumps(spec))
    assert (done.returncode, done.stderr) == (0, "")
    *before, last = done.stdout.splitlines()
    assert "half a linea warning" in before
    assert json.loads(last)["kind"] == "training"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "required: NAME, SPEC.json"),
        (["drift"], "required: SPEC.json"),
        (["drift", "a", "b"], "unrecognized arguments: b"),
        (["drift", "a", "--fast"], "unrecognized arguments: --fast"),
        (["drift", "a", "--fail-on", "bad"], "'bad' is not a list of verdicts; they are pass, notice, fail, insuffic"),
        (["drift", "a", "--fail-on", ""], "'' is not a list of verdicts"),
    ],
)
def test_a_wrong_call_is_one_line_with_the_usage(arguments, reason, capsys):
    with pytest.raises(SystemExit) as left:
        program.main(arguments)
    error = capsys.readouterr().err
    assert left.value.code == 2
    assert len(error.splitlines()) == 1
    assert reason in error
    assert "NAME SPEC.json" in error


@pytest.mark.parametrize(
    ("fail_on", "status"),
    [("pass", 3), ("fail,pass", 3), ("notice, pass", 3), ("fail", 0), ("fail,insufficient_evidence,notice", 0)],
)
def test_a_verdict_that_is_named_sets_the_exit_status_and_the_outcome_is_still_printed(
    fail_on, status, quiet, tmp_path, capsys
):
    (tmp_path / "spec.json").write_text(json.dumps(quiet))
    assert program.main(["drift", str(tmp_path / "spec.json"), "--fail-on", fail_on]) == status
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["verdict"]["status"] == "pass"


def test_a_process_ends_with_the_status_of_its_verdict(tmp_path, quiet):
    done = run_process("drift", "-", "--fail-on=pass", folder=tmp_path, given=json.dumps(quiet))
    assert (done.returncode, done.stderr) == (3, "")


def test_bad_input_and_failed_backends_keep_their_status_whatever_verdicts_are_named(tmp_path, quiet, capsys):
    every = "pass,notice,fail,insufficient_evidence"
    (tmp_path / "file").write_text("")
    for change, status in (({"current": "nowhere.parquet"}, 2), ({"evidence_root": str(tmp_path / "file")}, 1)):
        (tmp_path / "spec.json").write_text(json.dumps({**quiet, **change}))
        assert program.main(["drift", str(tmp_path / "spec.json"), "--fail-on", every]) == status
        assert capsys.readouterr().out == ""


def test_help_names_every_job(capsys):
    with pytest.raises(SystemExit) as left:
        program.main(["--help"])
    text = capsys.readouterr().out
    assert left.value.code == 0
    assert all(name in text for name in jobs.JOBS)
    assert "--fail-on" in text


def test_an_unknown_job_is_told_the_known_ones(command):
    line = command.refused("train_model", {}, "unknown job 'train_model'")
    assert all(name in line for name in jobs.JOBS)


@pytest.mark.parametrize("name", sorted(jobs.JOBS))
def test_every_job_names_a_key_that_it_does_not_know(name, command):
    command.refused(name, {"no_such_key": 1}, f"{name} spec: unknown key 'no_such_key'; known keys are ")


@pytest.mark.parametrize("name", sorted(jobs.JOBS))
def test_every_job_names_what_an_empty_spec_lacks(name, command):
    command.refused(name, {}, f"{name} spec: ")


def test_the_same_from_python(command, quiet, tmp_path):
    outcome = jobs.run("drift", quiet)
    assert isinstance(outcome, Outcome)
    printed = command("drift", quiet).outcome
    assert {**printed, "evidence_uri": ""} == {**outcome.to_json(), "evidence_uri": ""}
    with pytest.raises(BadInputError, match="key 'current' is missing"):
        jobs.run("drift", {"reference": quiet["reference"]})
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendError, match=r"evidence root .* cannot be written: Not a directory"):
        jobs.run("drift", {**quiet, "evidence_root": str(tmp_path / "file")})


def test_a_dataset_may_be_a_uri_or_the_outcome_of_another_job(command, quiet):
    first = command.judged("drift", quiet, "pass")
    again = command.judged("drift", {**quiet, "reference": quiet["reference"]["uri"], "current": first}, "pass")
    assert again["dataset"] == first["dataset"]


def test_a_fault_of_the_job_itself_is_a_traceback_and_exit_1(command, quiet, monkeypatch):
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(program, "run", broken)
    answer = command("drift", quiet)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.startswith("Traceback")
    assert answer.err.endswith("ZeroDivisionError: a bug\n")


def test_a_job_that_is_ended_from_inside_has_not_succeeded(command, quiet, monkeypatch):
    monkeypatch.setattr(program, "run", lambda *_: sys.exit(0))
    command.failed("drift", quiet, "job 'drift' was ended from inside by exit(0)")
