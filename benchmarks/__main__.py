"""``python -m benchmarks [ROWS]``: every table of measurements in turn, each engine in a process of its own."""

from __future__ import annotations

import subprocess
import sys

TABLES = ("drift", "validation", "slices")


def main(arguments: list[str]) -> int:
    """Run every table; returns 1 when one of them could not be measured."""
    commands = {name: [sys.executable, "-m", f"benchmarks.{name}", *arguments] for name in TABLES}
    failed = [name for name, command in commands.items() if subprocess.run(command, check=False).returncode]
    for name in failed:
        print(f"benchmarks.{name} ended with an error")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
