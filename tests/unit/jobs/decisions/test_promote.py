from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.jobs.decisions.promote import PromoteJob
from airflow_mlops_provider.records.decision_record import Effect
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.chains.aliases import HEAD_TAG, repair_aliases
from airflow_mlops_provider.stores.chains.decision_chain import chain_names
from airflow_mlops_provider.stores.chains.reference import reference_dataset
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.stores.specs import local_path


def against(outcome):
    """What speaks against a promotion."""
    return {f.measure for f in outcome.verdict.findings if f.status in (Status.FAIL, Status.INSUFFICIENT_EVIDENCE)}


def test_the_first_candidate_becomes_the_champion(world):
    first = world.register()
    outcome = world.promote(first)
    assert outcome.verdict.status is Status.PASS
    assert outcome.model == first
    assert world.models.aliases("wage") == {"champion": "1"}
    (link,) = world.links
    assert (link.record.number, link.record.previous, link.record.effect) == (1, None, Effect.MOVED)
    assert world.models.version_tags(first)[HEAD_TAG] == f"1:{link.digest}"
    assert chain_names(world.store) == ["wage"]
    evidence = read_evidence(outcome.evidence_uri)
    assert evidence.kind is Kind.PROMOTION
    assert evidence.details["record_sha256"] == link.digest


def test_a_better_challenger_replaces_the_champion_and_the_reference_moves_with_it(world):
    first, second = world.champions(1)[0], world.register(seed=9, training=world.dataset("newer", "e"))
    assert reference_dataset("models:/wage@champion", str(world.root)).uri == "train_1.parquet"
    outcome = world.promote(second, world.evidence_for(second, training=world.dataset("newer", "e")))
    assert "replaces version 1" in outcome.verdict.summary
    assert world.models.aliases("wage") == {"champion": "2", "previous": "1"}
    assert world.links[-1].record.champion == first
    assert world.links[-1].record.previous == world.links[0].digest
    assert reference_dataset("models:/wage@champion", str(world.root)).uri == "newer.parquet"
    assert reference_dataset("models:/wage@previous", str(world.root)).uri == "train_1.parquet"


def test_a_challenger_trained_meanwhile_keeps_its_alias(world):
    first = world.register()
    world.register(seed=1)
    world.promote(first)
    assert world.models.aliases("wage") == {"champion": "1", "challenger": "2"}


def test_missing_evidence_leaves_no_champion_and_is_recorded(world):
    model = world.register()
    outcome = world.promote(model, world.evidence_for(model)[1:])
    assert "wage version 1 does not become the first champion" in outcome.verdict.summary
    assert "because no validation evidence was given" in outcome.verdict.summary
    assert (world.effects, "champion" in world.models.aliases("wage")) == (["stays"], False)


def test_insufficient_slices_may_be_tolerated_by_name_and_stay_visible(world):
    model = world.register()
    evidence = world.evidence_for(model, bias=Status.INSUFFICIENT_EVIDENCE)
    outcome = world.promote(model, evidence, policy={"tolerate_insufficient": ["bias"]})
    assert outcome.verdict.status is Status.NOTICE
    assert "tolerated" in outcome.verdict.summary
    assert world.effects == ["moved"]


def test_evidence_of_another_model_is_refused_by_name(world):
    other, model = world.register(), world.register(seed=1)
    evidence = world.evidence_for(model)
    evidence[2] = world.write(Kind.BIAS, model=other, dataset=world.held_out)
    outcome = world.promote(model, evidence)
    assert against(outcome) == {"other_model"}
    assert "bias speaks of wage version 1" in outcome.verdict.summary


def test_the_limits_of_the_promotion_hold_whatever_the_evaluation_was_judged_by(world):
    world.champions(1)
    model = world.register(seed=5)
    evidence = world.evidence_for(model, gain=0.002)
    assert world.promote(model, evidence, policy={"superiority": True}).verdict.status is Status.FAIL
    assert world.promote(model, evidence, policy={"max_p99_latency_ms": 5}).verdict.status is not Status.PASS
    assert world.promote(model, evidence).verdict.status is Status.PASS


def test_evidence_against_a_former_champion_is_stale_and_the_loser_is_recorded(world):
    world.champions(1)
    one, two = world.register(seed=7), world.register(seed=8)
    evidence = {model.version: world.evidence_for(model) for model in (one, two)}
    assert world.promote(one, evidence[one.version]).verdict.status is Status.PASS
    lost = world.promote(two, evidence[two.version])
    assert against(lost) == {"champion_changed"}
    assert "evaluated against wage version 1" in lost.verdict.findings[0].detail
    assert "in force is wage version 2" in lost.verdict.findings[0].detail
    assert world.effects == ["moved", "moved", "lost"]
    assert world.models.aliases("wage")["champion"] == "2"


