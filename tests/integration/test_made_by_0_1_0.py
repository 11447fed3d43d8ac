"""What version 0.1.0 left on disk is still read, verified and continued."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "made_by_0_1_0" / "wage.tar.gz"
HOME = "/srv/wage"
"""Where the sample was made; its addresses are absolute."""
REPOSITORY = Path(__file__).resolve().parent.parent.parent


def unpack(into: Path, *, home: str) -> Path:
    """Lay the sample out in ``into``, with a model store whose artifacts lie in ``home``."""
    with tarfile.open(SAMPLE) as archive:
        archive.extractall(into, filter="data")
    rows = into / "mlops" / "mlflow.sql"
    with closing(sqlite3.connect(into / "mlops" / "mlflow.db")) as database:
        database.executescript(rows.read_text().replace(HOME, home))
    rows.unlink()
    return into


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sample at another place, as an auditor would have it."""
    return unpack(tmp_path / "copy", home=str(tmp_path / "copy"))


def on(copy: Path, job: str, **keys: object) -> Outcome:
    return run(job, {"evidence_root": str(copy / "mlops"), **keys})


def test_every_piece_of_evidence_is_read(copy):
    store = EvidenceStore(str(copy / "mlops"))
    uris = [uri for kind in store.kinds() if kind not in ("claims", "decisions") for uri in store.uris(kind)]
    kinds = {str(read_evidence(uri).kind) for uri in uris}
    assert len(uris) == 21
    assert kinds >= {"validation", "training", "evaluation", "bias", "model_card", "promotion", "rollback", "drift"}
    assert kinds >= {"prediction", "decay", "purge", "incident", "verification"}


def test_decisions_evidence_and_artifacts_of_a_copy_verify(copy):
    outcome = on(copy, "verify", model="wage")
    assert outcome.verdict.status is Status.PASS, outcome.verdict
    assert "3 decision records and 10 pieces of evidence of wage hold" in outcome.verdict.summary


def test_every_piece_that_is_judged_gives_its_verdict_again(copy):
    store = EvidenceStore(str(copy / "mlops"))
    for kind in ("validation", "training", "evaluation", "bias", "model_card", "drift", "decay", "prediction"):
        for uri in store.uris(kind):
            assert on(copy, "verify", evidence=uri).verdict.status is Status.PASS, uri


def test_an_edited_piece_is_still_named(copy):
    path = next((copy / "mlops" / "bias").glob("*.json"))
    path.write_bytes(path.read_bytes().replace(b'"rows":400', b'"rows":401'))
    outcome = on(copy, "verify", model="wage")
    assert (path.as_uri(), "evidence_unchanged") in [(f.subject, f.measure) for f in outcome.verdict.findings]


def test_past_decisions_are_judged_under_another_policy(copy):
    outcome = on(copy, "replay", model="wage", policy={"max_p99_latency_ms": 1e-9})
    assert outcome.verdict.status is Status.NOTICE
    assert "2 of 2 past judgements would have been different" in outcome.verdict.summary


def test_the_page_shows_the_model_with_its_checks_and_decisions(copy, monkeypatch):
    from airflow.api_fastapi.app import init_auth_manager, purge_cached_app
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from airflow_mlops_provider.ui.app import create_app

    monkeypatch.setenv("AIRFLOW__MLOPS__EVIDENCE_ROOT", str(copy / "mlops"))
    purge_cached_app()
    init_auth_manager()
    app, page = FastAPI(), create_app()
    page.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username="ada", role="ADMIN")
    app.mount("/mlops", page)
    shown = TestClient(app, headers={"accept": "text/html"}).get("/mlops/")
    purge_cached_app()
    assert shown.status_code == 200
    assert "wage" in shown.text
    assert "scores of union members collapsed" in shown.text
    assert "cannot be read" not in shown.text


STEPS = """
import json, sys
from airflow_mlops_provider.jobs import run
print()
print(json.dumps([run(name, spec).to_json() for name, spec in json.load(sys.stdin)]))
"""


