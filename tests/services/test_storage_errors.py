"""S3 that does not answer, refuses, or lacks what is asked for: one line that names it, whoever asks for what."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests

from airflow_mlops_provider.stores.models.connection import connect
from demo.services import free_port
from deployment.servers import inherited, running_moto
from tests.contract.conftest import MODEL, TRAINER
from tests.services.conftest import make_bucket

RULE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "hours", "min_value": 0}}
SUITE = {"name": "hours", "expectations": [RULE]}

RUN_ALL = """
import contextlib, io, json, sys
from airflow_mlops_provider.jobs.__main__ import main
told = {}
for title, (name, file) in json.load(open(sys.argv[1])).items():
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        status = main([name, file])
    told[title] = [status, said.getvalue().splitlines()]
print(json.dumps(told))
"""


@dataclass(frozen=True)
class Site:
    """A folder with data and a declared model, and the same data, with the artifacts of its versions, on S3.

    :param folder: on this machine.
    :param bucket: ``s3://NAME``.
    :param environment: by which the S3 is reached.
    """

    folder: Path
    bucket: str
    environment: dict[str, str]

    @property
    def tracking_uri(self) -> str:
        return f"sqlite:///{self.folder}/mlflow.db"

    def told(self, jobs: dict[str, tuple[str, dict[str, Any]]], **environment: str | None) -> dict[str, Any]:
        """Exit status and lines of standard error of every job, run where the environment differs."""
        files = {}
        for number, (title, (name, spec)) in enumerate(jobs.items()):
            file = self.folder / f"spec{number}.json"
            file.write_text(json.dumps({"evidence_root": str(self.folder / "mlops"), **spec}))
            files[title] = (name, str(file))
        (self.folder / "jobs.json").write_text(json.dumps(files))
        given = {**self.environment, "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1", **environment}
        settings = inherited(**{name: value for name, value in given.items() if value is not None})
        command = [sys.executable, "-c", RUN_ALL, str(self.folder / "jobs.json")]
        made = subprocess.run(command, env=settings, cwd=self.folder, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        return json.loads(made.stdout.splitlines()[-1])


def made_site(aws: dict[str, str], folder: Path) -> Site:
    """A site with a trained version whose artifact lies on S3."""
    bucket = make_bucket()
    random = np.random.default_rng(7)
    frame = pd.DataFrame({"person": np.arange(400), "black": random.integers(0, 2, 400)})
    frame = frame.assign(exper=random.normal(8, 3, 400), hours=random.normal(2000, 300, 400))
    frame["high"] = (frame.exper + frame.hours / 300 > 14.5).astype(int)
    for place in (folder, f"{bucket}/data"):
        frame.to_parquet(f"{place}/batch.parquet", index=False)
    (folder / "quick.py").write_text(TRAINER)
    (folder / "wage.yaml").write_text(MODEL)
    made = Site(folder, bucket, aws)
    connect(made.tracking_uri).create_experiment("wage", artifact_location=f"{bucket}/artifacts")
    assert made.told({"train": training(made)})["train"] == [0, []]
    return made


@pytest.fixture(scope="module")
def site(aws: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site that stays as it is."""
    return made_site(aws, tmp_path_factory.mktemp("site"))


def training(site: Site, depth: int = 2) -> tuple[str, dict[str, Any]]:
    keys = {"model": str(site.folder / "wage.yaml"), "dataset": str(site.folder / "batch.parquet")}
    return "train", {**keys, "tracking_uri": site.tracking_uri, "trainer_params": {"depth": depth}}


def of_artifacts(site: Site) -> dict[str, tuple[str, dict[str, Any]]]:
    """Jobs that read the artifact of a version."""
    keys = {"model": "models:/wage/1", "tracking_uri": site.tracking_uri, "dataset": str(site.folder / "batch.parquet")}
    return {
        "evaluate": ("evaluate", keys),
        "slices": ("bias", {**keys, "slices": ["black"]}),
        "score": ("predict", {**keys, "output_uri": str(site.folder / "scored.parquet")}),
        "reproduce": ("reproduce", {"model": "models:/wage/1", "tracking_uri": site.tracking_uri}),
    }


