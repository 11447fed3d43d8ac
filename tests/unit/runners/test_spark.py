"""What a Spark runner refuses without any Spark; what it runs is in the services tier."""

from __future__ import annotations

import json

import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.runners.runner import Runner
from airflow_mlops_provider.runners.setting import runner_from
from airflow_mlops_provider.runners.spark import SparkRunner

RULE = {"type": "expect_column_to_exist", "kwargs": {"column": "id"}}
SPEC = {"dataset": "spark:orders", "suite": {"name": "o", "expectations": [RULE]}}


def test_it_is_made_from_a_setting():
    runner: Runner | None = runner_from(json.dumps({"place": "spark", "remote": "sc://host:15002", "partitions": 8}))
    assert isinstance(runner, SparkRunner)
    assert (runner.remote, runner.partitions) == ("sc://host:15002", 8)


@pytest.mark.parametrize("job", ["train", "drift", "ingest"])
def test_a_job_whose_numbers_do_not_add_up_is_refused(job):
    with pytest.raises(BadInputError, match=f"runs validate and profile, and not {job}"):
        SparkRunner(master="local[1]").submit(job, {}, environment={})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"master": "local[1]", "remote": "sc://host"}, "give one of 'master', 'remote' and 'conn_id'"),
        ({"partitions": 0}, "'partitions' is 0"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(arguments, said):
    with pytest.raises(BadInputError, match=said):
        SparkRunner(**arguments)


def test_without_the_extra_the_error_names_it(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "pyspark", None)
    spec = {**SPEC, "evidence_root": str(tmp_path)}
    handle = SparkRunner(master="local[1]").submit("validate", spec, environment={})
    with pytest.raises(BackendError, match=r"pip install 'airflow-mlops-provider\[spark\]'"):
        handle.collect()


def test_without_the_runner_the_error_says_what_to_give(tmp_path):
    with pytest.raises(BadInputError, match="lies in Spark: validate and profile it there with a SparkRunner"):
        run("validate", {**SPEC, "evidence_root": str(tmp_path)})
