"""Run each job of a list in a process that dies at a random moment, then run it again to the end.

Its own process, because it forks: everything is imported once, before any thread or connection exists.
Usage: ``killed_jobs.py SPECS.json SEED``; SPECS is a list of ``[name, spec]``. Prints what happened as JSON.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

# What the jobs import lazily: otherwise every fork would spend its short life on imports.
import pandas as pd  # noqa: F401
import pyarrow.parquet  # noqa: F401
import sklearn.linear_model  # noqa: F401
import skops.io  # noqa: F401

from airflow_mlops_provider.jobs import load, run


def in_child(name: str, spec: dict, seconds: float | None) -> bool:
    """Run a job in a fork; whether it came to its end."""
    child = os.fork()
    if child == 0:
        if seconds is not None:
            signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-4))  # SIGALRM ends the process where it stands
        try:
            run(name, spec)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001  # a fork must never return into the caller's code
            print(f"{name}: {error}", file=sys.stderr)
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return False
    if os.WEXITSTATUS(status):
        sys.exit(f"{name} failed")
    return True


def main() -> None:
    jobs, rng = json.loads(Path(sys.argv[1]).read_text()), random.Random(int(sys.argv[2]))
    for name in {name for name, _ in jobs}:
        load(name)
    assert threading.active_count() == 1, "forking beside a thread"
    took: dict[str, float] = {}
    killed = 0
    for name, spec in jobs:
        if name in took:
            killed += not in_child(name, spec, rng.uniform(0, took[name]))
        started = time.perf_counter()
        in_child(name, spec, None)
        took.setdefault(name, time.perf_counter() - started)
    print(json.dumps({"killed": killed}))


if __name__ == "__main__":
    main()
