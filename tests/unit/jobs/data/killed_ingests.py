"""Ingests that are killed as they are about to touch a file, and tried again.

Its own process, because it forks: everything is imported once, before any thread exists.
Usage: ``killed_ingests.py FOLDER SEED``. Prints, for each interval, what ``latest.snapshot`` held as JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import signal
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_mlops_provider.jobs import job_class, run
from airflow_mlops_provider.stores.datasets.dataset import open_dataset

MOMENTS = 30
TOUCHES = ("open", "os.rename", "os.link", "os.remove", "os.mkdir")
"""Audit events at which a process touches a file."""


class World:
    """A source that grows, and the folder of its snapshots."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.source = folder, folder / "source.parquet"

    def deliver(self, count: int) -> list[int]:
        """Let the source hold ``count`` rows."""
        pq.write_table(pa.table({"nr": list(range(count))}), self.source)
        return list(range(count))

    def ingest(self, day: int) -> None:
        """Take over what is new, as the interval of that day."""
        start = dt.datetime(2026, 11, 1, tzinfo=dt.UTC) + dt.timedelta(days=day)
        where = {"output_uri": str(self.folder / "raw"), "evidence_root": str(self.folder / "mlops")}
        policy = {"max_row_change": None}
        spec = {"source": str(self.source), "interval_start": start.isoformat(), "policy": policy, **where}
        run("ingest", {**spec, "watermark_column": "nr"})

    def latest(self) -> list[int]:
        """The rows at ``latest.snapshot``."""
        return open_dataset(str(self.folder / "raw" / "latest.snapshot")).table().column("nr").to_pylist()

    def forked(self, day: int, *, die_at: int | None) -> int:
        """Take over in a fork that dies at a touch; how it ended, or the number of touches when it came to its end."""
        counted = self.folder / "touches"
        child = os.fork()
        if child:
            _, status = os.waitpid(child, 0)
            return -signal.SIGKILL if os.WIFSIGNALED(status) else int(counted.read_text())
        try:
            touches = watch(die_at)
            self.ingest(day)
            counted.write_text(str(len(touches)))
        finally:
            os._exit(0)


def watch(die_at: int | None) -> list[str]:
    """Count the touches of this process from now on, and die at one."""
    touches: list[str] = []

    def hook(event: str, args: tuple) -> None:
        if event in TOUCHES and "/raw/" in f"{args[0]}/":
            if len(touches) == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            touches.append(event)

    sys.addaudithook(hook)
    return touches


def main() -> None:
    world, rng = World(Path(sys.argv[1])), random.Random(int(sys.argv[2]))
    job_class("ingest")
    world.deliver(10)
    world.ingest(0)
    world.deliver(20)
    touches = world.forked(1, die_at=None)
    before, found = world.latest(), []
    for number, moment in enumerate(rng.choices(range(touches), k=MOMENTS)):
        wanted = world.deliver(30 + 10 * number)
        ended = world.forked(2 + number, die_at=moment)
        after_kill = world.latest()
        world.ingest(2 + number)
        known = {"before": before, "after_kill": after_kill, "after_retry": world.latest(), "wanted": wanted}
        found.append({"was_killed": ended == -signal.SIGKILL, **known})
        before = wanted
    print(json.dumps(found))


if __name__ == "__main__":
    main()
