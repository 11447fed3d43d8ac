"""What was tampered with is refused by name when a model is loaded to be used, and moves no alias."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider.exceptions import IntegrityError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.specs import local_path


@pytest.fixture(params=["predict", "bias"])
def in_use(world, tmp_path, request):
    """Two champions, and a function that scores or slices a batch with the one in force."""
    world.champions_of_one_artifact(2)
    random = np.random.default_rng(1)
    batch = pd.DataFrame({name: random.normal(size=400) for name in ("exper", "hours")})
    batch.assign(high_wage=random.integers(0, 2, 400), group="a").to_parquet(tmp_path / "batch.parquet")
    more = {
        "predict": {"output_uri": str(tmp_path / "scores.parquet")},
        "bias": {"slices": ["hours"], "policy": {"min_gap": 1.0}},
    }[request.param]

    def score():
        spec = {"model": "models:/wage@champion", "dataset": str(tmp_path / "batch.parquet")}
        return run(request.param, {**spec, **more, **world.where})

    return world, score


def refused(world, score, name):
    with pytest.raises(IntegrityError, match=name):
        score()
    assert world.models.aliases("wage") == {"champion": "2", "previous": "1"}


def test_untouched_the_champion_is_used(in_use):
    _, score = in_use
    outcome = score()
    assert (outcome.verdict.status, outcome.model.version) == (Status.PASS, "2")


def test_a_tampered_artifact_is_refused(in_use):
    world, score = in_use
    world.artifact_file(world.links[-1].record.model).write_bytes(b"something else")
    refused(world, score, "models:/wage/2 was changed")


@pytest.mark.parametrize("number", [1, 2])
def test_an_edited_record_is_refused(in_use, number):
    world, score = in_use
    path = local_path(world.links[number - 1].uri)
    path.write_bytes(path.read_bytes().replace(b'"auto"', b'"approve"'))
    refused(world, score, path.name)


@pytest.mark.parametrize("number", [1, 2])
def test_a_removed_record_is_refused_also_the_last(in_use, number):
    world, score = in_use
    local_path(world.links[number - 1].uri).unlink()
    refused(world, score, f"{number} of wage")


def test_tampered_evidence_of_the_champion_is_refused(in_use):
    world, score = in_use
    path = local_path(next(uri for uri in world.links[1].record.evidence if "/bias/" in uri))
    path.write_bytes(path.read_bytes().replace(b"5000", b"5001"))
    refused(world, score, path.name)


def test_a_champion_whose_records_are_all_gone_is_refused(in_use):
    world, score = in_use
    for link in world.links:
        local_path(link.uri).unlink()
    refused(world, score, r"decision record [12] of wage is missing .* remembers it")


def test_an_alias_set_by_hand_before_any_decision_scores(world, tmp_path):
    model = world.register()
    world.models.set_alias("wage", "champion", model.version)
    pd.DataFrame({name: [0.1, 0.2] for name in ("exper", "hours")}).to_parquet(tmp_path / "batch.parquet")
    spec = {"dataset": str(tmp_path / "batch.parquet"), "output_uri": str(tmp_path / "scores.parquet")}
    assert run("predict", {"model": "models:/wage@champion", **spec, **world.where}).model.version == "1"
