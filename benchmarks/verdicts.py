"""Does the streaming profile judge every column as exact statistics do?

Tables like that of the drift benchmark, of several sizes, quiet and drifted, in random order and sorted; each is
measured twice, by the default and with every distance computed from all values, and judged by the default policy.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.drift import make_table
from benchmarks.engines import Goal, print_goals

SIZES = (500, 5_000, 50_000, 500_000)
QUIET, MOVED = 2, 1
"""Seeds of the current side; with the second, two columns have moved by 0.3."""


def statuses(reference: str, current: str, *, exact: bool) -> dict[tuple[str, str], Any]:
    """Subject and measure of every finding, with its status."""
    import airflow_mlops_provider.analysis.drift as analysis
    from airflow_mlops_provider.decisions.drift import DriftPolicy, judge_drift
    from airflow_mlops_provider.stores.datasets.dataset import open_dataset

    precision = analysis.Precision(exact_rows=sys.maxsize if exact else 0, wasserstein=exact)
    sides = (open_dataset(uri) for uri in (reference, current))
    report = analysis.measure_drift(*sides, joint=False, precision=precision)
    verdict = judge_drift(report, DriftPolicy(joint=False))
    return {(finding.subject, finding.measure): finding.status for finding in verdict.findings}


def sort_rows(path: Path) -> Path:
    """The same rows sorted by their first column, as files that grow in time are."""
    import pyarrow.parquet as pq

    target = path.with_name(f"sorted-{path.name}")
    pq.write_table(pq.read_table(path).sort_by("x00"), target)
    return target


def main(_arguments: list[str]) -> list[Goal]:
    """Compare, print the cases, and return the goal."""
    compared, different = 0, []
    print("\n## Verdicts, by column\n\n| case | findings | judged differently |\n|---|---|---|")
    for rows in SIZES:
        with tempfile.TemporaryDirectory() as place:
            reference = Path(place, "reference.parquet")
            make_table(reference, rows, 0)
            for name, seed in (("quiet", QUIET), ("drifted", MOVED)):
                current = Path(place, f"{name}.parquet")
                make_table(current, rows, seed)
                for order in ("random order", "sorted"):
                    pair = (reference, current) if order != "sorted" else tuple(map(sort_rows, (reference, current)))
                    fast, exact = (statuses(*map(str, pair), exact=exact) for exact in (False, True))
                    wrong = sorted(f"{' '.join(key)}" for key in fast.keys() | exact if fast.get(key) != exact.get(key))
                    compared, different = compared + len(exact), [*different, *wrong]
                    print(f"| {rows:,} rows, {name}, {order} | {len(exact)} | {', '.join(wrong) or 'none'} |")
    what = "same verdict as exact statistics"
    measured = f"{compared - len(different):,} of {compared:,} findings"
    return [Goal(what=what, goal="every column of every case", measured=measured, reached=not different)]


if __name__ == "__main__":
    print_goals(main(sys.argv[1:]))
