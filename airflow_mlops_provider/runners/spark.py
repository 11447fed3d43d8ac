"""A session of Spark for the jobs whose rows lie there: the scan goes to the rows, and only counts come back."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.runners.in_process import InProcessHandle

JOBS = ("validate", "profile")
"""The jobs whose numbers add up over partitions."""


class SparkRunner:
    """Validates and profiles data where Spark keeps it.

    Each partition is a part: our own scan runs over it within ``mapInArrow``, so the package must be installed where
    Spark runs Python. The job itself runs in the task's process and merges what was found. A dataset is
    ``spark:lake.orders``, a table of Spark's catalogue, or the path of Parquet files as Spark takes it.

    :param master: a local or standalone Spark, such as ``local[4]`` or ``spark://host:7077``.
    :param remote: a Spark Connect server, such as ``sc://host:15002``.
    :param conn_id: Airflow Connection of type ``spark`` or ``spark_connect``, in place of both. Without any of the
        three, the session that is active in this process.
    :param config: configuration of a session that is made here, such as ``{"spark.executor.memory": "4g"}``.
    :param partitions: at most so many partitions; by default those that Spark made. With 1, rules that do not add up
        over parts are held too, in one Python process.
    """

    def __init__(
        self,
        *,
        master: str | None = None,
        remote: str | None = None,
        conn_id: str | None = None,
        config: Mapping[str, str] | None = None,
        partitions: int | None = None,
    ) -> None:
        if sum(each is not None for each in (master, remote, conn_id)) > 1:
            raise BadInputError("SparkRunner: give one of 'master', 'remote' and 'conn_id'")
        if partitions is not None and partitions < 1:
            raise BadInputError(f"SparkRunner: 'partitions' is {partitions}; it must be at least 1")
        self.master = master
        self.remote = remote
        self.conn_id = conn_id
        self.config = dict(config or {})
        self.partitions = partitions
        self._live: Any = None

    def submit(self, job: str, spec: Mapping[str, Any], *, environment: Mapping[str, str]) -> SparkHandle:
        """Keep ``job`` until it is collected; see :class:`~airflow_mlops_provider.runners.runner.Runner`.

        :raises BadInputError: for a job whose numbers do not add up over partitions.
        """
        if job not in JOBS:
            raise BadInputError(f"SparkRunner runs {' and '.join(JOBS)}, and not {job}: give that task another runner")
        return SparkHandle(job=job, spec=spec, environment=environment, run_job=self._run, cancel=self._cancel)

    def _run(self, job: str, spec: Mapping[str, Any]) -> Outcome:
        from airflow_mlops_provider import jobs
        from airflow_mlops_provider.jobs.data.spark_profile import SparkProfileJob
        from airflow_mlops_provider.jobs.data.spark_validate import SparkValidateJob
        from airflow_mlops_provider.stores.datasets.spark.session import within_session

        kind = SparkValidateJob if job == "validate" else SparkProfileJob
        of_runner = type(kind.__name__, (kind,), {"partitions": self.partitions})
        with self._session() as session, within_session(session):
            return jobs.run(job, spec, job_type=of_runner)

    @contextmanager
    def _session(self) -> Iterator[Any]:
        """The session; one that was made here is stopped at the end."""
        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise BackendError("SparkRunner needs pyspark: pip install 'airflow-mlops-provider[spark]'") from error
        from airflow_mlops_provider.stores.datasets.spark.session import telling_spark

        active = SparkSession.getActiveSession()
        master, remote = self._place()
        if active is None and master is None and remote is None:
            raise BadInputError("SparkRunner: no session is active; give 'master', 'remote' or 'conn_id'")
        with telling_spark("Spark cannot be reached"):
            found = active or self._made(SparkSession.builder, master, remote)
        self._live = found
        try:
            yield found
        finally:
            self._live = None
            if active is None:
                found.stop()

    def _made(self, builder: Any, master: str | None, remote: str | None) -> Any:
        # Workers of a local Spark are this interpreter; elsewhere Spark's own configuration says which one.
        if master is not None and master.startswith("local"):
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.remote(remote) if remote is not None else builder.master(master)
        for key, value in self.config.items():
            builder = builder.config(key, value)
        return builder.appName("airflow-mlops-provider").getOrCreate()

    def _place(self) -> tuple[str | None, str | None]:
        if self.conn_id is None:
            return self.master, self.remote
        from airflow_mlops_provider.hooks.spark import spark_place

        return spark_place(self.conn_id)

    def _cancel(self) -> None:
        session = self._live
        if session is not None:
            session.interruptAll() if _is_connect(session) else session.sparkContext.cancelAllJobs()


class SparkHandle(InProcessHandle):
    """A job that runs while it is collected, whose work is Spark's.

    :param cancel: ends what Spark does for it.
    """

    def __init__(
        self,
        *,
        job: str,
        spec: Mapping[str, Any],
        environment: Mapping[str, str],
        run_job: Callable[[str, Mapping[str, Any]], Outcome],
        cancel: Callable[[], None],
    ) -> None:
        super().__init__(job=job, spec=spec, environment=environment, run_job=run_job)
        self._cancel = cancel

    def cancel(self) -> None:
        """End what Spark does for the job, and the job."""
        if self._outcome is None:
            self._cancel()
        super().cancel()


def _is_connect(session: Any) -> bool:
    return "connect" in type(session).__module__
