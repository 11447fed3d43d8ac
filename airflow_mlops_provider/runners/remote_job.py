"""A job for a place that outlives its task, the same for every such place.

The place names the job by its request, so that a retry finds it again. The request waits in the evidence root, and the
command line of the job names its address there. The job's last word, an
:class:`~airflow_mlops_provider.jobs.exit_message.ExitMessage`, comes back through the place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from airflow_mlops_provider.exceptions import MLOpsError
from airflow_mlops_provider.jobs import outcomes_of
from airflow_mlops_provider.jobs.exit_message import ExitMessage
from airflow_mlops_provider.jobs.packing import pack, require_reachable
from airflow_mlops_provider.jobs.protocol import ExitStatus, error_of
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.request_identity import request_identity
from airflow_mlops_provider.runners.left_outcome import fetch_later
from airflow_mlops_provider.stores.aws_access import as_here
from airflow_mlops_provider.stores.evidence.job_specs import keep_spec, read_spec

_LONGEST_JOB = 9
"""Characters of a job's name within that of a place, which is short; the request tells jobs apart."""


@dataclass(frozen=True, kw_only=True)
class RemoteJob:
    """A job whose spec lies where it will be read.

    :param job: its name, such as ``train``.
    :param spec: its keys.
    :param spec_uri: where they lie in the evidence root.
    :param fetch: fetches the Outcome that the job leaves from now on, should its last word be lost.
    :param read: reads the Outcome that lies at an address.
    """

    job: str
    spec: Mapping[str, Any]
    spec_uri: str
    fetch: Callable[[], Outcome | None]
    read: Callable[[str], Outcome]

    @cached_property
    def request(self) -> str:
        """20 hex digits that are the same for every try of the request."""
        return request_identity(self.job, self.spec)[:20]

    @cached_property
    def task(self) -> str:
        """10 hex digits that are the same for every request of one task in one Dag run."""
        return hashlib.sha256(str(self.spec.get("run_key") or self.request).encode()).hexdigest()[:10]

    @property
    def name(self) -> str:
        """What the place calls the job, before a number: at most 46 of ``a-z``, ``0-9`` and ``-``."""
        job = self.job[:_LONGEST_JOB].replace("_", "-").rstrip("-")
        return f"mlops-{job}-{self.task}-{self.request}"

    def arguments(self, *, message_file: str, message_bytes: int) -> list[str]:
        """What follows ``python`` on the command line of the job.

        :param message_file: the file that the place keeps.
        :param message_bytes: how much of it the place keeps.
        """
        message = ["--message-file", message_file, "--message-bytes", str(message_bytes)]
        return ["-m", "airflow_mlops_provider.jobs", self.job, self.spec_uri, *message]

    def result(self, message: ExitMessage, *, where: str) -> Outcome | MLOpsError:
        """What the job's last word means; an Outcome is read from the evidence root and its hash checked.

        :param where: the job and its place, for errors.
        """
        if message.status not in (ExitStatus.OUTCOME, ExitStatus.VERDICT):
            return error_of(message.status, message.error.splitlines(), where=where)
        try:
            return self.read(message.outcome_uri)
        except MLOpsError as error:
            return error


def hand_over(job: str, spec: Mapping[str, Any], *, place: str, mounted: Sequence[str] = ()) -> RemoteJob:
    """Make the spec of a job whole and keep it in its evidence root, where the place will read it.

    :param place: what to call the place in errors, such as ``a Kubernetes pod``.
    :param mounted: local folders that are there as well, under the same path.
    :raises BadInputError: for a key that cannot be used, or names what the place does not reach.
    :raises BackendError: when the evidence root cannot be written.
    """
    require_reachable(job, spec, place=place, mounted=mounted)
    store = outcomes_of(job, spec).store
    packed = pack(job, spec, store)
    return _remote(job, packed, keep_spec(store, job, packed))


def handed_over(job: str, spec_uri: str) -> RemoteJob:
    """A job that was handed over before, by the address of its spec.

    :raises BadInputError: when nothing lies there any more.
    """
    return _remote(job, read_spec(spec_uri), spec_uri)


def _remote(job: str, spec: Mapping[str, Any], spec_uri: str) -> RemoteJob:
    # A handle is also asked by threads and callbacks of Airflow, where nothing says how the evidence root is reached.
    fetch, read = as_here(fetch_later(job, spec)), as_here(outcomes_of(job, spec).read)
    return RemoteJob(job=job, spec=spec, spec_uri=spec_uri, fetch=fetch, read=read)
