"""A registry that says otherwise than the decision record: versions that are lost, reused numbers, moved aliases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError, LostVersionError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import read_evidence
from tests.builders.world import World

ALLOWED = {"allow_unasked_champion": True}
ONLY_EVALUATED = {"required": ["evaluation"]}


@pytest.fixture
def batch(tmp_path: Path) -> str:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({name: random.normal(size=3000) for name in ("exper", "hours")})
    frame["high_wage"] = (frame.exper + random.normal(size=3000) > 0).astype(int)
    frame.to_parquet(tmp_path / "batch.parquet")
    return str(tmp_path / "batch.parquet")


@pytest.fixture
def predict(world: World, batch: str, tmp_path: Path):
    def score() -> Outcome:
        spec = {"model": "models:/wage@champion", "dataset": batch, "output_uri": str(tmp_path / "scores.parquet")}
        return run("predict", {**spec, **world.where})

    return score


@pytest.fixture
def evaluate(world: World, batch: str):
    def judge(model: ModelRef, **keys: object) -> Outcome:
        return run("evaluate", {"model": model, "dataset": batch, **world.where, **keys})

    return judge


def _registered_anew(world: World) -> tuple[ModelRef, ModelRef]:
    """The champion by the record, and the version that has its number since the model was deleted from the registry."""
    (champion,) = world.champions(1)
    world.models._client.delete_registered_model("wage")
    other = world.register(seed=7)
    assert other.version == champion.version
    return champion, other


def test_a_version_under_the_number_of_the_champion_does_not_become_champion(world, predict):
    champion, other = _registered_anew(world)
    with pytest.raises(IntegrityError, match=rf"version 1 of wage.* digest {other.digest}, not {champion.digest}"):
        predict()
    assert "champion" not in world.models.aliases("wage")


def test_a_version_under_the_number_of_the_one_before_is_no_version_to_go_back_to(world, predict):
    first, second = world.champions(2)
    world.models._client.delete_model_version("wage", first.version)
    assert predict().model == second
    assert world.models.aliases("wage") == {"champion": "2"}
    with pytest.raises(IntegrityError):
        world.models.version_tags(ModelRef(name="wage", version="2", digest=first.digest))


@pytest.mark.parametrize("loss", ["number reused", "version deleted", "artifact gone"])
def test_a_candidate_is_judged_against_the_dummy_when_the_champion_is_lost(world, evaluate, predict, loss):
    if loss == "number reused":
        champion, candidate = _registered_anew(world)
    else:
        (champion,) = world.champions(1)
        candidate = world.register(seed=7)
        if loss == "version deleted":
            world.models._client.delete_model_version("wage", champion.version)
        else:
            for path in world.artifact_file(champion).parent.iterdir():
                path.unlink()
    found = evaluate(candidate)
    assert found.verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert found.verdict.summary == "not enough evidence: the champion could not be asked"
    assert "the champion could not be asked:" in found.verdict.findings[0].detail
    assert found.verdict.findings[0].detail.endswith("judged against the dummy alone")
    stays = world.promote(candidate, [found], policy=ONLY_EVALUATED)
    assert (stays.verdict.status, world.effects[-1]) == (Status.INSUFFICIENT_EVIDENCE, "stays")

    allowed = evaluate(candidate, policy=ALLOWED)
    assert allowed.verdict.status is Status.NOTICE
    moved = world.promote(candidate, [allowed], policy=ONLY_EVALUATED | ALLOWED)
    assert "though the champion could not be asked" in moved.verdict.summary
    assert world.links[-1].record.champion == champion
    assert predict().model == candidate


def test_a_promotion_that_does_not_allow_it_is_not_moved_by_an_evaluation_that_did(world, evaluate):
    _, candidate = _registered_anew(world)
    allowed = evaluate(candidate, policy=ALLOWED)
    assert world.promote(candidate, [allowed], policy=ONLY_EVALUATED).verdict.status is Status.INSUFFICIENT_EVIDENCE


@pytest.mark.parametrize("job", ["predict", "evaluate"])
def test_an_alias_that_was_moved_by_hand_is_told_once_and_follows_the_record(world, predict, evaluate, job):
    first, second = world.champions(2)
    world.models.set_alias("wage", "champion", first.version)
    ask = predict if job == "predict" else lambda: evaluate(second)
    verdict = ask().verdict
    assert verdict.status is Status.NOTICE
    told = "alias 'champion' pointed at version 1 by hand, not by a decision; it points at version 2 again"
    assert [f.detail[: len(told)] for f in verdict.findings if f.measure == "aliases_follow_record"] == [told]
    assert world.models.aliases("wage")["champion"] == "2"
    assert ask().verdict.status is Status.PASS


def test_an_alias_that_a_decision_had_no_time_to_move_is_not_called_moved_by_hand(world, predict, monkeypatch):
    world.champions(1)
    second = world.register(seed=2)
    with monkeypatch.context() as patched:
        patched.setattr("airflow_mlops_provider.jobs.decisions.promote.repair_aliases", lambda *_: ())
        world.promote(second)
    assert world.models.aliases("wage")["champion"] == "1"
    outcome = predict()
    assert (outcome.model, outcome.verdict.status) == (second, Status.PASS)


def test_an_alias_without_a_version_of_the_record_says_which_is_lost(world, predict):
    (champion,) = world.champions(1)
    world.models._client.delete_model_version("wage", champion.version)
    with pytest.raises(
        LostVersionError, match="version 1 of wage, in force by the record, is lost: there is no version"
    ):
        predict()


def test_a_candidate_whose_run_is_deleted_is_evaluated_and_the_evidence_says_what_mlflow_does_not_show(world, evaluate):
    candidate = world.register()
    world.models._client.delete_run(candidate.run_id)
    outcome = evaluate(candidate)
    assert outcome.verdict.status is Status.PASS
    (note,) = read_evidence(outcome.evidence_uri).report["notes"]
    assert note.startswith("MLflow does not show these metrics: models:/wage/1: its tracking run")
    assert len(list((Path(world.root) / "evaluation").rglob("*.json"))) == 1


def test_a_card_of_a_version_whose_run_is_deleted_is_refused_before_evidence_is_written(world):
    candidate = world.register()
    world.models._client.delete_run(candidate.run_id)
    with pytest.raises(BadInputError, match=r"its tracking run .* is deleted; restore it in MLflow"):
        run("card", {"model": candidate, "evidence": [], **world.where})
    assert not (Path(world.root) / "model_card").exists()
