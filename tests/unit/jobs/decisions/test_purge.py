"""Old evidence goes, tombstones stay: the chain verifies, and what vanished without one is still an error."""

from __future__ import annotations

import os
import re
import threading
import time

import pytest

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs import outcomes_of, run
from airflow_mlops_provider.jobs.decisions.purge import _Purge
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.decision_record import DecisionKind, Effect
from airflow_mlops_provider.records.evidence_name import name_of
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.reports.purge import PurgeReport
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.chains.retention import retention_chain, tombstones_in
from airflow_mlops_provider.stores.evidence.job_specs import keep_spec, read_spec
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence
from airflow_mlops_provider.stores.specs import local_path

AT_ONCE = 1e-9
"""Days: whatever was written before this line is past its time."""


@pytest.fixture(params=["disk", "s3"])
def old(request, world):
    """Four champions one after the other; the third and fourth are what a rollback needs."""
    made = world if request.param == "disk" else request.getfixturevalue("world_on_s3")
    made.champions_of_one_artifact(4)
    return made


def purge(world, **keys):
    return run("purge", {"retention_days": AT_ONCE, "evidence_root": str(world.root), **keys})


def verify(world, **keys):
    return run("verify", {**({} if "evidence" in keys else {"model": "wage"}), **world.where, **keys})


def report_of(outcome):
    return decode(PurgeReport, read_evidence(outcome.evidence_uri).report)


def cited_by(world, *numbers):
    return [uri for number in numbers for uri in world.links[number - 1].record.evidence]


def test_old_evidence_goes_and_that_of_the_champion_and_its_predecessor_stays(old):
    gone, kept = cited_by(old, 1, 2), cited_by(old, 3, 4)
    outcome = purge(old)
    assert (outcome.kind, outcome.verdict.status) == (Kind.PURGE, Status.PASS)
    assert not any(map(old.store.holds, gone))
    assert all(map(old.store.holds, kept))
    assert "removed, 10 stay" in outcome.verdict.summary


def test_a_tombstone_names_what_went_with_its_hash_and_the_policy_and_hangs_in_the_chain(old_on_disk):
    old = old_on_disk
    evidence = old.links[0].record.evidence
    before = old.links[-1]
    purge(old)
    last = old.links[-1].record
    assert (last.kind, last.effect, last.previous) == (DecisionKind.PURGE, Effect.PURGED, before.digest)
    assert last.policy == {"retention_days": AT_ONCE, "kinds": []}
    stones = tombstones_in(old.links)
    for uri, sha256 in evidence.items():
        assert stones[name_of(uri)].tombstone.sha256 == sha256
    assert old.models.aliases("wage") == {"champion": "4", "previous": "3"}


def test_after_a_purge_everything_verifies_and_says_what_was_purged(old):
    purge(old)
    outcome = verify(old)
    assert outcome.verdict.status is Status.PASS, outcome.verdict.summary
    assert outcome.verdict.summary.endswith("8 pieces were purged by policy")
    purged = [finding for finding in outcome.verdict.findings if finding.measure == "evidence_purged"]
    assert {finding.subject for finding in purged} == set(cited_by(old, 1, 2))
    assert all("00000005.json" in finding.detail and "older than" in finding.detail for finding in purged)


def test_evidence_that_vanished_without_a_tombstone_is_still_an_error(old):
    purge(old)
    uri = cited_by(old, 3)[0]
    old.store.remove([name_of(uri)])
    outcome = verify(old)
    assert outcome.verdict.status is Status.FAIL
    assert (uri, "evidence_unchanged") in [(f.subject, f.measure) for f in outcome.verdict.of_status(Status.FAIL)]


def test_a_removed_tombstone_makes_the_purged_evidence_an_error(world):
    world.champions_of_one_artifact(3)
    uri = cited_by(world, 1)[0]
    purge(world)
    local_path(world.links[-1].uri).unlink()
    assert uri in [finding.subject for finding in verify(world).verdict.of_status(Status.FAIL)]


def test_rolling_back_works_after_a_purge_and_further_than_the_evidence_goes(old_on_disk):
    old = old_on_disk
    purge(old)
    old.rollback()
    old.rollback()
    assert old.models.aliases("wage") == {"champion": "2", "previous": "1"}
    assert verify(old).verdict.status is Status.PASS


