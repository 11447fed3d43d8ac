"""``make test-install``: the wheel into fresh environments with an Airflow that is there before it.

For each Airflow and each extra alone: the wheel installs, ``pip check`` is content, Airflow keeps its version,
provider, plugin and Dag bundle load, and one Dag runs that needs no more than this extra. Then 0.1.0 is upgraded in
place. It needs a package index, and Git for the wheel of 0.1.0, so it is no part of ``make test``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import tomllib
from pathlib import Path

from tests.install.environment import REPOSITORY, Environment, build_wheel
from tests.install.trial import Trial, run_trial, table

AIRFLOWS = ("3.1", "3.2", "3.3")
FIRST_RELEASE = "fc63324"
"""The commit of version 0.1.0."""
UPGRADE = "upgrade from 0.1.0"


def extras() -> list[str]:
    """Every extra but those that are made of the others; the empty name is the package alone."""
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        declared = tomllib.load(file)["project"]["optional-dependencies"]
    return ["", *(name for name in declared if name not in ("all", "demo"))]


def main() -> int:
    """Try every combination that was asked for and print the table; returns 0 only when all held."""
    parser = argparse.ArgumentParser(prog="make test-install", description=__doc__)
    parser.add_argument("--airflow", nargs="*", default=list(AIRFLOWS), help="series, such as 3.2")
    parser.add_argument("--extra", nargs="*", default=[*extras(), UPGRADE], help="extras; '' is the package alone")
    asked = parser.parse_args()
    trials: list[Trial] = []
    with tempfile.TemporaryDirectory(prefix="install-") as place:
        folder = Path(place)
        wheel, first = build_wheel(folder / "wheels"), None
        if UPGRADE in asked.extra:
            first = build_wheel(folder / "first", commit=FIRST_RELEASE)
        for series in asked.airflow:
            with Environment(folder / series, airflow=series) as environment:
                for extra in asked.extra:
                    old = first if extra == UPGRADE else None
                    taken = "analysis" if extra == UPGRADE else extra
                    trial = run_trial(environment, wheel=wheel, extra=taken, label=extra, before=old)
                    print(trial.line, flush=True)
                    trials.append(trial)
    print(f"\n{table(trials)}")
    return 0 if all(trial.held for trial in trials) else 1


if __name__ == "__main__":
    sys.exit(main())