def of_data(site: Site) -> dict[str, tuple[str, dict[str, Any]]]:
    """Jobs that read data and rules on S3."""
    there, here = f"{site.bucket}/data/batch.parquet", str(site.folder / "batch.parquet")
    drift = {"html_report": "never"}
    return {
        "validate": ("validate", {"dataset": there, "suite": SUITE}),
        "suite": ("validate", {"dataset": here, "suite": f"{site.bucket}/suite.json"}),
        "reference": ("drift", {"reference": there, "current": here, **drift}),
        "profile": ("drift", {"reference": f"{site.bucket}/data/batch.profile", "current": here, **drift}),
        "train": ("train", {**training(site)[1], "dataset": there}),
    }


def of_outputs(site: Site) -> dict[str, tuple[str, dict[str, Any]]]:
    """Jobs that write to S3: outputs, profiles, evidence and the decision record."""
    here = str(site.folder / "batch.parquet")
    root = {"evidence_root": f"{site.bucket}/mlops"}
    return {
        "clean": ("validate", {"dataset": here, "suite": SUITE, "clean_uri": f"{site.bucket}/out/clean.parquet"}),
        "made profile": ("profile", {"dataset": here, "output_uri": f"{site.bucket}/out/batch.profile"}),
        "evidence": ("validate", {"dataset": here, "suite": SUITE, **root}),
        "rollback": ("rollback", {"model": "wage", "reason": "x", "tracking_uri": site.tracking_uri, **root}),
        "verify": ("verify", {"model": "wage", "tracking_uri": site.tracking_uri, **root}),
    }


def one_line_each(told: dict[str, Any], *, status: int) -> None:
    for title, (found, lines) in told.items():
        assert (found, len(lines)) == (status, 1), (title, found, lines[-3:])


def test_without_credentials_every_job_is_a_failed_backend_in_one_line(site):
    jobs = {**of_artifacts(site), **of_data(site), **of_outputs(site), "train anew": training(site, 3)}
    told = site.told(jobs, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    one_line_each(told, status=1)
    assert all("Unable to locate credentials" in lines[0] for _, lines in told.values())


def test_where_nothing_answers_every_job_is_a_failed_backend_in_one_line(site):
    nowhere = f"http://127.0.0.1:{free_port(0)}"
    jobs = {
        name: (of_artifacts(site) | of_data(site) | of_outputs(site))[name] for name in ("score", "profile", "clean")
    }
    told = site.told(jobs | {"train anew": training(site, 3)}, AWS_ENDPOINT_URL=nowhere)
    one_line_each(told, status=1)
    assert all("Could not connect to the endpoint" in lines[0] for _, lines in told.values())


@pytest.fixture
def closed_site(site: Site) -> Iterator[Site]:
    """The same, at an S3 that knows none of the keys it is shown."""
    with running_moto() as address:
        requests.post(f"{address}/moto-api/reset-auth", data="0", timeout=10)
        yield Site(site.folder, site.bucket, {**site.environment, "AWS_ENDPOINT_URL": address})


def test_where_access_is_refused_every_job_is_a_failed_backend_in_one_line(closed_site):
    jobs = {**of_artifacts(closed_site), **of_data(closed_site), **of_outputs(closed_site)}
    one_line_each(closed_site.told(jobs | {"train anew": training(closed_site, 3)}), status=1)


def test_data_and_rules_that_are_not_there_are_bad_input(site):
    jobs = of_data(Site(site.folder, "s3://no-such-bucket", site.environment)) | {
        f"{title}, no key": job
        for title, job in of_data(Site(site.folder, f"{site.bucket}/nowhere", site.environment)).items()
    }
    told = site.told(jobs)
    one_line_each(told, status=2)
    assert all("s3://" in lines[0] and "no such file" in lines[0] for _, lines in told.values())


def test_a_bucket_with_a_misspelt_name_is_not_made_for_an_output(site):
    jobs = of_outputs(Site(site.folder, "s3://no-such-bucket", site.environment))
    told = site.told({name: jobs[name] for name in ("clean", "made profile", "evidence")})
    one_line_each(told, status=1)
    named = ("bucket does not exist", "there is no bucket no-such-bucket")
    assert [lines[0] for _, lines in told.values() if not any(words in lines[0] for words in named)] == []


def test_a_version_whose_artifact_is_gone_is_lost_by_name(aws, tmp_path):
    import s3fs

    site = made_site(aws, tmp_path)
    for gone in (f"{site.bucket}/artifacts", site.bucket):
        s3fs.S3FileSystem(use_listings_cache=False).rm(gone, recursive=True)
        told = site.told(of_artifacts(site))
        one_line_each(told, status=2)
        assert all("its artifact is gone from s3://" in lines[0] for _, lines in told.values())
