from __future__ import annotations

import json
import multiprocessing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.exceptions import AlreadyExistsError, IntegrityError
from airflow_mlops_provider.records.codec import canonical_json
from airflow_mlops_provider.records.decision_record import Effect
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain, chain_names
from airflow_mlops_provider.stores.chains.in_force import champion_of
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.specs import local_path
from tests.builders.page_samples import decide, model
from tests.unit.stores.chains.decided import record, ref


def test_each_record_carries_the_hash_of_the_one_before(three):
    one, two, last = three.links()
    assert (one.record.previous, two.record.previous, last.record.previous) == (None, one.digest, two.digest)
    assert [link.record.number for link in three.links()] == [1, 2, 3]


def test_two_decisions_on_the_same_state_cannot_both_be_committed(three):
    state = three.links()
    three.commit(record(version=4), state)
    with pytest.raises(AlreadyExistsError):
        three.commit(record(version=5), state)
    assert champion_of(three.links()) == ref(4)


def _commit(root, version, queue):
    chain = DecisionChain(EvidenceStore(root), "wage")
    while True:
        try:
            queue.put(chain.commit(record(version=version), chain.links()).record.number)
            return
        except AlreadyExistsError:
            continue


def test_processes_that_commit_at_once_leave_one_unbroken_chain(chain, tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=_commit, args=(str(tmp_path / "mlops"), n, queue)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert sorted(queue.get() for _ in processes) == [1, 2, 3, 4]
    assert len(chain.links()) == 4


@pytest.mark.parametrize("number", [1, 2])
def test_an_edited_record_is_named(three, number):
    path = local_path(three.links()[number - 1].uri)
    body = json.loads(path.read_bytes())
    body["reason"] = "something nicer"
    path.write_bytes(canonical_json(body))
    with pytest.raises(IntegrityError, match=rf"record {number} .*{path.name}.*was changed"):
        three.links()


@pytest.mark.parametrize("number", [1, 2])
def test_a_removed_record_is_named(three, number):
    local_path(three.links()[number - 1].uri).unlink()
    with pytest.raises(IntegrityError, match=rf"record {number} of wage is missing"):
        three.links()


def test_a_record_of_another_model_is_named(three):
    path = local_path(three.links()[2].uri)
    path.write_bytes(path.read_bytes().replace(b'"name":"wage","number"', b'"name":"rent","number"'))
    with pytest.raises(IntegrityError, match="speaks of model rent"):
        three.links()


def test_a_record_with_other_white_space_is_named(three):
    path = local_path(three.links()[2].uri)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(IntegrityError, match="not canonical"):
        three.links()


@given(data=st.data())
def test_any_changed_byte_before_the_last_record_is_noticed(data, tmp_path_factory):
    chain = DecisionChain(EvidenceStore(str(tmp_path_factory.mktemp("chain"))), "wage")
    for version in (1, 2):
        chain.commit(record(version=version), chain.links())
    path = local_path(chain.links()[0].uri)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(content))
    assert chain.examine()[1]


def test_the_models_decided_about_are_listed(three, tmp_path):
    assert chain_names(EvidenceStore(str(tmp_path / "mlops"))) == ["wage"]
    assert chain_names(EvidenceStore(str(tmp_path / "elsewhere"))) == []


def test_a_secret_in_what_a_person_wrote_is_not_kept_and_the_chain_holds(tmp_path):
    uri = decide(tmp_path, Effect.MOVED, "1", reason="see https://ada:s3cr3t@example.com/ticket")
    decide(tmp_path, Effect.MOVED, "2", champion=model("1"))
    assert "https://ada:***@example.com/ticket" in local_path(uri).read_text()
    links, faults = DecisionChain(EvidenceStore(str(tmp_path)), "wage").examine()
    assert (len(links), faults) == (2, ())
