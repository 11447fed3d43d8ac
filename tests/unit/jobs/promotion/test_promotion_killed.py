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


@pytest.mark.parametrize("moments", [pytest.param(2), pytest.param(30, marks=pytest.mark.slow)])
def test_promotions_and_rollbacks_that_are_killed_and_retried_end_as_if_nothing_had_happened(world, moments, tmp_path):
    versions = world.versions(moments + 2)
    jobs = []
    for number, model in enumerate(versions):
        evidence = world.evidence_for(model, champion=versions[number - 1] if number else None)
        spec = {"model": encode(model), "evidence": evidence, "run_key": f"promote {number}", **world.where}
        jobs.append(("promote", spec))
    back = {"name": "wage", "reason": "drill", **world.where}
    jobs += [("rollback", {**back, "run_key": f"rollback {number}"}) for number in range(moments + 1)]
    specs = tmp_path / "specs.json"
    specs.write_text(json.dumps(jobs))
    script = Path(__file__).with_name("killed_jobs.py")
    quiet = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run([sys.executable, script, specs, "7"], capture_output=True, text=True, check=False, env=quiet)
    assert done.returncode == 0, done.stderr
    killed = json.loads(done.stdout.splitlines()[-1])["killed"]
    assert killed >= moments  # of twice as many; the others came to their end before their moment

    assert world.effects == ["moved"] * len(jobs)
    assert world.models.aliases("wage") == {"champion": "1"}
    outcome = run("verify", {"name": "wage", **world.where})
    assert outcome.verdict.status is Status.PASS, outcome.verdict.summary
