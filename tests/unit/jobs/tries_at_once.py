"""Tries of one request in processes of their own, all started at the same moment; prints what each got as JSON lines.

Its own process, because it forks: everything is imported once, before any thread or connection exists.
Usage: ``tries_at_once.py NAME TRIES``, with the spec on the standard input.
"""

from __future__ import annotations

import json
import os
import sys
import threading

# What the jobs import lazily: otherwise the tries would spend their time on imports, each at another pace.
import mlflow.sklearn  # noqa: F401
import pandas as pd  # noqa: F401
import pyarrow.parquet  # noqa: F401
import sklearn.linear_model  # noqa: F401
import skops.io  # noqa: F401

from airflow_mlops_provider.jobs import job_class, run


def attempt(name: str, spec: dict, start: int) -> None:
    """Wait for the others, run the job and print its Outcome."""
    os.read(start, 1)  # ends when the parent closes its side
    try:
        sys.stdout.write(json.dumps(run(name, spec).to_json()) + "\n")
        sys.stdout.flush()
        os._exit(0)
    except BaseException as error:  # noqa: BLE001  # a fork must never return into the caller's code
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def main() -> None:
    name, tries, spec = sys.argv[1], int(sys.argv[2]), json.load(sys.stdin)
    job_class(name)
    assert threading.active_count() == 1, "forking beside a thread"
    start, go = os.pipe()
    children = []
    for _ in range(tries):
        child = os.fork()
        if not child:
            os.close(go)
            attempt(name, spec, start)
        children.append(child)
    os.close(go)
    failed = [child for child in children if os.waitpid(child, 0)[1]]
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
