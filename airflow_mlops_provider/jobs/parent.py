"""A job that ends with the process that started it, however that one ends, and when it is told to."""

from __future__ import annotations

import os
import signal
import threading

from airflow_mlops_provider.jobs.protocol import PARENT_PIPE


def end_with_parent() -> None:
    """Watch the pipe that :data:`PARENT_PIPE` names, if any, and kill the process group when its other end closes.

    The parent holds the other end, and the kernel closes it however the parent ends, by SIGKILL too. Without this, a
    job whose task is gone would go on alone and could still move an alias.
    """
    named = os.environ.pop(PARENT_PIPE, "")  # this job's own: a process that it starts watches nothing
    if named.isdecimal():
        threading.Thread(target=_watch, args=(int(named),), name="end with parent", daemon=True).start()


def end_when_told(process_id: int) -> None:
    """Let SIGTERM end this process also where it is the first one of a container, which the kernel spares otherwise.

    A pod that is deleted would go on until its grace period is over.

    :param process_id: of this process.
    """
    if process_id == 1:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))


def _watch(pipe: int) -> None:
    try:
        while os.read(pipe, 1):
            pass
    except OSError:
        return  # no such pipe: nobody waits for this job
    # At once and the whole group: whoever would have waited for a graceful end is gone.
    os.killpg(os.getpgrp(), signal.SIGKILL)
