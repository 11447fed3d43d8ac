"""Jobs elsewhere under a real Airflow: tasks wait in the triggerer, and what people do to them reaches the job."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest

from airflow_mlops_provider.tasks.run import run_key
from demo.services import Airflow
from deployment.servers import data_folder
from tests.services.cluster.servers import Cluster, wait_until
from tests.services.pod_task import PodTask
from tests.services.remote_task import RemoteTask
from tests.services.sagemaker import SageMaker, processes_of, running_sagemaker
from tests.services.sagemaker_task import IMAGE, ROLE, SageMakerTask, connection

DAGS = """
import json
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG

from airflow_mlops_provider.operators.training import TrainOperator
from airflow_mlops_provider.runners.setting import runner_from

for place, given in json.loads(Path(__file__).with_suffix(".json").read_text()).items():
    with DAG(place, schedule=None):
        for name, keys in given["tasks"].items():
            TrainOperator(
                task_id=name, runner=runner_from(json.dumps(given["runner"])), aws_conn_id=given["aws_conn_id"],
                deferrable=name.endswith("triggerer"), retries=5, retry_delay=timedelta(0), **keys,
            )
"""
pytestmark = pytest.mark.timeout(1500)  # starts an Airflow
IN_TRIGGERER = ("ends_in_triggerer", "marked_in_triggerer")
IN_WORKER = ("cleared_in_worker", "marked_in_worker", "shut_down_in_worker")
LONG_ENOUGH = 480.0


class Trainings(ABC):
    """One run of a Dag with a training for each test, all waiting at their gates.

    :param airflow: where it runs.
    :param tasks: each with its name.
    """

    place: str
    has_lines_meanwhile: bool
    """Whether the triggerer passes the job's lines on."""

    def __init__(self, airflow: Airflow, tasks: dict[str, RemoteTask]) -> None:
        self.airflow, self.tasks = airflow, tasks
        self.run_id = airflow.trigger(self.place)

    @abstractmethod
    def starts(self, label: str) -> int:
        """How many processes were started for the task whose jobs have this in their names."""

    @abstractmethod
    def process(self, label: str) -> int | None:
        """The process that was started last, if one was."""

    @abstractmethod
    def is_left(self, label: str) -> bool:
        """Whether the place still has a job for somebody to look at."""

    def label(self, name: str) -> str:
        origin = {"dag_id": self.place, "run_id": self.run_id, "task_id": name, "map_index": "-1"}
        return hashlib.sha256(run_key(origin).encode()).hexdigest()[:10]

    def instance(self, name: str) -> dict[str, Any]:
        found = self.airflow.tasks(self.place, self.run_id)
        return next(each for each in found if each["task_id"] == name)

    def state(self, name: str) -> object:
        return self.instance(name)["state"]

    def open_gate(self, name: str) -> None:
        self.tasks[name].gate.touch()

    def wait_at_gate(self, name: str, state: str) -> int:
        wait_until(lambda: self.state(name) == state, f"{name} {state}", seconds=LONG_ENOUGH)
        found: int = wait_until(lambda: self.process(self.label(name)), f"{name} to start", seconds=LONG_ENOUGH)
        return found

    def wait_for_end_of_place(self, name: str) -> None:
        wait_until(lambda: not self.is_left(self.label(name)), "the end of the job", seconds=LONG_ENOUGH)

    def mark_failed(self, name: str) -> None:
        path = f"/dags/{self.place}/dagRuns/{self.run_id}/taskInstances/{name}"
        self.airflow.api("PATCH", path, {"new_state": "failed"})

    def log(self, name: str) -> str:
        """Of all tries: a busy machine may have made Airflow begin one more."""
        run = Path(self.airflow.home) / "logs" / f"dag_id={self.place}" / f"run_id={self.run_id}"
        return "\n".join(path.read_text() for path in sorted((run / f"task_id={name}").rglob("*.log*")))


