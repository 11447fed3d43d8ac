"""The log of a pod, line by line, however often its stream breaks off."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from airflow_mlops_provider.exceptions import MLOpsError, one_line
from airflow_mlops_provider.runners.pods.cluster import Cluster

_STAMPED = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z ?", re.ASCII)


class LogLines:
    """The lines of a job in a pod, each once.

    :param cluster: where the pod is.
    :param name: the pod's.
    :param since: only lines after this time, as the log writes it.
    :param poll_seconds: time between the end of a stream and the next.
    """

    def __init__(self, *, cluster: Cluster, name: str, since: str | None = None, poll_seconds: float) -> None:
        self._cluster = cluster
        self._poll_seconds = poll_seconds
        self._name = name
        self._seen = _moment(since) if since else ("", "")

    def follow(self, *, until: Callable[[], bool]) -> Iterator[str]:
        """The lines as they come, until a stream has ended and ``until`` says that no more will come.

        A log that cannot be read is told once, as a line; the job itself is none the worse for it.
        """
        told = ""
        while True:
            is_over = until()  # asked before: what came until then is in the stream that begins now
            try:
                yield from self._new()
                problem = ""
            except MLOpsError as error:
                problem = one_line(error)
            if problem and not is_over and problem != told:
                yield problem
                told = problem
            if is_over:
                return
            time.sleep(self._poll_seconds)

    def _new(self) -> Iterator[str]:
        for raw in self._cluster.lines(self._name, since_seconds=self._since_seconds()):
            if not raw:
                continue  # how the provider ends a stream; an empty line has its time in front
            line = raw.decode("utf-8", errors="backslashreplace").rstrip("\r\n")
            stamp = _STAMPED.match(line)
            if stamp is not None:
                moment = _moment(line)
                if moment <= self._seen:
                    continue
                self._seen = moment
            yield line[stamp.end() :] if stamp is not None else line

    def _since_seconds(self) -> int | None:
        """How far back to ask: the cluster counts whole seconds by its own clock, so a minute more."""
        if not self._seen[0]:
            return None
        seen = datetime.fromisoformat(self._seen[0]).replace(tzinfo=UTC)
        return max(1, math.ceil((datetime.now(UTC) - seen).total_seconds())) + 60


def _moment(line: str) -> tuple[str, str]:
    """The time in front of a line, in an order that comparing keeps: some clusters leave out zeros at its end."""
    stamp = _STAMPED.match(line)
    return (stamp[1], (stamp[2] or "").ljust(9, "0")) if stamp else ("", "")
