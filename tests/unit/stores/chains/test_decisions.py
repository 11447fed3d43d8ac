from __future__ import annotations

import json
import multiprocessing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.exceptions import AlreadyExistsError, BadInputError, IntegrityError
from airflow_mlops_provider.records.codec import canonical_json, decode, encode
from airflow_mlops_provider.records.decision_record import DecisionKind, DecisionRecord, Effect
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict
from airflow_mlops_provider.stores.chains.decisions import (
    DecisionChain,
    Link,
    chain_names,
    champion_of,
    in_force,
    previous_of,
    reference_dataset,
    restorable,
)
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.specs import local_path

PASSED = Verdict.of(
    [Finding(subject="it", measure="number", observed=1.0, status=Status.PASS)], summary="as it should be"
)


def ref(version):
    return ModelRef(name="wage", version=str(version), digest=f"sha256:{version}")


def record(number=0, *, version=1, kind=DecisionKind.PROMOTION, effect=Effect.MOVED, **parts):
    return DecisionRecord(
        number=number,
        previous=None,
        created_at="2025-01-01T00:00:00+00:00",
        kind=kind,
        effect=effect,
        name="wage",
        alias=parts.pop("alias", "champion"),
        model=ref(version),
        champion=parts.pop("champion", None),
        datasets={"training": DatasetRef(uri=f"train_{version}.parquet")},
        verdict=PASSED,
        **parts,
    )


def promotion(number, version, **parts):
    return Link(record=record(number, version=version, **parts), uri=f"{number:08d}.json", digest=f"sha256:{number}")


def rollback(links):
    """The link that a rollback of ``links`` would add."""
    model, restored = restorable(links)[0]
    made = record(
        len(links) + 1,
        version=model.version,
        kind=DecisionKind.ROLLBACK,
        restores=restored.record.number if restored else None,
    )
    return Link(record=made, uri="", digest="")


@pytest.fixture
def chain(tmp_path):
    return DecisionChain(EvidenceStore(str(tmp_path / "mlops")), "wage")


@pytest.fixture
def three(chain):
    for version in (1, 2, 3):
        chain.commit(record(version=version), chain.links())
    return chain


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


@given(st.lists(st.sampled_from(["promote", "roll back", "refuse", "other alias"]), max_size=20))
def test_promotions_and_rollbacks_are_a_stack(steps):
    links, stack = [], []
    for number, step in enumerate(steps, 1):
        if step == "promote":
            links.append(promotion(number, number, champion=ref(stack[-1]) if stack else None))
            stack.append(number)
        elif step == "roll back" and len(stack) > 1:
            links.append(rollback(links))
            stack.pop()
        else:
            effect, alias = (Effect.STAYS, "champion") if step == "refuse" else (Effect.MOVED, "staging")
            links.append(promotion(number, number, effect=effect, alias=alias))
    assert champion_of(links) == (ref(stack[-1]) if stack else None)
    assert previous_of(links) == (ref(stack[-2]) if len(stack) > 1 else None)
    assert [link.record.model for link in in_force(links)] == [ref(number) for number in stack]


def test_the_reference_is_the_training_data_of_the_version_in_force(three, tmp_path):
    root = str(tmp_path / "mlops")
    assert reference_dataset("models:/wage@champion", root).uri == "train_3.parquet"
    assert reference_dataset("models:/wage@previous", root).uri == "train_2.parquet"
    with pytest.raises(BadInputError, match="no promotion to 'staging' is recorded"):
        reference_dataset("models:/wage@staging", root)


def test_the_models_decided_about_are_listed(three, tmp_path):
    assert chain_names(EvidenceStore(str(tmp_path / "mlops"))) == ["wage"]
    assert chain_names(EvidenceStore(str(tmp_path / "elsewhere"))) == []


def test_a_record_survives_its_way_through_json():
    made = record(7, restores=3, person="ada", reason="why not")
    assert decode(DecisionRecord, json.loads(canonical_json(made))) == made
    assert encode(made)["effect"] == "moved"
