"""Jobs in processes of their own: killed at random moments and run again, or all started together.

Its own process, because it forks: everything is imported once, before any thread or connection exists.
Usage: ``forked_jobs.py SPECS.json SEED`` or ``forked_jobs.py SPECS.json together``; SPECS is a list of
``[name, spec]``. Prints what happened as JSON.
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

from airflow_mlops_provider.jobs import job_class, run


def start(name: str, spec: dict, seconds: float | None = None) -> int:
    """Run a job in a fork, which ends after ``seconds``; its process id."""
    child = os.fork()
    if child:
        return child
    if seconds is not None:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-4))  # SIGALRM ends the process where it stands
    try:
        run(name, spec)
        os._exit(0)
    except BaseException as error:  # noqa: BLE001  # a fork must never return into the caller's code
        print(f"{name}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def ended(child: int) -> bool:
    """Wait; whether the job came to its end and was not killed."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return False
    if os.WEXITSTATUS(status):
        sys.exit("a job failed")
    return True


def kill_and_retry(jobs: list, rng: random.Random) -> int:
    """How many of the jobs died in their first try."""
    took: dict[str, float] = {}
    killed = 0
    for name, spec in jobs:
        if name in took:
            killed += not ended(start(name, spec, rng.uniform(0, took[name])))
        started = time.perf_counter()
        ended(start(name, spec))
        took.setdefault(name, time.perf_counter() - started)
    return killed


def main() -> None:
    jobs, how = json.loads(Path(sys.argv[1]).read_text()), sys.argv[2]
    for name in {name for name, _ in jobs}:
        job_class(name)
    assert threading.active_count() == 1, "forking beside a thread"
    if how == "together":
        children = [start(name, spec) for name, spec in jobs]
        print(json.dumps({"ended": sum(map(ended, children))}))
    else:
        print(json.dumps({"killed": kill_and_retry(jobs, random.Random(int(how)))}))


if __name__ == "__main__":
    main()
