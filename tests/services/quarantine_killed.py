"""Validations that divide a table of PostgreSQL, killed at random moments and run again; prints what happened as JSON.

Its own process, because it forks: everything is imported once, before any thread or connection exists.
Usage: ``quarantine_killed.py SPEC.json DSN SEED TIMES``.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi
import psycopg2
import pyarrow.parquet

from airflow_mlops_provider.jobs import job_class, run

assert adbc_driver_postgresql.dbapi
assert pyarrow.parquet


def start(spec: dict[str, Any], seconds: float | None = None) -> int:
    """Run the job in a fork, which ends after ``seconds``; its process id."""
    child = os.fork()
    if child:
        return child
    if seconds is not None:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-4))  # SIGALRM ends the process where it stands
    try:
        run("validate", spec)
        os._exit(0)
    except BaseException as error:  # noqa: BLE001  # a fork must never return into the caller's code
        print(error, file=sys.stderr, flush=True)
        os._exit(1)


def ended(child: int) -> bool:
    """Wait; whether the job came to its end and was not killed."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return False
    if os.WEXITSTATUS(status):
        sys.exit("a job failed")
    return True


def ask(dsn: str, *statements: str) -> list[Any]:
    """Run statements; the rows of the last one."""
    connection = psycopg2.connect(dsn)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        found = list(cursor.fetchall()) if cursor.description else []
    connection.commit()
    connection.close()
    return found


BOTH = "SELECT id, batch FROM orders_clean UNION ALL SELECT id, batch FROM orders_aside ORDER BY id"


def main(spec: dict[str, Any], dsn: str, rng: random.Random, times: int) -> dict[str, int]:
    """Kill and retry; exits when a row is lost, is there twice, or belongs to another batch than the others."""
    job_class("validate")
    rows = ask(dsn, "SELECT count(*) FROM orders")[0][0]
    for _ in range(2):  # the first one also imports
        began = time.perf_counter()
        ended(start(spec))
        took = time.perf_counter() - began
    killed = old = 0
    for batch in range(1, times + 1):
        ask(dsn, f"UPDATE orders SET batch = {batch}")
        killed += not ended(start(spec, rng.uniform(0, took)))
        found = ask(dsn, BOTH)
        seen = {each[1] for each in found}
        if [each[0] for each in found] != list(range(rows)) or len(seen) != 1:
            sys.exit(f"after a kill there are {len(found)} rows of the batches {seen}")
        old += batch not in seen
        ended(start(spec))
        if ask(dsn, BOTH) != [(number, batch) for number in range(rows)]:
            sys.exit("after the retry the rows are not those of the batch")
    return {"killed": killed, "old": old}


if __name__ == "__main__":
    print(
        json.dumps(
            main(
                json.loads(Path(sys.argv[1]).read_text()),
                sys.argv[2],
                random.Random(int(sys.argv[3])),
                int(sys.argv[4]),
            )
        )
    )
