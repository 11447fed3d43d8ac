"""Many parts: daily files profiled against the same rows in one file, a new day, and parts whose rows grow tenfold.

``python -m benchmarks.parts [FILES [ROWS]]`` prints the tables and the goals: ``FILES`` daily files of 2,000 rows, and
``ROWS`` rows in all in the twenty parts of the last table, of which a tenth is measured before.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.engines import Engine, Figures, Goal, measure, print_goals, print_table, run_one

ROWS_A_DAY = 2_000
LARGE_PARTS = 20
ONE, DAYS, AGAIN, NEW_DAY = "one file", "daily files", "daily files, nothing new", "daily files, one new"
IMPORTS = "floor: import what the job needs"
PROFILE, VALIDATE, READ = "profile every part and merge", "validate every part and merge", "floor: read every part"
MAX_SECONDS = 2.0


def make_rows(rows: int, seed: int) -> Any:
    """Numbers, codes and texts in 13 columns; one row in five hundred breaks a rule."""
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng(seed)
    words = np.array([f"w{number:03d}" for number in range(300)])
    columns: dict[str, Any] = {f"real{number}": rng.normal(0, 10, rows) for number in range(6)}
    columns |= {f"code{number}": rng.integers(0, 12, rows) for number in range(3)}
    columns |= {f"text{number}": words[rng.integers(0, 300, rows)] for number in range(4)}
    columns["code0"][rng.random(rows) < 0.002] = 99
    return pa.table(columns)


def make_days(folder: Path, files: int) -> None:
    """The same rows as daily files and as one file."""
    import pyarrow.parquet as pq

    (folder / "days").mkdir()
    writer = None
    for day in range(files):
        table = make_rows(ROWS_A_DAY, day)
        pq.write_table(table, folder / "days" / f"{day:06d}.parquet")
        writer = writer or pq.ParquetWriter(folder / "one.parquet", table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def make_parts(folder: Path, rows: int) -> None:
    """Twenty files of a twentieth of the rows each, in row groups of 100,000."""
    import pyarrow.parquet as pq

    folder.mkdir()
    for part in range(LARGE_PARTS):
        left, group = rows // LARGE_PARTS, 0
        with pq.ParquetWriter(folder / f"{part:02d}.parquet", make_rows(1, 0).schema) as writer:
            while left:
                writer.write_table(make_rows(min(left, 100_000), 1_000 * part + group))
                left, group = left - min(left, 100_000), group + 1


def profile(dataset: str, output: str, root: str, **keys: Any) -> Any:
    from airflow_mlops_provider import jobs

    return jobs.run("profile", {"dataset": dataset, "output_uri": output, "evidence_root": root, **keys})


def one_file(folder: str) -> float:
    started = time.perf_counter()
    profile(f"{folder}/one.parquet", f"{folder}/one.profile", f"{folder}/mlops-{os.getpid()}")
    return time.perf_counter() - started


def daily_files(folder: str) -> float:
    started = time.perf_counter()
    profile(f"{folder}/days", f"{folder}/days.profile", f"{folder}/mlops-{os.getpid()}")
    return time.perf_counter() - started


def nothing_new(folder: str) -> float:
    started = time.perf_counter()
    profile(f"{folder}/days", f"{folder}/days.profile", f"{folder}/mlops")
    return time.perf_counter() - started


def new_day(folder: str) -> float:
    day = Path(folder, "days", f"new-{os.getpid()}.parquet")
    shutil.copyfile(f"{folder}/days/000000.parquet", day)
    try:
        return nothing_new(folder)
    finally:
        day.unlink()


def imports(folder: str) -> float:  # noqa: ARG001  # as its siblings
    import airflow_mlops_provider.jobs.data.profile

    return float(airflow_mlops_provider.jobs.data.profile is None)


def read_parts(folder: str) -> float:
    import pyarrow.parquet as pq

    started = time.perf_counter()
    for path in sorted(Path(folder, "parts").glob("*.parquet")):
        for _ in pq.ParquetFile(path, pre_buffer=False).iter_batches(65_536):
            pass
    return time.perf_counter() - started


def profile_parts(folder: str) -> float:
    from airflow_mlops_provider import jobs
    from airflow_mlops_provider.stores.datasets.listing import ranges

    started, root, found = time.perf_counter(), f"{folder}/mlops-{os.getpid()}", []
    for number, part in enumerate(ranges(f"{folder}/parts", at_most=LARGE_PARTS)):
        edges = {"edges": f"{folder}/part-00.profile"} if number else {}
        found.append(profile(part.uri, f"{folder}/part-{number:02d}.profile", root, shared=False, **edges))
    whole = {"parts": [each.evidence_uri for each in found], "output_uri": f"{folder}/parts.profile"}
    jobs.run("merge", whole | {"evidence_root": root})
    return time.perf_counter() - started


def validate_parts(folder: str) -> float:
    from airflow_mlops_provider import jobs
    from airflow_mlops_provider.stores.datasets.listing import ranges

    started, places = time.perf_counter(), {"evidence_root": f"{folder}/mlops-{os.getpid()}"}
    policy, out = {"max_quarantine_share": 0.1}, f"{folder}/out-{os.getpid()}"
    parts = [
        jobs.run(
            "validate",
            {"dataset": part.uri, "suite": suite(), "policy": policy}
            | {f"{kind}_uri": f"{out}/{kind}/{number:02d}.parquet" for kind in ("clean", "quarantine")}
            | places,
        ).evidence_uri
        for number, part in enumerate(ranges(f"{folder}/parts", at_most=LARGE_PARTS))
    ]
    whole = {"parts": parts, "dataset": f"{out}/clean", "quarantine_uri": f"{out}/quarantine", "policy": policy}
    verdict = jobs.run("merge", whole | places).verdict
    shutil.rmtree(out)
    if str(verdict.status) not in ("pass", "notice"):
        raise AssertionError(verdict.summary)
    return time.perf_counter() - started


def suite() -> dict[str, Any]:
    """Thirteen rules on single rows, and two on the table."""
    between = "expect_column_values_to_be_between"
    rules = [(between, {"column": f"real{number}", "min_value": -90, "max_value": 90}) for number in range(6)]
    rules += [(between, {"column": f"code{number}", "min_value": 0, "max_value": 11}) for number in range(3)]
    rules += [("expect_column_values_to_match_regex", {"column": f"text{n}", "regex": r"^w\d{3}$"}) for n in range(4)]
    rules += [
        ("expect_column_to_exist", {"column": "real0"}),
        ("expect_table_row_count_to_be_between", {"min_value": 1}),
    ]
    return {"name": "parts", "expectations": [{"type": kind, "kwargs": kwargs} for kind, kwargs in rules]}


SMALL_FILES = (
    Engine(name=IMPORTS, run=imports),
    Engine(name=ONE, run=one_file),
    Engine(name=DAYS, run=daily_files),
    Engine(name=AGAIN, run=nothing_new),
    Engine(name=NEW_DAY, run=new_day),
)
LARGE_FILES = (
    Engine(name=READ, run=read_parts),
    Engine(name=PROFILE, run=profile_parts),
    Engine(name=VALIDATE, run=validate_parts),
)


def _small_files(files: int) -> dict[str, Figures]:
    with tempfile.TemporaryDirectory() as folder:
        make_days(Path(folder), files)
        # So that the daily files are known to the last two engines.
        measure("parts", [engine for engine in SMALL_FILES if engine.name == AGAIN], Path(folder), turns=1)
        medians, failed = measure("parts", SMALL_FILES, Path(folder), turns=3)
        kept = sum(path.stat().st_size for path in Path(folder, "mlops", "profiles").rglob("*") if path.is_file())
    title = f"{files:,} daily files of {ROWS_A_DAY:,} rows x 13 columns, profiled; kept: {kept / 1e6:.1f} MB"
    print_table(title, medians, failed, floor=ONE, order=[engine.name for engine in SMALL_FILES])
    return medians


def _large_files(rows: int) -> dict[str, Figures]:
    with tempfile.TemporaryDirectory() as folder:
        make_parts(Path(folder, "parts"), rows)
        medians, failed = measure("parts", LARGE_FILES, Path(folder), turns=1)
    title = f"{rows:,} rows x 13 columns in {LARGE_PARTS} parts"
    print_table(title, medians, failed, floor=READ, order=[engine.name for engine in LARGE_FILES])
    return medians


def _growth(name: str, small: Figures, large: Figures) -> Goal:
    ratio = large.peak_mb / small.peak_mb
    return Goal(
        what=f"{name}, ten times the rows",
        goal="memory at most 1.1 x",
        measured=f"{ratio:.2f} x ({small.peak_mb:,.0f} -> {large.peak_mb:,.0f} MB)",
        reached=ratio <= 1.1,
    )


def main(arguments: list[str]) -> list[Goal]:
    """Print both tables; returns the goals."""
    files, rows = (int(given) for given in (*arguments, *("10000", "20000000")[len(arguments) :]))
    small = _small_files(files)
    tenth, whole = _large_files(rows // 10), _large_files(rows)
    own = Figures(*(one / other for one, other in zip(small[DAYS], small[ONE], strict=True)))
    return [
        Goal(
            what=f"{files:,} daily files",
            goal=f"CPU at most 1.5 x {ONE}",
            measured=f"{own.cpu:.2f} x",
            reached=own.cpu <= 1.5,
        ),
        Goal(
            what=f"a new day beside {files:,}",
            goal=f"at most {MAX_SECONDS:g} s",
            measured=f"{small[NEW_DAY].wall:.2f} s ({small[NEW_DAY].cpu:.2f} s of CPU)",
            reached=small[NEW_DAY].wall <= MAX_SECONDS,
        ),
        *(_growth(name, tenth[name], whole[name]) for name in (PROFILE, VALIDATE)),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--engine"]:
        run_one((*SMALL_FILES, *LARGE_FILES), sys.argv[1:])
    print_goals(main(sys.argv[1:]))