def test_the_champion_is_not_promoted_again(world):
    (champion,) = world.champions(1)
    evidence = world.evidence_for(champion, training=world.dataset("train_1", "1"))
    assert "already_champion" in against(world.promote(champion, evidence))


def test_a_suggestion_is_recorded_and_moves_nothing(world):
    model = world.register()
    outcome = world.promote(model, mode="suggest")
    assert outcome.verdict.status is Status.PASS
    assert "would become the first champion (suggested only)" in outcome.verdict.summary
    assert (world.effects, "champion" in world.models.aliases("wage")) == (["suggested"], False)


def test_a_promotion_to_another_alias_speaks_of_that_alias(world):
    model, second = world.versions(2)
    assert "becomes the first model behind alias 'canary'" in world.promote(model, alias="canary").verdict.summary
    stale = world.promote(second, world.evidence_for(second, champion=None), alias="canary").verdict
    assert "model behind alias 'canary' stays" in stale.summary
    assert "evaluate again with 'champion_alias' 'canary'" in stale.findings[0].detail
    assert "champion" not in world.models.aliases("wage")


def test_approval_waits_for_a_person_and_records_who_it_was(world):
    model = world.register()
    evidence = world.evidence_for(model)
    waiting = world.promote(model, evidence, mode="approve", run_key="r")
    assert waiting.verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert "would become the first champion (awaiting approval)" in waiting.verdict.summary
    assert world.promote(model, evidence, mode="approve", person="ml-team", run_key="r").verdict.status is Status.PASS
    assert world.effects == ["awaiting_approval", "moved"]
    assert world.links[-1].record.person == "ml-team"


def test_a_retry_returns_what_the_first_try_committed(world):
    model = world.register()
    evidence = world.evidence_for(model)
    first = world.promote(model, evidence, run_key="dag/run/promote")
    world.models.delete_alias("wage", "champion")  # as if the first try had died before it moved the alias
    assert world.promote(model, evidence, run_key="dag/run/promote") == first
    assert len(world.links) == 1
    assert world.models.aliases("wage")["champion"] == "1"
    assert len(world.store.uris("promotion")) == 1


def test_the_same_task_with_other_evidence_decides_anew(world):
    model = world.register()
    world.promote(model, world.evidence_for(model, bias=Status.FAIL), run_key="r")
    assert world.promote(model, run_key="r").verdict.status is Status.PASS
    assert world.effects == ["stays", "moved"]


def test_the_alias_follows_the_record_when_a_later_reader_looks(world):
    world.champions(2)
    world.models.set_alias("wage", "champion", "1")
    repair_aliases(world.models, world.chain)
    assert world.models.aliases("wage") == {"champion": "2", "previous": "1"}


def test_a_champion_from_before_the_record_counts_until_one_is_promoted(world):
    old, model = world.register(), world.register(seed=1)
    world.models.set_alias("wage", "champion", old.version)
    assert world.promote(model).verdict.status is Status.PASS
    assert world.links[0].record.champion == old
    assert world.models.aliases("wage") == {"champion": "2", "previous": "1"}


def test_tampered_evidence_is_refused_by_name_and_nothing_is_recorded(world):
    model = world.register()
    evidence = world.evidence_for(model, bias=Status.FAIL)
    path = local_path(evidence[2])
    path.write_bytes(path.read_bytes().replace(b'"fail"', b'"pass"'))
    with pytest.raises(IntegrityError, match=path.name):
        world.promote(model, evidence)
    assert world.links == ()


@pytest.mark.parametrize("measured", [Status.FAIL, Status.INSUFFICIENT_EVIDENCE])
def test_a_verdict_that_its_report_does_not_give_is_refused_even_under_a_fresh_hash(world, measured):
    model = world.register()
    evidence = world.evidence_for(model, bias=measured)
    body = world.store.read(evidence[2])
    body["verdict"] = world.store.read(world.evidence_for(model)[2])["verdict"]
    evidence[2] = world.store.write("bias", body)
    with pytest.raises(IntegrityError, match=f"{evidence[2]} says pass, .* {measured}"):
        world.promote(model, evidence)
    assert (world.links, "champion" in world.models.aliases("wage")) == ((), False)


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_a_tampered_attachment_is_refused_by_name(world, what):
    model = world.register()
    evidence = world.evidence_for(model)
    chart = world.store.attach_hashed("bias/attachments/slices.html", b"<p>worse</p>")
    evidence[2] = world.write(Kind.BIAS, model=model, dataset=world.held_out, attachments={"slices.html": chart})
    path = local_path(chart)
    if what == "changed":
        path.write_bytes(b"<p>fair</p>")
    else:
        path.unlink()
    with pytest.raises(IntegrityError, match=path.name):
        world.promote(model, evidence)
    assert world.links == ()


@pytest.mark.parametrize("mode", ["approve", "auto"])
def test_a_blank_approver_is_refused(world, mode):
    model = world.register()
    with pytest.raises(BadInputError, match="'person' is empty"):
        world.promote(model, mode=mode, person="  ")
    assert world.links == ()


