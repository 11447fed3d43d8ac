"""The lifecycle on two workers that share no folder: one dies while it trains, and nothing is lost or done twice."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from rich.console import Console

from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from demo.narrative import PROMOTED, Narrative, Run, wait_for
from demo.services import SlackReceiver
from deployment.cluster import Cluster, Container
from deployment.process_tree import memory_of
from deployment.registry import Registry

DAGS = ("wage_train", "wage_monitor", "wage_retrain")
TASK_SECONDS = 900
OF_A_CONTAINER = {"airflow.cfg", "simple_auth_manager_passwords.json.generated"}
"""What Airflow writes to its own disk, beside logs."""


class DeploymentStory(Narrative):
    """Runs the lifecycle on ``cluster`` and remembers which of its claims held."""

    def __init__(self, cluster: Cluster, slack: SlackReceiver, console: Console) -> None:
        super().__init__(cluster.airflow, console)
        self.cluster, self.slack = cluster, slack
        self.models = Registry(cluster.tracking_uri, "wage")

    def tell(self) -> bool:
        """Run every chapter; returns whether every claim held."""
        self.unpause()
        killed, trained = self.death_of_a_worker()
        self.restart(killed)
        self.drift()
        self.retraining()
        self.record()
        self.places(trained)
        return self.holds

    def unpause(self) -> None:
        """Wait until the Dags are known, and let them run; a new Dag is paused."""
        wait_for(lambda: self.airflow.knows(*DAGS), TASK_SECONDS, "reading the Dags")
        for dag_id in DAGS:
            self.airflow.api("PATCH", f"/dags/{dag_id}", {"is_paused": False})

    def death_of_a_worker(self) -> tuple[Container, Run]:
        """A worker is killed in the middle of the first training; the other one finishes it."""
        self.chapter("1. A worker dies while it trains the first champion")
        run_id = self.airflow.trigger("wage_train")
        with self.console.status("waiting until the training is under way"):
            wait_for(lambda: self.models.runs() == ["RUNNING"], TASK_SECONDS, "the beginning of the training")
        task, killed_at = self._task(run_id, "train"), time.monotonic()
        killed = self.cluster.container(task["pid"])
        processes = killed.kill()
        self.claim(processes > 1, f"{killed.name} was killed in the middle of train, with all {processes} processes")
        self.checks(killed)
        with self.console.status("waiting until the scheduler gives the task to the other worker"):
            wait_for(lambda: self._runs_again(run_id), TASK_SECONDS, "the wait for the second try of train")
        other, seconds = self.cluster.container(self._task(run_id, "train")["pid"]), time.monotonic() - killed_at
        self.claim(other.name != killed.name, f"{other.name} took the training over after {seconds:.0f} s")
        run = self.finish("wage_train", run_id)
        self.claim(run.state == "success", "the run succeeded: the other worker finished the training")
        self.claim(self.models.runs() == ["FINISHED"], "there is one MLflow run, the one that had begun")
        self.claim(self.models.versions() == ["1"], "there is one version of the model")
        self.claim(run.status("promote") in PROMOTED, f"promoted: {run.summary('promote')}")
        return killed, run

    def checks(self, killed: Container) -> None:
        """The health checks of the compose file, while the scheduler still waits for the dead worker."""
        stay = [each for each in self.cluster.containers.values() if not each.service.ends]
        with self.console.status("running the health checks"):
            passed = {each.name: each.passes_its_check() for each in stay}
        unwell = [name for name, passes in passed.items() if not passes]
        passing = len(stay) - len(unwell)
        self.claim(unwell == [killed.name], f"{passing} of {len(stay)} health checks pass; not so: {', '.join(unwell)}")

    def restart(self, killed: Container) -> None:
        """The worker comes back, as an engine brings it back."""
        self.cluster.restart(killed.name)
        passes = self.cluster.containers[killed.name].passes_its_check()
        healthy = self.airflow.healthy("metadatabase", "scheduler", "triggerer", "dag_processor")
        self.claim(passes and healthy, f"{killed.name} is back and well, and so is the rest of Airflow")

    def drift(self) -> None:
        """The batch of 1985 has drifted from what the champion learned from."""
        self.chapter("2. The batch of 1985 arrives and drifts")
        run = self.run("wage_monitor", {"years": [1985]})
        self.claim(run.status("drift") is Status.FAIL, f"drifted: {run.summary('drift')}")
        told = [message["text"] for message in self.slack.messages if "Data drifted" in message["text"]]
        self.claim(len(told) == 1, "Slack was told of the drift")

    def retraining(self) -> None:
        """The asset event starts the retraining, whose candidate is promoted."""
        self.chapter("3. The drift's event starts the retraining")
        run = self.answer(1)
        self.claim(run.status("promote") in PROMOTED, f"promoted: {run.summary('promote')}")
        self.claim(self.models.versions() == ["1", "2"], "there are two versions, one for each training")

    def record(self) -> None:
        """The chain of decisions and all it rests on, recomputed by a process outside Airflow."""
        self.chapter("4. The record is verified, from outside Airflow")
        verified = self._verify()
        self.claim(verified.verdict.status is Status.PASS, verified.verdict.summary)

    def places(self, trained: Run) -> None:
        """Everything lies on S3: the page and the log are read from there, and no worker kept anything."""
        self.chapter("5. Everything lies on S3")
        started = time.monotonic()
        self.airflow.page("/mlops/")
        seconds = time.monotonic() - started
        [model] = json.loads(self.airflow.page("/mlops/api/models"))["models"]
        champion = f"{model['name']} {model['champion']['version']}"
        self.claim(champion == "wage 2", f"the MLOps page has {champion} as champion; read in {seconds:.1f} s")
        log = self.airflow.task_log("wage_train", trained.run_id, "train", try_number=2)
        self.claim("s3://airflow-mlops/logs/" in log and "training: PASS" in log, "the log of train is read from S3")
        left = self._left_on_disks()
        self.claim(not left, f"{len(left)} files besides settings and logs lie on the containers' disks {left or ''}")
        trees = [each.tree() for each in self.cluster.containers.values()]
        self.console.print(f"  {sum(map(len, trees))} processes take {sum(map(memory_of, trees)):.1f} GB.")

    def _task(self, run_id: str, task_id: str) -> dict[str, Any]:
        [found] = [task for task in self.airflow.tasks("wage_train", run_id) if task["task_id"] == task_id]
        return found

    def _runs_again(self, run_id: str) -> bool:
        task = self._task(run_id, "train")
        return bool(task["try_number"] == 2 and task["state"] == "running" and task["pid"])

    def _verify(self) -> Outcome:
        settings = self.cluster.services["worker"].environment
        spec = {"model": "wage", "evidence_root": settings["AIRFLOW__MLOPS__EVIDENCE_ROOT"]}
        spec["tracking_uri"] = settings["AIRFLOW__MLOPS__TRACKING_URI"]
        command = [sys.executable, "-m", "airflow_mlops_provider.jobs", "verify", "-"]
        env = self.cluster.containers["mlflow"].env
        done = subprocess.run(command, input=json.dumps(spec), env=env, capture_output=True, text=True, check=True)
        return Outcome.from_json(json.loads(done.stdout.splitlines()[-1]))

    def _left_on_disks(self) -> list[str]:
        files = (path for each in self.cluster.containers.values() for path in each.home.rglob("*") if path.is_file())
        return [
            str(path.relative_to(self.cluster.folder))
            for path in files
            # Of a task's log an empty file stays, once it lies on S3.
            if path.name not in OF_A_CONTAINER and path.suffix != ".log" and path.stat().st_size
        ]
