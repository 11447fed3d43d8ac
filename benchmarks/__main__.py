"""``python -m benchmarks [TABLE ...]``: every table of measurements in turn, then all goals.

Peers that cannot live beside Airflow get environments of their own first. A table that cannot be measured is named and
the others go on.
"""

from __future__ import annotations

import importlib
import platform
import sys
import time
import traceback

from benchmarks import peers
from benchmarks.engines import Goal, print_goals

TABLES = ("drift", "verdicts", "validation", "slices", "parts", "tables", "operators", "training", "page")


def main(arguments: list[str]) -> int:
    """Run the named tables, all by default; returns 1 when one of them could not be measured."""
    peers.prepare()
    started, failed = time.perf_counter(), []
    goals: list[Goal] = []
    print(f"# Measurements\n\n{_machine()}")
    for name in arguments or TABLES:
        try:
            goals += importlib.import_module(f"benchmarks.{name}").main([])
        except Exception:  # noqa: BLE001  # whatever one table meets, the others are still wanted
            traceback.print_exc()
            failed.append(name)
    print_goals(goals)
    print(f"Measured in {(time.perf_counter() - started) / 60:.0f} minutes.")
    for name in failed:
        print(f"benchmarks.{name} could not be measured; its error is above")
    return 1 if failed else 0


def _machine() -> str:
    import os

    return f"{os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}, {platform.system()}."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