def test_evidence_that_no_decision_rests_on_has_a_chain_of_tombstones_of_its_own(old):
    uri = old.write(Kind.DRIFT, report={}, status=Status.NOTICE)
    purge(old)
    assert not old.store.holds(uri)
    (link,) = retention_chain(old.store).links()
    assert name_of(uri) in tombstones_in([link])
    outcome = verify(old, evidence=uri)
    assert outcome.verdict.status is Status.PASS
    assert outcome.verdict.findings[0].measure == "evidence_purged"
    again = old.write(Kind.DRIFT, report={}, status=Status.NOTICE)
    purge(old)
    assert not old.store.holds(again)
    assert len(retention_chain(old.store).links()) == 2


def test_a_tampered_tombstone_is_named(old_on_disk):
    world = old_on_disk
    world.write(Kind.DRIFT, report={}, status=Status.NOTICE)
    purge(world)
    (link,) = retention_chain(world.store).links()
    path = local_path(link.uri)
    path.write_bytes(path.read_bytes() + b"\n")
    assert (link.uri, "record_edited") in [
        (finding.subject, finding.measure) for finding in verify(world).verdict.of_status(Status.FAIL)
    ]


def test_a_tombstone_for_what_was_not_due_is_named(world, monkeypatch):
    world.champions_of_one_artifact(3)
    monkeypatch.setattr(_Purge, "expired", property(lambda self: list(self.files)))
    monkeypatch.setattr(_Purge, "_kept", lambda _self: {})
    outcome = purge(world, retention_days=30)
    assert outcome.verdict.status is Status.FAIL
    monkeypatch.undo()
    found = verify(world)
    assert "not all of which were due" in " ".join(f.detail for f in found.verdict.of_status(Status.FAIL))


def test_a_chain_that_does_not_hold_stops_a_purge_by_name(world):
    world.champions_of_one_artifact(3)
    path = local_path(world.links[0].uri)
    path.write_bytes(path.read_bytes().replace(b'"auto"', b'"approve"'))
    files = sorted(world.root.rglob("*.json"))
    with pytest.raises(IntegrityError, match=r"00000001\.json"):
        purge(world)
    assert sorted(world.root.rglob("*.json")) == files


def test_only_what_is_old_enough_goes_and_only_of_the_kinds_named(tmp_path):
    store = EvidenceStore(str(tmp_path / "mlops"))
    store.attach("drift/20200101T000000.000000Z-" + "a" * 64 + ".json", b"{}")
    store.attach("drift/attachments/20200101T000000.000000Z-report-" + "b" * 64 + ".html", b"<p>")
    store.attach("bias/20200101T000000.000000Z-" + "c" * 64 + ".json", b"{}")
    store.attach("drift/profile-without-a-date.json", b"{}")
    new = store.write("drift", {})
    outcome = run("purge", {"retention_days": 365, "kinds": ["drift"], "evidence_root": str(tmp_path / "mlops")})
    assert [stone.name.split("-")[0] for stone in report_of(outcome).tombstones] == [
        "drift/20200101T000000.000000Z",
        "drift/attachments/20200101T000000.000000Z",
    ]
    again = run("verify", {"evidence": outcome.evidence_uri, "evidence_root": str(tmp_path / "mlops")})
    assert again.verdict.status is Status.PASS
    left = sorted(path.name for path in (tmp_path / "mlops" / "drift").glob("*.json"))
    assert left == sorted([new.rsplit("/", 1)[-1], "profile-without-a-date.json"])
    assert len(store.uris("bias")) == 1


def test_a_preview_says_what_would_go_and_removes_nothing(old_on_disk):
    old = old_on_disk
    gone = cited_by(old, 1, 2)
    outcome = purge(old, preview=True)
    report = report_of(outcome)
    assert {name_of(uri) for uri in gone} <= {stone.name for stone in report.tombstones}
    assert "would be removed" in outcome.verdict.summary
    assert all(map(old.store.holds, gone))
    assert len(old.links) == 4


def test_what_awaits_a_person_is_kept(world):
    world.champions(1)
    model = world.register(seed=9)
    world.promote(model, mode="approve")
    purge(world)
    assert all(map(world.store.holds, cited_by(world, 2)))


def test_an_open_incident_is_kept_with_its_postmortem_until_somebody_closes_it(world, tmp_path):
    world.champions_of_one_artifact(2)
    uri = read_evidence(world.rollback().evidence_uri).details["incident"]
    (postmortem,) = read_evidence(uri).attachments.values()
    said = purge(world).verdict.findings[0].detail
    assert re.search(r"stay: \d+ because a champion or its .*, 8 because their incident is still open", said), said
    assert world.store.holds(uri)
    assert world.store.holds(postmortem)
    (tmp_path / "told.md").write_text("All is told.")
    told = {"incident": uri, "postmortem": str(tmp_path / "told.md"), "person": "ada"}
    run("close", {**told, "evidence_root": str(world.root)})
    purge(world)
    assert not world.store.holds(uri)
    assert not world.store.holds(postmortem)


