"""However often a request is tried, and wherever a try is killed, its evidence is there once."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.specs import local_path

RULE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "hours", "min_value": 0}}
# Runs the job and dies at the n-th time that evidence, or what belongs to it, gets its name.
KILLED = """
import json, os, signal, sys
from airflow_mlops_provider.jobs import run
number, calls, link = int(sys.argv[1]), [], os.link
def dying(*arguments, **named):
    found = link(*arguments, **named)
    calls.append(1)
    if len(calls) == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return found
os.link = dying
run("validate", json.loads(sys.stdin.read()))
"""


@pytest.fixture
def spec(tmp_path):
    pd.DataFrame({"hours": range(100)}).to_parquet(tmp_path / "batch.parquet")
    keys = {"dataset": str(tmp_path / "batch.parquet"), "suite": {"expectations": [RULE]}}
    return {**keys, "evidence_root": str(tmp_path / "mlops"), "run_key": "dag/run/validate/-1"}


def evidence(spec):
    return EvidenceStore(spec["evidence_root"]).names(Kind.VALIDATION)


@pytest.mark.parametrize("moment", range(1, 7))
def test_a_try_that_is_killed_at_any_moment_and_its_retries_leave_one_piece(spec, moment):
    command = [sys.executable, "-c", KILLED, str(moment)]
    died = subprocess.run(command, input=json.dumps(spec), text=True, capture_output=True, check=False)
    assert died.returncode in (-signal.SIGKILL, 0), died.stderr
    uris = {run("validate", spec).evidence_uri for _ in range(2)}
    assert len(evidence(spec)) == len(uris) == 1


def test_a_try_that_finds_something_else_writes_its_own(spec, tmp_path):
    first = run("validate", spec)
    pd.DataFrame({"hours": [-1, 1]}).to_parquet(tmp_path / "batch.parquet")
    second = run("validate", spec)
    assert len(evidence(spec)) == 2
    assert [first.verdict.status, second.verdict.status] == ["pass", "fail"]
    assert run("validate", spec).evidence_uri == second.evidence_uri


def test_other_requests_and_calls_without_a_run_key_write_their_own(spec):
    run("validate", spec)
    run("validate", spec | {"run_key": "dag/another run/validate/-1"})
    for _ in range(2):
        run("validate", {key: value for key, value in spec.items() if key != "run_key"})
    assert len(evidence(spec)) == 4


def test_how_old_the_data_are_grows_from_try_to_try_and_is_no_other_finding(spec, tmp_path):
    now = pd.Timestamp.now("UTC").tz_localize(None)
    pd.DataFrame({"hours": [now]}).to_parquet(tmp_path / "batch.parquet")
    rule = {"type": "expect_column_to_be_fresh", "kwargs": {"column": "hours", "max_age_hours": 24}}
    ages = {run("validate", spec | {"suite": {"expectations": [rule]}}).verdict.findings[0].observed for _ in range(2)}
    assert len(evidence(spec)) == len(ages) == 1


def test_evidence_that_was_removed_is_there_again_and_that_which_was_damaged_is_written_anew(spec):
    path = local_path(run("validate", spec).evidence_uri)
    written = path.read_bytes()
    path.unlink()
    assert local_path(run("validate", spec).evidence_uri) == path
    assert path.read_bytes() == written
    path.write_bytes(b"{}")
    third = run("validate", spec)
    assert third.verdict.status == "pass"
    assert local_path(third.evidence_uri) != path
    assert run("validate", spec).evidence_uri == third.evidence_uri


def test_evidence_whose_report_is_gone_is_written_anew_with_its_report(spec):
    store, first = EvidenceStore(spec["evidence_root"]), run("validate", spec)
    store.detach(store.read(first.evidence_uri)["attachments"].values())
    second = run("validate", spec)
    assert second.evidence_uri != first.evidence_uri
    assert all(map(store.holds, store.read(second.evidence_uri)["attachments"].values()))


def test_evidence_that_another_try_finished_is_in_the_index_too(spec):
    path = local_path(run("validate", spec).evidence_uri)
    path.unlink()
    shutil.rmtree(Path(spec["evidence_root"], "index"))
    run("validate", spec)
    assert len(EvidenceStore(spec["evidence_root"]).index.entries()) == 1


def test_tries_at_once_are_given_one_piece_and_nothing_else_lies_beside_it(spec):
    with ThreadPoolExecutor(4) as pool:
        uris = {each.evidence_uri for each in pool.map(lambda _: run("validate", spec), range(4))}
    store = EvidenceStore(spec["evidence_root"])
    (uri,) = uris
    kept = {store.name_of(each) for each in [uri, *store.read(uri)["attachments"].values()]}
    assert {each.name for each in store.dated(Kind.VALIDATION)} == kept
