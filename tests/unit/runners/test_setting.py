"""One setting says where the jobs of a Dag run."""

from __future__ import annotations

import json

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.runners.external_python import ExternalPythonRunner
from airflow_mlops_provider.runners.in_process import InProcessRunner
from airflow_mlops_provider.runners.kubernetes import KubernetesRunner
from airflow_mlops_provider.runners.sagemaker import SageMakerRunner
from airflow_mlops_provider.runners.setting import runner_from


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        ("in_process", InProcessRunner),
        ({"place": "external_python", "python": "/venv/bin/python"}, ExternalPythonRunner),
        ({"place": "kubernetes", "image": "mlops:1", "namespace": "jobs"}, KubernetesRunner),
        ({"place": "sagemaker", "image": "mlops:1", "role": "mlops-jobs"}, SageMakerRunner),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_place_is_named_with_the_arguments_of_its_runner(setting, kind):
    assert type(runner_from(setting if isinstance(setting, str) else json.dumps(setting))) is kind


def test_an_empty_setting_is_the_tasks_own_process():
    assert runner_from(" ") is None


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("moon", "unknown place 'moon'; places are in_process, external_python, kubernetes, sagemaker, spark"),
        ('{"place": "kubernetes"}', "KubernetesRunner: missing a required argument: 'image'"),
        ('{"place": "kubernetes", "image": "a", "imgae": "b"}', "KubernetesRunner: got an unexpected keyword argument"),
        ('{"image": "a"}', "key 'place' is missing"),
        ('{"place": ', "is not JSON"),
    ],
)
def test_a_setting_that_means_nothing_is_refused_by_what_is_wrong(setting, said):
    with pytest.raises(BadInputError, match=said):
        runner_from(setting)
