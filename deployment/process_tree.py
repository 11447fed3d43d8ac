"""A process with all that it has started, wherever they went: ended for certain, and weighed."""

from __future__ import annotations

import contextlib
import os

import psutil


def tree_of(root: psutil.Process) -> list[psutil.Process]:
    """``root``, its descendants, and whatever else is in its session; parents first.

    Airflow's supervisors and Celery's pool may put tasks into process groups of their own, so a group is not enough.

    :param root: a process that began a session; another process that has its number by now is left alone.
    """
    found: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        found = [root, *root.children(recursive=True)] if root.is_running() else []
    if not found and psutil.pid_exists(root.pid):
        return []
    known = {each.pid for each in found}
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if each.pid not in known and os.getsid(each.pid) == root.pid:
                found.append(each)
    return found


def kill(processes: list[psutil.Process]) -> None:
    """End processes without warning, parents first, so that nobody starts what was ended again."""
    for each in processes:
        with contextlib.suppress(psutil.Error):
            each.kill()
    psutil.wait_procs(processes, timeout=10)


def memory_of(processes: list[psutil.Process]) -> float:
    """Their memory in GB; what several of them share counts once."""
    total = 0
    for each in processes:
        with contextlib.suppress(psutil.Error):
            total += each.memory_full_info().pss
    return total / 1e9
