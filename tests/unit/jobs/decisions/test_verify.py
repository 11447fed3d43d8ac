from __future__ import annotations

import json
import re
import shutil

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.codec import canonical_json, sha256
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.specs import local_path


def verify(world, **keys):
    return run("verify", {**({} if "evidence" in keys else {"model": "wage"}), **world.where, **keys})


def failures(outcome):
    return [(f.subject, f.measure) for f in outcome.verdict.of_status(Status.FAIL)]


def record_path(world, number):
    return local_path(world.links[number - 1].uri)


def test_untouched_decisions_hold(decided):
    outcome = verify(decided)
    assert outcome.kind is Kind.VERIFICATION
    assert outcome.verdict.status is Status.PASS, outcome.verdict.summary
    assert "4 decision records and 12 pieces of evidence of wage hold" in outcome.verdict.summary


def test_an_edited_record_is_named(decided):
    path = record_path(decided, 2)
    path.write_bytes(path.read_bytes().replace(b'"mode":"auto"', b'"mode":"suggest"'))
    found = failures(verify(decided))
    assert any("2 (" in subject and measure == "record_edited" for subject, measure in found)


def test_an_edited_last_record_is_named_through_the_tag_of_the_version(decided):
    path = record_path(decided, 4)
    path.write_bytes(path.read_bytes().replace(b"nonsense", b"sense"))
    ((subject, measure),) = failures(verify(decided))
    assert (measure, path.name in subject) == ("record_edited", True)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_removed_record_is_named(decided, number):
    record_path(decided, number).unlink()
    found = failures(verify(decided))
    assert any(subject == f"{number} of wage" and measure == "record_missing" for subject, measure in found)


def test_a_removed_last_record_is_named_through_the_tag_of_the_version(decided):
    record_path(decided, 4).unlink()
    assert ("4 of wage", "record_missing") in failures(verify(decided))


def test_a_chain_that_is_gone_as_a_whole_is_noticed(decided):
    shutil.rmtree(record_path(decided, 1).parent)
    assert ("4 of wage", "record_missing") in failures(verify(decided))


def test_reordered_records_are_named(decided):
    one, two = record_path(decided, 1), record_path(decided, 2)
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    misplaced = [subject for subject, measure in failures(verify(decided)) if measure == "record_misplaced"]
    assert [subject[0] for subject in misplaced] == ["1", "2"]


def test_a_record_that_is_no_json_is_named(decided):
    record_path(decided, 2).write_bytes(b"{")
    assert any(
        measure == "record_unreadable" and "00000002" in subject for subject, measure in failures(verify(decided))
    )


def test_edited_evidence_is_named(decided):
    uri = next(uri for uri in decided.links[1].record.evidence if "/bias/" in uri)
    path = local_path(uri)
    path.write_bytes(path.read_bytes().replace(b"5000", b"5001"))
    found = failures(verify(decided))
    assert (uri, "evidence_unchanged") in found
    assert ("record 2", "evidence_as_recorded") in found


def test_evidence_that_is_gone_is_named(decided):
    uri = next(iter(decided.links[0].record.evidence))
    local_path(uri).unlink()
    assert (uri, "evidence_unchanged") in failures(verify(decided))


def test_a_verdict_that_its_numbers_do_not_give_is_named_even_under_a_fresh_hash(decided):
    uri = decided.evaluate(decided.links[0].record.model, champion=None)
    path = local_path(uri)
    body = json.loads(path.read_bytes())
    body["report"]["against_dummy"]["bounds"] = [{"alpha": 0.05, "lower": -0.1, "upper": 0.1}]
    data = canonical_json(body)
    forged = path.with_name(re.sub(r"[0-9a-f]{64}", sha256(data).removeprefix("sha256:"), path.name))
    forged.write_bytes(data)
    outcome = verify(decided, evidence=forged.as_uri())
    assert failures(outcome) == [(forged.as_uri(), "verdict_recomputed")]


def test_an_alias_is_named_when_no_record_moved_it_and_not_called_tampering_when_it_lags_behind(world):
    world.champions(2)
    world.models.set_alias("wage", "champion", "1")
    assert verify(world).verdict.status is Status.INSUFFICIENT_EVIDENCE
    world.models.set_alias("wage", "champion", world.register(seed=11).version)
    assert failures(verify(world)) == [("alias champion", "alias_follows_record")]


def test_a_tampered_artifact_of_the_champion_is_named(decided):
    decided.artifact_file(decided.links[-1].record.model).write_bytes(b"something else")
    assert failures(verify(decided)) == [("artifact of version 2", "artifact_unchanged")]


def test_a_tampered_artifact_of_the_version_before_the_champion_is_named(decided):
    decided.artifact_file(decided.links[0].record.model).write_bytes(b"something else")
    assert failures(verify(decided)) == [("artifact of version 1", "artifact_unchanged")]


@pytest.mark.parametrize("subject", ["model", "evidence"])
@pytest.mark.parametrize("what", ["changed", "gone"])
def test_a_tampered_attachment_is_named(world, subject, what):
    model = world.register()
    evidence = world.evidence_for(model)
    chart = world.store.attach_hashed("bias/attachments/slices.html", b"<p>worse</p>")
    evidence[2] = world.write(Kind.BIAS, model=model, dataset=world.held_out, attachments={"slices.html": chart})
    world.promote(model, evidence)
    asked = {"evidence": evidence[2]} if subject == "evidence" else {}
    assert verify(world, **asked).verdict.status is Status.PASS
    if what == "changed":
        local_path(chart).write_bytes(b"<p>fair</p>")
    else:
        local_path(chart).unlink()
    assert failures(verify(world, **asked)) == [(chart, "attachment_unchanged")]


@pytest.mark.parametrize("name", ["nope.json", f"nope-{'0' * 64}.json"])
def test_evidence_that_the_caller_names_must_be_there(world, name):
    with pytest.raises(BadInputError, match=f"{name} does not exist"):
        verify(world, evidence=f"file://{world.root}/bias/{name}")


def test_without_a_registry_the_rest_is_checked_and_the_gap_is_said(decided, tmp_path):
    outcome = verify(decided, tracking_uri=f"sqlite:///{tmp_path}/elsewhere.db")
    assert outcome.verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert "a removed last record would go unseen" in outcome.verdict.findings[0].detail
    assert not (tmp_path / "elsewhere.db").exists()


def test_a_copy_of_the_evidence_root_is_verified_by_itself(decided, tmp_path):
    copy = tmp_path / "audit"
    shutil.copytree(decided.root, copy)
    path = copy / "bias" / local_path(next(uri for uri in decided.links[0].record.evidence if "/bias/" in uri)).name
    path.write_bytes(path.read_bytes().replace(b"5000", b"5001"))
    outcome = run(
        "verify", {"model": "wage", "evidence_root": str(copy), "tracking_uri": f"sqlite:///{tmp_path}/none.db"}
    )
    assert (path.as_uri(), "evidence_unchanged") in failures(outcome)
    assert verify(decided).verdict.status is Status.PASS


def test_a_model_without_decisions_is_a_bad_name(world):
    with pytest.raises(BadInputError, match="no decision about model 'wage' is recorded"):
        verify(world)
