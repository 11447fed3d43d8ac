"""Pods under a real Airflow: a task waits in the triggerer, and what people and shutdowns do to it reaches its pod."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.services import Airflow
from tests.services.cluster.servers import Cluster, wait_until
from tests.services.cluster.worker import Task

DAGS = """
from datetime import timedelta

from airflow.sdk import DAG

from airflow_mlops_provider.operators.training import TrainOperator
from airflow_mlops_provider.runners.kubernetes import KubernetesRunner

RUNNER = KubernetesRunner(image="mlops", namespace="{namespace}", conn_id="cluster", mounted=["/"])
KEYS = dict(runner=RUNNER, retries=5, retry_delay=timedelta(0))

with DAG("pods", schedule=None):
    for name in {names}:
        folder = "{folder}/" + name
        TrainOperator(
            task_id=name, model=f"{{folder}}/gated.yaml", dataset=f"{{folder}}/rows.csv",
            evidence_root=f"{{folder}}/mlops", deferrable=name.endswith("triggerer"), **KEYS,
        )
"""
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1500)]  # starts an Airflow
NAMES = ("ends_in_triggerer", "marked_in_triggerer", "cleared_in_worker", "marked_in_worker", "shut_down_in_worker")
LONG_ENOUGH = 480.0


class Trainings:
    """One run of a Dag with a training for each test, all waiting at their gates."""

    def __init__(self, airflow: Airflow, cluster: Cluster, folder: Path, namespace: str) -> None:
        self.airflow, self.cluster, self.folder, self.namespace = airflow, cluster, folder, namespace
        self.run_id = airflow.trigger("pods")

    def instance(self, name: str) -> dict[str, object]:
        found = self.airflow.tasks("pods", self.run_id)
        return next(each for each in found if each["task_id"] == name)

    def state(self, name: str) -> object:
        return self.instance(name)["state"]

    def pods(self, name: str) -> list[object]:
        found = self.cluster.core.list_namespaced_pod(self.namespace).items
        return [pod for pod in found if pod.metadata.annotations["airflow-mlops-provider/task_id"] == name]

    def processes(self, name: str) -> list[int]:
        return [
            each["process"] for each in self.cluster.events() if each["event"] == "started" and each["task"] == name
        ]

    def open_gate(self, name: str) -> None:
        (self.folder / name / "gate").touch()

    def wait_at_gate(self, name: str, state: str) -> int:
        wait_until(lambda: self.state(name) == state, f"{name} {state}", seconds=LONG_ENOUGH)
        return wait_until(lambda: self.processes(name), f"the process of {name}", seconds=LONG_ENOUGH)[-1]

    def mark_failed(self, name: str) -> None:
        path = f"/dags/pods/dagRuns/{self.run_id}/taskInstances/{name}"
        self.airflow.api("PATCH", path, {"new_state": "failed"})

    def log(self, name: str) -> str:
        """Of all tries: a busy machine may have made Airflow begin one more."""
        folder = Path(self.airflow.home) / "logs" / "dag_id=pods" / f"run_id={self.run_id}" / f"task_id={name}"
        return "\n".join(path.read_text() for path in sorted(folder.rglob("*.log*")))


@pytest.fixture(scope="module")
def trainings(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainings]:
    folder, namespace = tmp_path_factory.mktemp("tasks"), cluster.make_namespace()
    for name in NAMES:
        Task(folder / name, cluster.kubeconfig, namespace)
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    (home / "dags" / "pods.py").write_text(DAGS.format(namespace=namespace, names=NAMES, folder=folder))
    bundle = {"name": "d", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle"}
    connection = {"conn_type": "kubernetes", "extra": {"kube_config": json.dumps(cluster.kubeconfig)}}
    extra = {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([{**bundle, "kwargs": {"path": f"{home}/dags"}}]),
        "AIRFLOW_CONN_CLUSTER": json.dumps(connection),
        "AIRFLOW__CORE__PARALLELISM": "6",
    }
    airflow = Airflow(home, extra=extra)
    try:
        airflow.start()
        airflow.wait_for_dags("pods")
        yield Trainings(airflow, cluster, folder, namespace)
    finally:
        airflow.stop()


def is_gone(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def test_a_task_waits_in_the_triggerer_and_goes_on_when_its_job_has_ended(trainings):
    name = "ends_in_triggerer"
    trainings.wait_at_gate(name, "deferred")
    wait_until(lambda: "at the gate" in trainings.log(name), "the line of the triggerer", seconds=LONG_ENOUGH)
    assert trainings.state(name) == "deferred"
    trainings.open_gate(name)
    wait_until(lambda: trainings.state(name) == "success", "success", seconds=LONG_ENOUGH)
    assert trainings.airflow.xcom("pods", trainings.run_id, name)["kind"] == "training"
    assert len(trainings.processes(name)) == 1
    assert trainings.log(name).count("at the gate") == 2  # once for each fit: no line comes again after the wait
    wait_until(lambda: not trainings.pods(name), "the end of the pod")


@pytest.mark.parametrize(("name", "state"), [("marked_in_triggerer", "deferred"), ("marked_in_worker", "running")])
def test_a_task_that_somebody_marks_takes_its_pod_along(trainings, name, state):
    process = trainings.wait_at_gate(name, state)
    trainings.mark_failed(name)
    wait_until(lambda: is_gone(process), "the end of the process", seconds=LONG_ENOUGH)
    wait_until(lambda: not trainings.pods(name), "the end of the pod")


def test_a_task_that_somebody_clears_ends_its_pod_and_runs_anew(trainings):
    name = "cleared_in_worker"
    process = trainings.wait_at_gate(name, "running")
    body = {"dry_run": False, "task_ids": [name], "dag_run_id": trainings.run_id, "only_failed": False}
    trainings.airflow.api("POST", "/dags/pods/clearTaskInstances", body)
    wait_until(lambda: is_gone(process), "the end of the process", seconds=LONG_ENOUGH)
    trainings.open_gate(name)
    wait_until(lambda: trainings.state(name) == "success", "success", seconds=LONG_ENOUGH)
    assert trainings.processes(name)[0] == process
    assert len(trainings.processes(name)) == 2


def test_a_worker_that_shuts_down_leaves_its_pod_to_the_retry(trainings):
    name = "shut_down_in_worker"
    process = trainings.wait_at_gate(name, "running")
    wait_until(lambda: "at the gate" in trainings.log(name), "the worker that follows the job", seconds=LONG_ENOUGH)
    before = trainings.instance(name)
    os.kill(process_titled(f"airflow worker -- {before['id']}"), signal.SIGTERM)
    wait_until(lambda: trainings.instance(name)["try_number"] > before["try_number"], "a retry", seconds=LONG_ENOUGH)
    assert not is_gone(process)
    assert "only its worker shuts down" in trainings.log(name)
    trainings.open_gate(name)
    wait_until(lambda: trainings.state(name) == "success", "success", seconds=LONG_ENOUGH)
    assert trainings.processes(name) == [process]


def process_titled(title: str) -> int:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().decode(errors="replace").startswith(title):
                return int(path.parent.name)
        except OSError:
            continue
    raise AssertionError(f"no process is called {title!r}")
