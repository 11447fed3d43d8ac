from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.jobs.decisions.rollback import RollbackJob
from airflow_mlops_provider.records.decision_record import DecisionKind
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.chains.reference import reference_dataset
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.stores.specs import local_path


def test_a_rollback_puts_the_last_champion_and_its_reference_back(world):
    first, _ = world.champions(2)
    outcome = world.rollback(person="ada")
    assert (outcome.kind, outcome.verdict.status, outcome.model) == (Kind.ROLLBACK, Status.PASS, first)
    assert "version 1 is put back in place of version 2" in outcome.verdict.summary
    assert world.models.aliases("wage") == {"champion": "1"}
    assert reference_dataset("models:/wage@champion", str(world.root)).uri == "train_1.parquet"
    record = world.links[-1].record
    assert (record.kind, record.reason, record.person) == (DecisionKind.ROLLBACK, "it answers nonsense", "ada")
    assert (record.restores, record.champion.version) == (1, "2")
    assert read_evidence(outcome.evidence_uri).details["reason"] == "it answers nonsense"


def test_rolling_back_twice_goes_one_further_back(world):
    world.champions(3)
    world.rollback()
    assert world.models.aliases("wage") == {"champion": "2", "previous": "1"}
    world.rollback()
    assert world.models.aliases("wage") == {"champion": "1"}
    with pytest.raises(BadInputError, match="nothing to go back to, version 1 is the only promotion in force"):
        world.rollback()


def test_a_promotion_after_a_rollback_goes_on_from_the_version_put_back(world):
    world.champions(2)
    world.rollback()
    third = world.register(seed=3)
    assert world.promote(third).verdict.status is Status.PASS
    assert world.models.aliases("wage") == {"champion": "3", "previous": "1"}
    world.rollback()
    assert world.models.aliases("wage") == {"champion": "1"}


def test_a_named_version_is_put_back_when_it_was_in_force_before(world):
    world.champions(3)
    with pytest.raises(BadInputError, match=r"'to_version' 9 is not a former champion.*those are 2, 1"):
        world.rollback(to_version=9)
    world.rollback(to_version=1)
    assert world.models.aliases("wage") == {"champion": "1"}


def test_a_version_that_was_rolled_back_is_no_target(world):
    world.champions(3)
    world.rollback(to_version="2")
    with pytest.raises(BadInputError, match="'to_version' 3"):
        world.rollback(to_version="3")


def test_a_champion_from_before_the_record_can_be_put_back(world):
    old, model = world.register(), world.register(seed=1)
    world.models.set_alias("wage", "champion", old.version)
    world.promote(model)
    outcome = world.rollback()
    assert outcome.model == old
    assert world.links[-1].record.datasets["training"] == world.training_data
    assert world.models.aliases("wage") == {"champion": "1"}


def test_there_is_nothing_to_go_back_to_without_a_promotion(world):
    with pytest.raises(BadInputError, match="rollback of wage: no promotion to 'champion' is recorded"):
        world.rollback()


def test_a_rollback_without_a_reason_is_refused(world):
    with pytest.raises(BadInputError, match="'reason' is empty"):
        world.rollback(reason=" ")


def test_a_retry_of_a_rollback_does_not_go_further_back(world):
    world.champions(3)
    first = world.rollback(run_key="dag/run/rollback")
    world.models.set_alias("wage", "champion", "3")  # as if the first try had died before it moved the alias
    assert world.rollback(run_key="dag/run/rollback") == first
    assert world.models.aliases("wage") == {"champion": "2", "previous": "1"}


def test_a_tampered_target_is_refused_by_name_and_the_champion_stays(world):
    first, _ = world.champions(2)
    world.artifact_file(first).write_bytes(b"something else")
    with pytest.raises(IntegrityError, match="models:/wage/1 was changed"):
        world.rollback()
    assert (len(world.links), world.models.aliases("wage")["champion"]) == (2, "2")


def test_a_tampered_record_stops_a_rollback(world):
    world.champions(2)
    path = local_path(world.links[0].uri)
    path.write_bytes(path.read_bytes().replace(b'"auto"', b'"approve"'))
    with pytest.raises(IntegrityError, match=r"00000001\.json"):
        world.rollback()


def test_two_people_who_roll_back_at_once_go_back_one_version(world):
    world.champions(3)
    barrier, outcomes = threading.Barrier(2), []

    def rollback():
        barrier.wait()
        outcomes.append(world.rollback())

    threads = [threading.Thread(target=rollback) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Either they met, and the second is recorded as having lost, or the second came later and meant it.
    lost = world.effects.count("lost")
    assert world.models.aliases("wage")["champion"] == ("2" if lost else "1")
    assert len(world.links) == 5


def test_tampered_evidence_of_the_target_is_refused_by_name(world):
    world.champions_of_one_artifact(2)
    path = local_path(next(iter(world.links[0].record.evidence)))
    path.write_bytes(path.read_bytes().replace(b"5000", b"5001"))
    with pytest.raises(IntegrityError, match=path.name):
        world.rollback()
    assert (len(world.links), world.models.aliases("wage")["champion"]) == (2, "2")


def test_evidence_of_the_target_that_is_gone_is_a_notice_and_holds_nobody_up(world):
    world.champions_of_one_artifact(3)
    uri = next(iter(world.links[1].record.evidence))
    local_path(uri).unlink()
    outcome = world.rollback()
    assert (outcome.verdict.status, world.models.aliases("wage")["champion"]) == (Status.NOTICE, "2")
    assert [finding.subject for finding in outcome.verdict.of_status(Status.NOTICE)] == [uri]
    run("purge", {"retention_days": 1e-9, "evidence_root": str(world.root)})
    assert world.rollback().verdict.status is Status.PASS


class Together(RollbackJob):
    """A rollback that decides when all tries have found that nobody has decided yet."""

    tries = threading.Barrier(3)

    def _decide(self, *arguments):
        self.tries.wait(60)
        return super()._decide(*arguments)


def test_tries_of_one_request_at_once_are_one_rollback(world):
    world.champions_of_one_artifact(3)
    asked = {"model": "wage", "reason": "it answers nonsense", "run_key": "dag/run/rollback", **world.where}
    with ThreadPoolExecutor(Together.tries.parties) as pool:
        list(pool.map(lambda _: Together.from_spec(asked).run(), range(Together.tries.parties)))
    assert world.effects == ["moved"] * 4
    assert world.models.aliases("wage")["champion"] == "2"
