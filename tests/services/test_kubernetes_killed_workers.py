"""A worker is killed at any moment and its task tried again: the job ran once, with one Outcome and one MLflow run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.services.cluster.servers import Cluster
from tests.services.killed_workers import KILLED, Trial, names_of, run_each_once
from tests.services.pod_task import PodTask


class PodTrial(Trial):
    """A trial whose processes the kubelet counts."""

    def __init__(self, cluster: Cluster, **task: Any) -> None:
        super().__init__(PodTask(kubeconfig=cluster.kubeconfig, **task))
        self.cluster = cluster

    def starts(self) -> int:
        return len(self.cluster.starts(task=self.label))

    def has_ended(self) -> bool:
        return any(each["event"] == "ended" for each in self.cluster.events(task=self.label))

    def require_once(self) -> None:
        super().require_once()
        selector = f"airflow-mlops-provider/task={self.label}"
        pods = self.cluster.core.list_namespaced_pod(self.task.namespace, label_selector=selector).items
        # A worker that was killed after it had reported leaves a pod that has ended, and that nothing takes up again.
        assert all(pod.status.phase == "Succeeded" for pod in pods)


@pytest.mark.timeout(1500)  # ten trainings each
@pytest.mark.parametrize("killed", KILLED)
def test_a_job_runs_once_whenever_its_worker_is_killed(killed: Callable[..., None], cluster, files_mlflow, tmp_path):
    given = {"namespace": cluster.make_namespace(), "tracking_uri": files_mlflow}
    trials = [PodTrial(cluster, folder=tmp_path / name, **given) for name in names_of(killed, "pods")]
    run_each_once(killed, trials, holding=cluster.holding())
