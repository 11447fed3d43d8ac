"""Purges of snapshots that are killed as they are about to touch a file, and tried again.

Its own process, because it forks: everything is imported once, before any thread exists.
Usage: ``killed_snapshot_purges.py FOLDER SEED``. Prints, for each trial, which snapshots there were as JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import shutil
import signal
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_mlops_provider.jobs import job_class, run
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.snapshots import SnapshotFolder

MOMENTS = 30
TOUCHES = ("open", "os.rename", "os.link", "os.remove", "os.mkdir")
"""Audit events at which a process touches a file."""
AT_ONCE = 1e-9


class World:
    """Six snapshots of a source, of which a purge removes four."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.where = folder, {"evidence_root": str(folder / "mlops")}
        self.raw = SnapshotFolder(str(folder / "raw"))

    def make(self) -> None:
        """The snapshots, and no evidence that still speaks of them."""
        source = self.folder / "source.parquet"
        for day in range(1, 7):
            pq.write_table(pa.table({"nr": [day] * 10}), source)
            start = dt.datetime(2026, 1, day, tzinfo=dt.UTC).isoformat()
            spec = {"source": str(source), "output_uri": self.raw.uri, "interval_start": start}
            run("ingest", {**spec, **self.where})
        run("purge", {"retention_days": AT_ONCE, **self.where})

    def purge(self) -> None:
        """Remove what is past its time."""
        spec = {"retention_days": 30, "snapshots": [self.raw.uri], "snapshot_days": AT_ONCE}
        run("purge", {**spec, **self.where})

    def is_readable(self) -> bool:
        """Whether all that is listed can be read, and so can ``latest``."""
        rows = [open_dataset(self.raw.uri_of(name)).rows for name in (*self.raw.names(), "latest")]
        return set(rows) == {10} and set(self.raw.published()) <= set(self.raw.names())

    def forked(self, *, die_at: int | None) -> int:
        """Purge in a fork that dies at a touch; how it ended, or the number of touches when it came to its end."""
        counted = self.folder.parent / "touches"
        child = os.fork()
        if child:
            _, status = os.waitpid(child, 0)
            return -signal.SIGKILL if os.WIFSIGNALED(status) else int(counted.read_text())
        try:
            touches = watch(die_at)
            self.purge()
            counted.write_text(str(len(touches)))
        finally:
            os._exit(0)


def watch(die_at: int | None) -> list[str]:
    """Count the touches of this process from now on, and die at one."""
    touches: list[str] = []

    def hook(event: str, args: tuple) -> None:
        if event in TOUCHES and ("/raw/" in f"{args[0]}/" or "/mlops/" in f"{args[0]}/"):
            if len(touches) == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            touches.append(event)

    sys.addaudithook(hook)
    return touches


def main() -> None:
    root, rng = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
    job_class("ingest"), job_class("purge")
    template = World(root / "template")
    template.folder.mkdir()
    template.make()

    def copy(name: str) -> World:
        shutil.copytree(template.folder, root / name)
        return World(root / name)

    touches, found = copy("counted").forked(die_at=None), []
    for number, moment in enumerate(rng.choices(range(touches), k=MOMENTS)):
        world = copy(str(number))
        before = world.raw.names()
        ended = world.forked(die_at=moment)
        after_kill, is_readable = world.raw.names(), world.is_readable()
        world.purge()
        known = {"before": before, "after_kill": after_kill, "after_retry": world.raw.names(), "wanted": before[-2:]}
        found.append({"was_killed": ended == -signal.SIGKILL, "readable_after_kill": is_readable, **known})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