class InPods(Trainings):
    place = "pods"
    has_lines_meanwhile = True

    def __init__(self, cluster: Cluster, airflow: Airflow, tasks: dict[str, PodTask]) -> None:
        super().__init__(airflow, tasks)
        self.cluster, self.namespace = cluster, tasks["ends_in_triggerer"].namespace

    def starts(self, label: str) -> int:
        return len(self.cluster.starts(task=label))

    def process(self, label: str) -> int | None:
        return next((each["process"] for each in reversed(self.cluster.starts(task=label))), None)

    def is_left(self, label: str) -> bool:
        selector = f"airflow-mlops-provider/task={label}"
        return bool(self.cluster.core.list_namespaced_pod(self.namespace, label_selector=selector).items)


class OnSageMaker(Trainings):
    place = "sagemaker"
    has_lines_meanwhile = False

    def __init__(self, sagemaker: SageMaker, airflow: Airflow, tasks: dict[str, SageMakerTask]) -> None:
        super().__init__(airflow, tasks)
        self.sagemaker = sagemaker

    def starts(self, label: str) -> int:
        return len([name for name in self.sagemaker.started if label in name])

    def process(self, label: str) -> int | None:
        return next(iter(processes_of(label)), None)

    def is_left(self, label: str) -> bool:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        client = boto3.session.Session().client("sagemaker", endpoint_url=self.sagemaker.address, **keys)
        jobs = client.list_processing_jobs(NameContains=label)["ProcessingJobSummaries"]
        tags = {job["ProcessingJobArn"]: client.list_tags(ResourceArn=job["ProcessingJobArn"])["Tags"] for job in jobs}
        collected = {arn for arn, found in tags.items() if "airflow-mlops-provider:collected" in str(found)}
        open_jobs = [job for job in jobs if job["ProcessingJobArn"] not in collected]
        return any(job["ProcessingJobStatus"] != "Stopped" for job in open_jobs)


def dag_of(tasks: dict[str, RemoteTask], runner: dict[str, Any], aws_conn_id: str | None = None) -> dict[str, Any]:
    keys = {name: task.keys | {"evidence_root": task.evidence_root} for name, task in tasks.items()}
    return {"runner": runner, "aws_conn_id": aws_conn_id, "tasks": keys}


@pytest.fixture(scope="module")
def both(cluster: Cluster, files_mlflow: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Trainings]]:
    """A run in pods and one on SageMaker, in one Airflow."""
    home = tmp_path_factory.mktemp("airflow")
    with ExitStack() as started:
        sagemaker = started.enter_context(running_sagemaker(started.enter_context(data_folder("sagemaker"))))
        namespace, kubeconfig = cluster.make_namespace(), cluster.kubeconfig
        pods: dict[str, Any] = {
            name: PodTask(folder=home / "pods" / name, kubeconfig=kubeconfig, namespace=namespace)
            for name in (*IN_TRIGGERER, *IN_WORKER)
        }
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        boto3.session.Session().client("s3", endpoint_url=sagemaker.address, **keys).create_bucket(Bucket="company")
        jobs: dict[str, Any] = {
            name: SageMakerTask(folder=home / "jobs" / name, address=sagemaker.address, bucket="s3://company")
            for name in IN_TRIGGERER
        }
        in_pods = {"place": "kubernetes", "image": "mlops", "namespace": namespace, "conn_id": "cluster"}
        on_sagemaker = {"place": "sagemaker", "image": IMAGE, "role": ROLE, "aws_conn_id": "cloud"}
        dags = {
            "pods": dag_of(pods, in_pods | {"mounted": ["/"]}),
            "sagemaker": dag_of(jobs, on_sagemaker | {"python": sys.executable}, "cloud"),
        }
        airflow = airflow_with(home, dags, files_mlflow, kubeconfig, sagemaker)
        started.callback(airflow.stop)
        airflow.start()
        airflow.wait_for_dags(*dags)
        yield [InPods(cluster, airflow, pods), OnSageMaker(sagemaker, airflow, jobs)]


