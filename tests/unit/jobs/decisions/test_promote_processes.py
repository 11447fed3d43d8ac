"""Decisions by many processes, some of which die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.verdict import Status

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

MOMENTS = 32
KILLS = 30


def run_forked(jobs, how, folder):
    specs = folder / "specs.json"
    specs.write_text(json.dumps(jobs))
    script = Path(__file__).with_name("forked_jobs.py")
    quiet = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run([sys.executable, script, specs, how], capture_output=True, text=True, check=False, env=quiet)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_promotions_and_rollbacks_that_are_killed_and_retried_end_as_if_nothing_had_happened(world, tmp_path):
    jobs = []
    versions = world.versions(MOMENTS + 1)
    for number, model in enumerate(versions):
        evidence = world.evidence_for(model, champion=versions[number - 1] if number else None)
        spec = {"model": encode(model), "evidence": evidence, "run_key": f"promote {number}", **world.where}
        jobs.append(("promote", spec))
    back = {"model": "wage", "reason": "drill", **world.where}
    jobs += [("rollback", {**back, "run_key": f"rollback {number}"}) for number in range(MOMENTS)]
    killed = run_forked(jobs, "7", tmp_path)["killed"]
    assert killed >= KILLS, killed  # of 63 moments; the others came after the end

    assert world.effects == ["moved"] * len(jobs)
    assert world.models.aliases("wage") == {"champion": "1"}
    outcome = run("verify", {"model": "wage", **world.where})
    assert outcome.verdict.status is Status.PASS, outcome.verdict.summary


def test_of_twenty_processes_that_promote_together_one_wins_and_the_others_are_recorded(world, tmp_path):
    (champion,) = world.champions(1)
    jobs = []
    for model in world.versions(20):
        evidence = world.evidence_for(model, champion=champion)
        jobs.append(("promote", {"model": encode(model), "evidence": evidence, **world.where}))
    assert run_forked(jobs, "together", tmp_path) == {"ended": 20}
    assert world.effects == ["moved", "moved", *["lost"] * 19]
    winner = world.links[1].record.model.version
    assert world.models.aliases("wage") == {"champion": winner, "previous": "1"} | (
        {} if winner == "2" else {"challenger": "2"}
    )
    outcome = run("verify", {"model": "wage", **world.where})
    assert outcome.verdict.status is Status.PASS, outcome.verdict.summary
