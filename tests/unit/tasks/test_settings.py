"""What the configuration says: which roots the MLOps page reads, and where its pages open."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.airflow_versions import OPENS_PAGES_IN_FRAME
from airflow_mlops_provider.tasks.settings import evidence_roots, evidence_url, is_shown


@pytest.fixture(autouse=True)
def roots(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__MLOPS__EVIDENCE_ROOT", str(tmp_path))
    monkeypatch.setenv("AIRFLOW__MLOPS__EVIDENCE_ROOTS", " s3://team-a/mlops/,\n/srv/b,, /srv/b")


def test_the_page_reads_the_root_of_the_deployment_and_those_that_are_declared(tmp_path):
    assert evidence_roots() == (str(tmp_path), "s3://team-a/mlops/", "/srv/b")


@pytest.mark.parametrize("root", ["{main}", "s3://team-a/mlops", "/srv/b/", "file:///srv/b"])
def test_a_root_is_known_however_it_is_written(root, tmp_path):
    assert is_shown(root.format(main=tmp_path))


@pytest.mark.parametrize("root", ["/srv", "/srv/b/below", "s3://team-a/mlops2", "gs://team-a/mlops"])
def test_no_other_root_is(root):
    assert not is_shown(root)


@pytest.mark.skipif(not OPENS_PAGES_IN_FRAME, reason="this Airflow opens the first page of a view alone")
@pytest.mark.parametrize(
    ("base", "address"),
    [
        ("http://airflow.example", "http://airflow.example/plugin/mlops/mlops/evidence?uri="),
        ("http://x.example/airflow/", "http://x.example/airflow/plugin/mlops/airflow/mlops/evidence?uri="),
    ],
)
def test_a_page_opens_in_the_frame_of_airflow(base, address, monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base)
    assert evidence_url("file:///srv/b/drift/x.json") == f"{address}file%3A%2F%2F%2Fsrv%2Fb%2Fdrift%2Fx.json"
