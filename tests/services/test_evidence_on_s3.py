"""Evidence on S3: created once, by whoever is first of several processes."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from airflow_mlops_provider.exceptions import AlreadyExistsError, BackendError, IntegrityError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.catalogue import read_catalogue
from airflow_mlops_provider.stores.evidence.exclusive_create import require_exclusive_create
from airflow_mlops_provider.stores.evidence.object_prefix import ObjectPrefix
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence
from airflow_mlops_provider.stores.models import ModelStore
from tests.builders.world import World

RECORDS = 25

WRITER = """
import json, sys
from airflow_mlops_provider.exceptions import AlreadyExistsError
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

root, who, records = sys.argv[1], sys.argv[2], int(sys.argv[3])
store, won, claims = EvidenceStore(root), [], {}
print("ready", flush=True)
sys.stdin.readline()
for number in range(1, records + 1):
    try:
        store.append("decisions/wage", number, {"by": who, "number": number})
        won.append(number)
    except AlreadyExistsError:
        pass
    claims[number] = store.claim(f"batch-{number}", {"by": who})["by"]
print(json.dumps({"won": won, "claims": claims}))
"""


@pytest.fixture
def root(bucket: str) -> str:
    return f"{bucket}/mlops"


@pytest.fixture
def world(root: str, tmp_path: Path) -> World:
    """Evidence and decisions on S3, MLflow on SQLite."""
    return World(root=root, models=ModelStore(f"sqlite:///{tmp_path / 'mlflow.db'}"))


def race(root: str) -> dict[str, dict]:
    """What two processes that write the same records at the same time say of it."""
    writers = {}
    for who in ("ada", "eve"):
        command = [sys.executable, "-c", WRITER, root, who, str(RECORDS)]
        writers[who] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for writer in writers.values():
        assert writer.stdout.readline() == "ready\n"
    for writer in writers.values():
        writer.stdin.write("go\n")
        writer.stdin.flush()
    found = {who: json.loads(writer.communicate(timeout=120)[0]) for who, writer in writers.items()}
    assert [writer.returncode for writer in writers.values()] == [0, 0]
    return found


def test_of_two_processes_one_commits_each_record_and_both_see_one_claim(root):
    found = race(root)
    assert sorted(found["ada"]["won"] + found["eve"]["won"]) == list(range(1, RECORDS + 1))
    records = [json.loads(body) for _, body in EvidenceStore(root).chain("decisions/wage")]
    assert [record["number"] for record in records] == list(range(1, RECORDS + 1))
    assert all(record["number"] in found[record["by"]]["won"] for record in records)
    assert found["ada"]["claims"] == found["eve"]["claims"]
    assert set(found["ada"]["claims"].values()) <= {"ada", "eve"}


def test_what_is_there_is_never_written_over(root):
    store = EvidenceStore(root)
    uri = store.attach("drift/attachments/x.html", b"first")
    with pytest.raises(AlreadyExistsError):
        store.attach("drift/attachments/x.html", b"second")
    assert store.read_bytes(uri) == b"first"


def test_an_edited_piece_is_refused_by_name(root):
    import s3fs

    store = EvidenceStore(root)
    uri = store.write("drift", {"verdict": "fail"})
    s3fs.S3FileSystem().pipe_file(uri, b'{"verdict":"pass"}')
    with pytest.raises(IntegrityError, match=r"drift/.*was changed"):
        store.read(uri)


def test_a_bucket_that_is_not_there_is_a_failed_backend(aws):
    with pytest.raises(BackendError):
        EvidenceStore("s3://no-such-bucket/mlops").write("drift", {})


@pytest.mark.parametrize(
    "ask",
    [
        ObjectPrefix.require_writable,
        ObjectPrefix.require_readable,
        read_catalogue,
        lambda files: files.names("drift"),
        lambda files: files.times_below("drift"),
        lambda files: files.read("drift/x.json"),
        lambda files: files.read("drift/x.json", at_most=9),
        lambda files: files.remove("drift/x.json"),
    ],
)
def test_whoever_asks_a_bucket_that_is_not_there_hears_its_name_and_not_that_nothing_was_found(aws, ask):
    with pytest.raises(BackendError, match="there is no bucket no-such-bucket"):
        ask(ObjectPrefix("s3://no-such-bucket/mlops"))


def test_a_prefix_in_which_nothing_lies_yet_is_empty(root):
    files = ObjectPrefix(root)
    files.require_writable()
    assert (files.names("drift"), files.times_below("drift")) == ([], {})


def test_a_chain_of_decisions_is_made_rolled_back_and_verified(world):
    world.champions_of_one_artifact(3)
    outcome = world.rollback(person="ada")
    assert outcome.verdict.status is Status.PASS
    assert outcome.evidence_uri.startswith(f"{world.root}/rollback/")
    assert world.store.holds(read_evidence(outcome.evidence_uri).details["incident"])
    world.rollback()
    assert world.models.aliases("wage") == {"champion": "1"}
    verified = run("verify", {"model": "wage", **world.where})
    assert verified.verdict.status is Status.PASS, verified.verdict.summary


def test_of_eight_promotions_started_together_one_moves_the_champion_and_all_are_recorded(world):
    world.champions(1)
    models = world.versions(8)
    evidence = [world.evidence_for(model) for model in models]
    barrier = Barrier(len(models))

    def promote(model, pieces):
        barrier.wait()
        return world.promote(model, pieces)

    with ThreadPoolExecutor(len(models)) as pool:
        assert len(list(pool.map(promote, models, evidence))) == 8
    assert world.effects == ["moved", "moved", *["lost"] * 7]
    assert world.models.aliases("wage")["champion"] == world.links[1].record.model.version
    verified = run("verify", {"model": "wage", **world.where})
    assert verified.verdict.status is Status.PASS, verified.verdict.summary


@pytest.mark.parametrize("kind", ["a removed record", "an edited record", "edited evidence"])
def test_what_was_tampered_with_is_named(world, kind):
    import s3fs

    world.champions_of_one_artifact(2)
    uri = world.links[0].uri if "record" in kind else next(iter(world.links[0].record.evidence))
    s3 = s3fs.S3FileSystem(use_listings_cache=False)
    if kind == "a removed record":
        s3.rm_file(uri)
    else:
        s3.pipe_file(uri, s3.cat_file(uri).replace(b"wage", b"page"))
    verified = run("verify", {"model": "wage", **world.where})
    assert verified.verdict.status is Status.FAIL
    named = " ".join(finding.subject + finding.detail for finding in verified.verdict.of_status(Status.FAIL))
    assert uri in named or "1 of wage" in named
    if "record" in kind:
        with pytest.raises(IntegrityError, match=r"1 of wage|00000001\.json"):
            world.rollback()


def test_old_evidence_goes_what_a_champion_rests_on_stays_and_the_chain_verifies(world):
    world.champions_of_one_artifact(4)
    cited = [list(link.record.evidence) for link in world.links]
    outcome = run("purge", {"retention_days": 1e-9, "evidence_root": world.root})
    assert outcome.verdict.status is Status.PASS, outcome.verdict.summary
    assert not any(map(world.store.holds, cited[0] + cited[1]))
    assert all(map(world.store.holds, cited[2] + cited[3]))
    verified = run("verify", {"model": "wage", **world.where})
    assert verified.verdict.status is Status.PASS, verified.verdict.summary
    assert "purged by policy" in verified.verdict.summary


def test_a_store_in_which_one_of_several_writers_wins_can_hold_evidence(root):
    require_exclusive_create(root)
    assert ObjectPrefix(root).names_below("exclusive_create") == []
