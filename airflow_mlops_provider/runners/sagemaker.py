"""A SageMaker Processing job for each job: it outlives the worker, and a retry finds it again."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from airflow_mlops_provider.exceptions import AlreadyExistsError, BackendError, BadInputError
from airflow_mlops_provider.runners.processing_jobs.account import DEFAULT_CONN_ID, Account
from airflow_mlops_provider.runners.processing_jobs.handle import JobRules, ProcessingHandle
from airflow_mlops_provider.runners.processing_jobs.parts import COLLECTED, JobParts, spec_uri_of
from airflow_mlops_provider.runners.processing_jobs.status import has_ended, is_stopping
from airflow_mlops_provider.runners.remote_job import RemoteJob, hand_over, handed_over

log = logging.getLogger(__name__)

_LEAVING_SECONDS = 300.0
"""How long a job that was stopped may take to end: SageMaker itself waits two minutes before it kills one."""


class SageMakerRunner:
    """Runs each job as a Processing job of Amazon SageMaker.

    Evidence root, data and MLflow must be reachable from there. The job has the permissions of ``role``; credentials of
    Connections do not travel, because whoever may describe a job reads its environment.

    :param image: in ECR, with ``airflow-mlops-provider[analysis,amazon]`` in it; Airflow need not be.
    :param role: name or ARN of the IAM role that the job has.
    :param aws_conn_id: Connection of type ``aws`` that starts and watches the jobs; ``None``, and ``aws_default`` where
        it does not exist, mean boto3's own search.
    :param region: AWS region; by default that of the Connection.
    :param instance_type: the machine.
    :param volume_gb: its disk, in GB.
    :param max_runtime: seconds after which SageMaker stops the job; at most five days, unless AWS allows more.
    :param env: variables by value, at most 256 characters each. Anybody who may describe the job reads them.
    :param secrets: variables by the ARN of a secret in AWS Secrets Manager, which the job reads by its role when it
        begins: ``{"MLFLOW_TRACKING_PASSWORD": "arn:aws:secretsmanager:...:secret:mlflow-Ab1:password::"}``.
    :param subnets: of a VPC.
    :param security_groups: of that VPC.
    :param tags: for the jobs, besides those that say which task asked.
    :param config: further keys of ``CreateProcessingJob``, such as ``ExperimentConfig``; what this runner sets itself
        wins.
    :param on_kill: what becomes of the job when its worker shuts down: ``"keep"``, so that a retry finds it, or
        ``"cancel"``. Whatever it says, a job is cancelled when somebody marks or clears its task, or its time runs out.
    :param python: the interpreter in the image.
    :param poll_seconds: time between two looks while a worker waits.
    :param late_log_seconds: how long after a job's end its last lines may take to appear in CloudWatch.
    """

    def __init__(
        self,
        *,
        image: str,
        role: str,
        aws_conn_id: str | None = DEFAULT_CONN_ID,
        region: str | None = None,
        instance_type: str = "ml.m5.xlarge",
        volume_gb: int = 30,
        max_runtime: int = 86_400,
        env: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        subnets: Sequence[str] = (),
        security_groups: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        config: Mapping[str, Any] | None = None,
        on_kill: Literal["keep", "cancel"] = "keep",
        python: str = "python",
        poll_seconds: float = 10.0,
        late_log_seconds: float = 10.0,
    ) -> None:
        if on_kill not in ("keep", "cancel"):
            raise BadInputError(f"SageMakerRunner: 'on_kill' is {on_kill!r}; it is 'keep' or 'cancel'")
        self.account = Account(aws_conn_id=aws_conn_id, region=region)
        self.parts = JobParts(
            image=image,
            role=role,
            python=python,
            instance_type=instance_type,
            volume_gb=volume_gb,
            max_runtime=max_runtime,
            env=env or {},
            secrets=secrets or {},
            subnets=subnets,
            security_groups=security_groups,
            tags=tags or {},
            config=config or {},
        )
        self.rules = JobRules(
            outlives_worker=on_kill == "keep", poll_seconds=poll_seconds, late_log_seconds=late_log_seconds
        )

    def submit(self, job: str, spec: Mapping[str, Any], *, environment: Mapping[str, str]) -> ProcessingHandle:
        """Start ``job``, or find the Processing job of an earlier try again.

        See :class:`~airflow_mlops_provider.runners.runner.Runner`. SageMaker never lets a name be used twice, so names
        end in a number. A job of an earlier request of the same task is stopped. A job of this request whose end was
        seen, or which failed while nobody looked, is left behind: this try is the retry.
        """
        remote = hand_over(job, spec, place="a SageMaker job")
        self._stop_others(remote)
        number, until = self._newest(remote), time.monotonic() + _LEAVING_SECONDS
        while time.monotonic() < until:
            name = f"{remote.name}-{number}"
            found = self.account.describe(name)
            if found is None:
                if self._has_started(remote, name, environment):
                    return self._handle(name, remote)
                time.sleep(self.rules.poll_seconds)  # another process of the same task came first
            elif self._is_usable(found, remote):
                log.info("SageMaker job %s of an earlier try is found again", name)
                return self._handle(name, remote)
            else:
                number += 1
        raise BackendError(f"{self.account}: job {name} exists, and SageMaker does not describe it")

    def resume(self, job: str, name: str, *, since: str | None = None) -> ProcessingHandle:  # noqa: ARG002  # CloudWatch keeps every line
        """The handle of a job that was submitted before.

        :param name: the handle's name then.
        :param since: of no meaning here.
        :raises BackendError: when SageMaker does not know it.
        """
        found = self.account.describe(name)
        if found is None:
            raise BackendError(f"job {job!r}: SageMaker knows no job {name}")
        return self._handle(name, handed_over(job, spec_uri_of(found)))

    def waiting(self, handle: ProcessingHandle, *, deadline: float | None) -> tuple[str, dict[str, Any]]:
        """The trigger that waits for a job, as Airflow stores triggers: import path and arguments.

        :param deadline: when the task's time runs out, in seconds since 1970.
        """
        return (
            "airflow_mlops_provider.triggers.sagemaker.ProcessingTrigger",
            {
                "job_name": handle.name,
                "aws_conn_id": self.account.aws_conn_id,
                "region": self.account.region,
                "deadline": deadline,
            },
        )

    def _handle(self, name: str, remote: RemoteJob) -> ProcessingHandle:
        return ProcessingHandle(account=self.account, name=name, job=remote, rules=self.rules)

    def _newest(self, remote: RemoteJob) -> int:
        """The number of the newest job of this request, as far as it is listed yet; 1 without one."""
        names = [each["ProcessingJobName"] for each in self.account.jobs(containing=f"{remote.name}-")]
        return max((int(name.rpartition("-")[2]) for name in names), default=1)

    def _has_started(self, remote: RemoteJob, name: str, environment: Mapping[str, str]) -> bool:
        """Start the job; ``False`` when another process has taken its name meanwhile."""
        request = self.parts.request(
            remote,
            name=name,
            role_arn=self.account.role_arn(self.parts.role),
            region=self.account.region_name,
            environment=environment,
        )
        try:
            self.account.create(request)
        except AlreadyExistsError:
            return False
        log.info("SageMaker job %s is started", name)
        return True

    def _is_usable(self, found: Mapping[str, Any], remote: RemoteJob) -> bool:
        """Whether a job of this request is the one to wait for: it runs, or has a result that nobody has seen."""
        name = found["ProcessingJobName"]
        if COLLECTED in self.account.tags(found["ProcessingJobArn"]):
            return False
        if is_stopping(found):
            self._await_end([name])
        return self._handle(name, remote).is_for_retry()

    def _stop_others(self, remote: RemoteJob) -> None:
        """Stop what an earlier request of the same task left running, and wait for its end: it may still write.

        :raises BackendError: when one takes too long.
        """
        listed = self.account.jobs(containing=f"mlops-{remote.job}-{remote.task}-")
        others = [each for each in listed if not each["ProcessingJobName"].startswith(f"{remote.name}-")]
        running = [each["ProcessingJobName"] for each in others if not has_ended(each)]
        for name in running:
            log.info("SageMaker job %s is stopped: it runs an earlier request of this task", name)
            self.account.stop(name)
        self._await_end(running)

    def _await_end(self, names: Sequence[str]) -> None:
        until = time.monotonic() + _LEAVING_SECONDS
        for name in names:
            while (found := self.account.describe(name)) is not None and not has_ended(found):
                if time.monotonic() > until:
                    raise BackendError(f"SageMaker job {name} was stopped and has not ended")
                time.sleep(self.rules.poll_seconds)