def test_a_tampered_artifact_is_refused_by_name(world):
    model = world.register()
    evidence = world.evidence_for(model)
    world.artifact_file(model).write_bytes(b"something else")
    with pytest.raises(IntegrityError, match="models:/wage/1 was changed"):
        world.promote(model, evidence)
    assert (world.links, "champion" in world.models.aliases("wage")) == ((), False)


def test_a_removed_last_record_stops_the_next_promotion(world):
    world.champions(2)
    local_path(world.links[-1].uri).unlink()
    model = world.register(seed=3)
    with pytest.raises(IntegrityError, match=r"2 of wage.*missing"):
        world.promote(model)


def test_an_edited_record_stops_the_next_promotion(world):
    world.champions(2)
    path = local_path(world.links[0].uri)
    path.write_bytes(path.read_bytes().replace(b'"auto"', b'"approve"'))
    with pytest.raises(IntegrityError, match=r"00000001\.json.*changed"):
        world.promote(world.register(seed=3), [])


def test_no_champion_no_reference(world):
    with pytest.raises(BadInputError, match="no promotion to 'champion' is recorded"):
        reference_dataset("models:/wage@champion", str(world.root))
    with pytest.raises(BadInputError, match="models:/name@alias"):
        reference_dataset("models:/wage/3", str(world.root))


def test_of_twenty_promotions_started_together_one_unbroken_chain_results(world):
    world.champions(1)
    models = world.versions(20)
    evidence = [world.evidence_for(model) for model in models]
    barrier, outcomes = threading.Barrier(len(models)), []

    def promote(model, pieces):
        barrier.wait()
        outcomes.append(world.promote(model, pieces))

    threads = [threading.Thread(target=promote, args=pair) for pair in zip(models, evidence, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 20
    assert world.effects == ["moved", "moved", *["lost"] * 19]
    winner = world.links[1].record.model.version
    assert world.models.aliases("wage")["champion"] == winner
    assert world.models.aliases("wage")["previous"] == "1"
    assert world.models.version_tags(world.links[1].record.model)[HEAD_TAG] == f"21:{world.links[-1].digest}"
    verified = run("verify", {"model": "wage", **world.where})
    assert verified.verdict.status is Status.PASS, verified.verdict.summary


@pytest.mark.parametrize("decide", ["promote", "rollback"])
def test_a_retry_that_finds_its_decision_looks_at_the_artifact_again(world, decide):
    world.champions_of_one_artifact(2)
    model = world.links[-1].record.model
    asked = {"run_key": "dag/run/task"}
    if decide == "promote":
        third = world.register(seed=5)
        evidence = world.evidence_for(third)
        world.promote(third, evidence, **asked)
        model, again = third, lambda: world.promote(third, evidence, **asked)
    else:
        model = world.rollback(**asked).model
        again = lambda: world.rollback(**asked)  # noqa: E731  # beside its sister above
    world.models.delete_alias("wage", "champion")  # as if the first try had died before it moved the alias
    world.artifact_file(model).write_bytes(b"something else")
    with pytest.raises(IntegrityError, match=f"models:/wage/{model.version} was changed"):
        again()
    assert "champion" not in world.models.aliases("wage")


class Together(PromoteJob):
    """A promotion that decides when all tries have found that nobody has decided yet."""

    tries = threading.Barrier(4)

    def _decide(self, *arguments):
        self.tries.wait(60)
        return super()._decide(*arguments)


def test_tries_of_one_request_at_once_are_one_decision(world):
    model = world.register()
    asked = {"model": model, "evidence": world.evidence_for(model), "run_key": "dag/run/promote", **world.where}
    with ThreadPoolExecutor(Together.tries.parties) as pool:
        outcomes = list(pool.map(lambda _: Together.from_spec(asked).run(), range(Together.tries.parties)))
    assert world.effects == ["moved"]
    assert {outcome.verdict.summary for outcome in outcomes} == {outcomes[0].verdict.summary}
    assert len({outcome.evidence_uri for outcome in outcomes}) == 1


def test_a_promotion_that_is_asked_for_again_later_says_what_is_in_force_now(world):
    first = world.register()
    evidence = world.evidence_for(first)
    then = world.promote(first, evidence, run_key="dag/run/promote")
    second = world.register(seed=9)
    world.promote(second)
    again = world.promote(first, evidence, run_key="dag/run/promote")
    assert world.effects == ["moved", "moved"]
    assert world.models.aliases("wage") == {"champion": "2", "previous": "1"}
    assert again.verdict.summary.startswith(f"on {world.links[0].record.created_at[:10]} (version 2 is in force now): ")
    assert again.verdict.summary.endswith("becomes the first champion")
    assert again == replace(then, verdict=replace(then.verdict, summary=again.verdict.summary))
