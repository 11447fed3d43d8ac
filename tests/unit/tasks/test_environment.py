"""Which Connection and configuration reach a job, and the stores that a task reads."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.stores.aws_access import s3_filesystem
from airflow_mlops_provider.tasks.environment import aws_variables, default_s3_access, s3_access, tracking_environment
from tests.unit.aws_connection import only_by_connection


def test_models_whose_pickles_may_be_opened_are_named_in_airflows_configuration(monkeypatch):
    assert "MLOPS_TRUSTED_PICKLES" not in tracking_environment("mlflow_default")
    monkeypatch.setenv("AIRFLOW__MLOPS__TRUSTED_PICKLES", "legacy, older")
    assert tracking_environment("mlflow_default")["MLOPS_TRUSTED_PICKLES"] == "legacy, older"


def test_no_connection_is_read_unless_one_is_named(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", "aws://id:secret@")
    assert aws_variables() == {}


def test_an_operators_connection_wins_over_the_configured_one(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ALL", "aws://all:secret@")
    monkeypatch.setenv("AIRFLOW_CONN_ONE", "aws://one:secret@")
    monkeypatch.setenv("AIRFLOW__MLOPS__AWS_CONN_ID", "all")
    assert aws_variables()["AWS_ACCESS_KEY_ID"] == "all"
    assert aws_variables("one")["AWS_ACCESS_KEY_ID"] == "one"


def test_a_configured_connection_that_is_not_there_is_a_failed_backend(monkeypatch):
    monkeypatch.setenv("AIRFLOW__MLOPS__AWS_CONN_ID", "nobody")
    with pytest.raises(BackendError, match="connection 'nobody'"), default_s3_access():
        pass


def test_what_runs_within_a_task_keeps_the_access_of_its_operator(s3_address, monkeypatch):
    connected = only_by_connection(s3_address, monkeypatch)
    monkeypatch.setenv("AIRFLOW__MLOPS__AWS_CONN_ID", "nobody")
    with s3_access(connected.conn_id), default_s3_access():
        assert s3_filesystem(keeps_listings=False).exists(connected.bucket)