def at_its_place(folder: Path, steps: list[tuple[str, dict]]) -> list[Outcome]:
    """Run jobs where the sample lies in ``/srv/wage``, in a namespace that no other process sees."""
    mount = f'mount -t tmpfs none /srv && mkdir {HOME} && mount --bind "$0" {HOME} && exec "$@"'
    within = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    specs = [(name, {"evidence_root": f"{HOME}/mlops", **spec}) for name, spec in steps]
    command = [*within, sys.executable, "-c", STEPS]
    done = subprocess.run(
        command, input=json.dumps(specs), capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return [Outcome.from_json(outcome) for outcome in json.loads(done.stdout.splitlines()[-1])]


def has_namespaces() -> bool:
    if shutil.which("unshare") is None or not Path("/srv").is_dir():
        return False
    probe = "mount -t tmpfs none /srv"
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", probe]
    tried = subprocess.run(command, capture_output=True, check=False)
    return tried.returncode == 0


@pytest.fixture(scope="module")
def continued(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """A month of work on top of the sample."""
    if not has_namespaces():
        pytest.skip("needs a mount namespace (unshare) to stand where the sample was made")
    folder = unpack(tmp_path_factory.mktemp("wage"), home=HOME)
    held_out = {"model": "models:/wage/2", "dataset": f"{HOME}/data/held_out.parquet"}
    batch = {"reference": "models:/wage@champion", "columns": ["exper", "hours"], "html_report": "never"}
    first = {
        "verify": {"model": "wage"},
        "drift": {**batch, "current": f"{HOME}/data/batch.parquet"},
        "drifted": {**batch, "current": f"{HOME}/data/shifted.parquet"},
        "evaluate": held_out,
        "bias": {**held_out, "slices": ["black"], "max_depth": 1, "policy": {"min_gap": 0.2}},
        "reproduce": {"model": "wage"},
    }
    jobs = [("drift" if name == "drifted" else name, spec) for name, spec in first.items()]
    done = dict(zip(first, at_its_place(folder, jobs), strict=True))
    old = EvidenceStore(str(folder / "mlops"))
    pieces = [f"file://{HOME}/mlops/{kind}/{old.uris(kind)[0].rsplit('/', 1)[1]}" for kind in ("validation",)]
    pieces += [f"file://{HOME}/mlops/model_card/{old.uris('model_card')[1].rsplit('/', 1)[1]}"]
    pieces += [done["evaluate"].evidence_uri, done["bias"].evidence_uri]
    policy = {"min_rows": 100, "margin": 0.05}
    then = {
        "promote": {"model": "models:/wage/2", "evidence": pieces, "policy": policy},
        "predict": {
            "model": "models:/wage@champion",
            "dataset": f"{HOME}/data/batch.parquet",
            "output_uri": f"{HOME}/data/new-scores.parquet",
        },
        "rollback": {"model": "wage", "reason": "a drill"},
        "verify again": {"model": "wage"},
    }
    jobs = [(name.split()[0], spec) for name, spec in then.items()]
    return done | dict(zip(then, at_its_place(folder, jobs), strict=True))


def test_the_sample_verifies_where_it_was_made(continued):
    assert continued["verify"].verdict.status is Status.PASS


def test_drift_is_measured_against_the_data_of_a_champion_of_0_1_0(continued):
    assert continued["drift"].verdict.status is Status.PASS
    assert continued["drifted"].verdict.status is Status.FAIL


def test_a_model_of_0_1_0_is_evaluated_scores_and_is_trained_again(continued):
    assert continued["evaluate"].verdict.status is Status.PASS
    # The packages are others than in 0.1.0, which is a notice; what was learnt is the same.
    assert continued["reproduce"].verdict.status in (Status.PASS, Status.NOTICE), continued["reproduce"].verdict
    assert "learnt the same" in continued["reproduce"].verdict.summary
    assert continued["predict"].model == continued["promote"].model


def test_evidence_of_both_versions_promotes_and_the_chain_goes_on(continued):
    assert continued["promote"].verdict.status in (Status.PASS, Status.NOTICE), continued["promote"].verdict
    assert continued["rollback"].model.version == "1"
    again = continued["verify again"].verdict
    assert again.status is Status.PASS, again
    assert "5 decision records" in again.summary
