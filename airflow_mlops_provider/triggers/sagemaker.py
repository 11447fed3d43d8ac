"""Waits until a SageMaker Processing job has ended; reads no Outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.triggers.base import AwsBaseWaiterTrigger
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from airflow_mlops_provider.triggers.datasets import MIN_WAIT_SECONDS

POLL_SECONDS = 30
"""Time between two looks; SageMaker allows few of them."""
_FOR_EVER = 10**9


class ProcessingTrigger(AwsBaseWaiterTrigger):
    """The provider's waiter for a Processing job, which never fires at once and knows the task's deadline.

    A task that is marked or cleared while it waits takes its job along.

    :param job_name: the Processing job.
    :param aws_conn_id: Connection of type ``aws``.
    :param region: AWS region; by default that of the Connection.
    :param deadline: when the task's time runs out, in seconds since 1970.
    """

    def __init__(
        self, *, job_name: str, aws_conn_id: str | None, region: str | None = None, deadline: float | None = None
    ) -> None:
        super().__init__(
            serialized_fields={"job_name": job_name},
            waiter_name="ProcessingJobComplete",
            waiter_args={"ProcessingJobName": job_name},
            failure_message=f"SageMaker job {job_name} did not complete",
            status_message=f"SageMaker job {job_name} runs",
            status_queries=["ProcessingJobStatus"],
            return_key="job_name",
            return_value=job_name,
            waiter_delay=POLL_SECONDS,
            waiter_max_attempts=_FOR_EVER,
            aws_conn_id=aws_conn_id,
            region_name=region,
        )
        self.job_name = job_name
        self.region = region
        self.deadline = deadline
        self._has_fired = False

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Import path and arguments, as Airflow stores a trigger."""
        arguments = {
            "job_name": self.job_name,
            "aws_conn_id": self.aws_conn_id,
            "region": self.region,
            "deadline": self.deadline,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    def hook(self) -> SageMakerHook:
        """Airflow's hook."""
        return SageMakerHook(aws_conn_id=self.aws_conn_id, region_name=self.region)  # type: ignore[no-untyped-call]  # its own

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: why the task is to go on."""
        # Not at once: an event within seconds of the deferral can lose a race in Airflow.
        await asyncio.sleep(MIN_WAIT_SECONDS)
        reason = await self._reason()
        self._has_fired = True
        yield TriggerEvent({"reason": reason, "since": None})  # type: ignore[no-untyped-call]  # Airflow's own

    async def on_kill(self) -> None:
        """Stop the job: somebody marked or cleared the task. Airflow calls this from 3.3 on."""
        if not self._has_fired:
            await sync_to_async(self._stop)()

    async def cleanup(self) -> None:
        """As :meth:`on_kill`, on Airflow 3.1 and 3.2, where the triggerer's own end looks alike from here."""
        if not hasattr(BaseTrigger, "on_kill") and not self._has_fired and not await self._is_deferred():
            await sync_to_async(self._stop)()

    async def _reason(self) -> str:
        left = None if self.deadline is None else self.deadline - time.time()
        if left is not None and left <= 0:
            return "deadline"
        waiting: Any = super().run()
        try:
            async with asyncio.timeout(left), aclosing(waiting) as events:
                async for event in events:
                    return _reason_of(event.payload or {})
        except TimeoutError:
            return "deadline"
        except Exception as error:  # noqa: BLE001  # whatever it is: the task looks itself, and says it
            return str(error)
        return "ended"

    def _stop(self) -> None:
        try:
            self.hook().conn.stop_processing_job(ProcessingJobName=self.job_name)
        except Exception as error:  # noqa: BLE001  # the task is over; nobody else would hear it
            self.log.warning("SageMaker job %s was not stopped: %s", self.job_name, error)

    async def _is_deferred(self) -> bool:
        """Whether the task still waits, so that this is the triggerer's end alone."""
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        ti: Any = self.task_instance
        try:
            states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
                dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index
            )
        except Exception as error:  # noqa: BLE001  # nobody has said that the job is not wanted
            self.log.warning("Airflow does not say what became of the task, so its job is left alone: %s", error)
            return True
        return "deferred" in states.get(ti.run_id, {}).values()


def _reason_of(event: dict[str, Any]) -> str:
    """Why the task is to go on, by the event of the provider's trigger; the task finds out what became of the job."""
    return "ended" if event.get("status") == "success" else str(event.get("message"))
