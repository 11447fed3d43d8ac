"""The log of a Processing job in CloudWatch, line by line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from airflow_mlops_provider.exceptions import MLOpsError, one_line
from airflow_mlops_provider.jobs.protocol import outcome_in
from airflow_mlops_provider.runners.processing_jobs.account import Account


class LogLines:
    """The lines of a job, each once; without the Outcome, which is the last one.

    :param account: where the job is.
    :param name: the job's.
    :param poll_seconds: time between two looks.
    :param late_seconds: how long after the job's end its last lines may take to appear.
    """

    def __init__(self, *, account: Account, name: str, poll_seconds: float, late_seconds: float) -> None:
        self._account = account
        self._name = name
        self._poll_seconds = poll_seconds
        self._late_seconds = late_seconds
        self._tokens: dict[str, Any] = {}
        self._told = ""
        self._is_complete = False

    def follow(self, *, until: Callable[[], bool]) -> Iterator[str]:
        """The lines as they come, until ``until`` says that the job has ended and its last lines have come.

        A log that cannot be read is told once, as a line; the job itself is none the worse for it.
        """
        ended_at: float | None = None
        while True:
            if ended_at is None and until():
                ended_at = time.monotonic()
            yield from self._new()
            if ended_at is not None and self._need_not_wait(time.monotonic() - ended_at):
                return
            time.sleep(self._poll_seconds)

    def _need_not_wait(self, seconds: float) -> bool:
        return self._is_complete or bool(self._told) or seconds >= self._late_seconds

    def _new(self) -> Iterator[str]:
        try:
            for line in self._events():
                # CloudWatch says when it has a line, and not when there will be no more: the Outcome says that.
                self._is_complete = outcome_in(line) is not None
                if not self._is_complete:
                    yield line
        except MLOpsError as error:
            problem = one_line(error)
            if problem != self._told:
                yield problem
            self._told = problem

    def _events(self) -> Iterator[str]:
        for stream in self._account.log_streams(self._name):
            token = self._tokens.setdefault(stream, self._account.log_token())
            yield from self._account.log_events(self._name, stream, token)