def airflow_with(home: Path, dags: Any, tracking_uri: str, kubeconfig: Any, sagemaker: SageMaker) -> Airflow:
    folder = home / "dags"
    folder.mkdir()
    (folder / "elsewhere.py").write_text(DAGS)
    (folder / "elsewhere.json").write_text(json.dumps(dags))
    bundle = {"name": "d", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle"}
    to_cluster = {"conn_type": "kubernetes", "extra": {"kube_config": json.dumps(kubeconfig)}}
    extra = {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([{**bundle, "kwargs": {"path": str(folder)}}]),
        "AIRFLOW_CONN_CLUSTER": json.dumps(to_cluster),
        "AIRFLOW_CONN_CLOUD": json.dumps(connection(sagemaker.address)),
        "AIRFLOW__MLOPS__TRACKING_URI": tracking_uri,
        "AIRFLOW__CORE__PARALLELISM": "8",
    }
    return Airflow(home, extra=extra)


@pytest.fixture
def in_pods(both: list[Trainings]) -> Trainings:
    return both[0]


@pytest.fixture(params=[0, 1], ids=["pods", "sagemaker"])
def trainings(both: list[Trainings], request: pytest.FixtureRequest) -> Trainings:
    return both[request.param]


def is_gone(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def test_a_task_waits_in_the_triggerer_and_goes_on_when_its_job_has_ended(trainings):
    name = "ends_in_triggerer"
    trainings.wait_at_gate(name, "deferred")
    if trainings.has_lines_meanwhile:
        wait_until(lambda: "at the gate" in trainings.log(name), "the line of the triggerer", seconds=LONG_ENOUGH)
        assert trainings.state(name) == "deferred"
    trainings.open_gate(name)
    wait_until(lambda: trainings.state(name) == "success", "success", seconds=LONG_ENOUGH)
    assert trainings.airflow.xcom(trainings.place, trainings.run_id, name)["kind"] == "training"
    assert trainings.starts(trainings.label(name)) == 1
    assert trainings.instance(name)["try_number"] == 1
    assert trainings.log(name).count("at the gate") == 2  # once for each fit: no line comes again after the wait
    trainings.wait_for_end_of_place(name)


def test_a_task_that_somebody_marks_while_it_waits_in_the_triggerer_takes_its_job_along(trainings):
    name = "marked_in_triggerer"
    process = trainings.wait_at_gate(name, "deferred")
    trainings.mark_failed(name)
    wait_until(lambda: is_gone(process), "the end of the process", seconds=LONG_ENOUGH)
    trainings.wait_for_end_of_place(name)


def test_a_task_that_somebody_marks_takes_its_pod_along(in_pods):
    name = "marked_in_worker"
    process = in_pods.wait_at_gate(name, "running")
    in_pods.mark_failed(name)
    wait_until(lambda: is_gone(process), "the end of the process", seconds=LONG_ENOUGH)
    in_pods.wait_for_end_of_place(name)


def test_a_task_that_somebody_clears_ends_its_pod_and_runs_anew(in_pods):
    name = "cleared_in_worker"
    process = in_pods.wait_at_gate(name, "running")
    body = {"dry_run": False, "task_ids": [name], "dag_run_id": in_pods.run_id, "only_failed": False}
    in_pods.airflow.api("POST", "/dags/pods/clearTaskInstances", body)
    wait_until(lambda: is_gone(process), "the end of the process", seconds=LONG_ENOUGH)
    in_pods.open_gate(name)
    wait_until(lambda: in_pods.state(name) == "success", "success", seconds=LONG_ENOUGH)
    assert in_pods.starts(in_pods.label(name)) == 2


def test_a_worker_that_shuts_down_leaves_its_pod_to_the_retry(in_pods):
    name = "shut_down_in_worker"
    process = in_pods.wait_at_gate(name, "running")
    wait_until(lambda: "at the gate" in in_pods.log(name), "the worker that follows the job", seconds=LONG_ENOUGH)
    before = in_pods.instance(name)
    os.kill(process_titled(f"airflow worker -- {before['id']}"), signal.SIGTERM)
    wait_until(lambda: in_pods.instance(name)["try_number"] > before["try_number"], "a retry", seconds=LONG_ENOUGH)
    assert not is_gone(process)
    assert "only its worker shuts down" in in_pods.log(name)
    in_pods.open_gate(name)
    wait_until(lambda: in_pods.state(name) == "success", "success", seconds=LONG_ENOUGH)
    assert in_pods.starts(in_pods.label(name)) == 1


def process_titled(title: str) -> int:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().decode(errors="replace").startswith(title):
                return int(path.parent.name)
        except OSError:
            continue
    raise AssertionError(f"no process is called {title!r}")
