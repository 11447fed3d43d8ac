"""The class of each job."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.job_classes import JOBS, job_class
from airflow_mlops_provider.records.requests import request_type


@pytest.mark.parametrize("name", JOBS)
def test_the_class_of_a_job_reads_the_keys_of_that_job(name: str) -> None:
    assert issubclass(job_class(name), request_type(name))
    assert job_class(name).job == name


def test_an_unknown_job_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInputError, match="unknown job 'vaildate'; jobs are ingest, validate, "):
        job_class("vaildate")
