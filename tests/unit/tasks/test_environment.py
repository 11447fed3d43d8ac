from __future__ import annotations

from airflow_mlops_provider.tasks.environment import tracking_environment


def test_models_whose_pickles_may_be_opened_are_named_in_airflows_configuration(monkeypatch):
    assert "MLOPS_TRUSTED_PICKLES" not in tracking_environment("mlflow_default")
    monkeypatch.setenv("AIRFLOW__MLOPS__TRUSTED_PICKLES", "legacy, older")
    assert tracking_environment("mlflow_default")["MLOPS_TRUSTED_PICKLES"] == "legacy, older"