def test_a_second_purge_finds_nothing_and_writes_no_record(old_on_disk):
    old = old_on_disk
    purge(old)
    count = len(old.links)
    assert purge(old, kinds=["bias", "evaluation"]).verdict.summary.startswith("0 files")
    assert len(old.links) == count


def test_a_purge_that_was_killed_before_it_removed_anything_is_finished_by_the_next(old, monkeypatch):
    class Killed(BaseException):
        pass

    def die(self, names):
        raise Killed

    gone = cited_by(old, 1, 2)
    with monkeypatch.context() as patch:
        patch.setattr(EvidenceStore, "remove", die)
        with pytest.raises(Killed):
            purge(old)
    assert all(map(old.store.holds, gone))
    assert verify(old).verdict.status is Status.PASS
    records = len(old.links)
    outcome = purge(old, retention_days=300)
    assert "0 files of evidence older than 300 days removed" in outcome.verdict.summary
    assert "10 removed that an earlier purge had recorded" in outcome.verdict.findings[0].detail
    assert not any(map(old.store.holds, gone))
    assert (len(old.links), verify(old).verdict.status) == (records, Status.PASS)


def test_several_purges_at_once_leave_one_tombstone_a_file(old):
    gone = cited_by(old, 1, 2)
    barrier, outcomes = threading.Barrier(4), []

    def go():
        barrier.wait()
        outcomes.append(purge(old, kinds=["validation", "evaluation", "bias", "model_card"]))

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome.verdict.status for outcome in outcomes] == [Status.PASS] * 4
    assert not any(map(old.store.holds, gone))
    assert [link.record.kind for link in old.links].count(DecisionKind.PURGE) == 1
    assert verify(old).verdict.status is Status.PASS


def test_half_written_files_of_killed_writers_are_swept_and_those_of_today_are_not(world):
    uri = world.write(Kind.DRIFT, report={}, status=Status.NOTICE)
    folder = local_path(uri).parent
    left, fresh = folder / ".x.json.123.0a1b2c3d", folder / ".y.json.124.0a1b2c3d"
    for path in (left, fresh):
        path.write_bytes(b"{")
    os.utime(left, (time.time() - 7200,) * 2)
    assert "1 half-written files swept" in purge(world).verdict.findings[0].detail
    assert (left.exists(), fresh.exists()) == (False, True)


@pytest.mark.parametrize(
    ("days", "message"), [(0, "must be above 0"), (-1, "must be above 0"), (1e9, "before all time")]
)
def test_a_time_that_cannot_be_is_refused(tmp_path, days, message):
    with pytest.raises(BadInputError, match=message):
        run("purge", {"retention_days": days, "evidence_root": str(tmp_path)})


def test_outcomes_kept_under_their_requests_go_when_all_kinds_do(world):
    world.champions_of_one_artifact(1)
    asked = {**world.where, "model": "wage", "run_key": "d/r/verify"}
    run("verify", asked)
    outcomes = outcomes_of("verify", asked)
    assert report_of(purge(world, kinds=["drift"])).outcomes == 0
    assert report_of(purge(world, preview=True)).outcomes == 1
    assert len(outcomes.uris()) == 1
    assert report_of(purge(world)).outcomes == 1
    assert (outcomes.uris(), outcomes.newest()) == ([], None)


def test_what_tries_announced_goes_with_the_evidence_of_its_kind(world):
    world.champions_of_one_artifact(1)
    run("verify", {**world.where, "model": "wage", "run_key": "d/r/verify"})
    announced = world.root / "announced"
    for keys in ({"kinds": ["drift"]}, {"preview": True}):
        purge(world, **keys)
        assert [path.name.partition(".")[0] for path in announced.iterdir()] == ["verification"]
    purge(world, kinds=["verification"])
    assert list(announced.iterdir()) == []


def test_specs_of_jobs_that_ran_elsewhere_go_when_all_kinds_do(world):
    uri = keep_spec(world.store, "drift", {"current": "b.csv"})
    for keys in ({"kinds": ["drift"]}, {"preview": True}):
        purge(world, **keys)
        assert read_spec(uri) == {"current": "b.csv"}
    purge(world)
    with pytest.raises(BadInputError, match="does not exist"):
        read_spec(uri)
