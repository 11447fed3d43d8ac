"""Thirty expectations on a table of 17 columns: ours against reading the file, Great Expectations and pandera.

``python -m benchmarks.validation [ROWS]``: each engine in its own process, in turn, three times (slow ones once);
medians. ``work`` leaves the imports out. Peers that are not installed are left out by name.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

V, C, T = "expect_column_values_to_", "expect_column_", "expect_table_"
WORDS = [f"w{number:03d}" for number in range(500)]
SLOW = {"Great Expectations, COMPLETE", "Great Expectations, BOOLEAN_ONLY", "pandera on pandas, row rules alone"}


def make_table(path: Path, rows: int) -> None:
    """Numbers with gaps, codes, texts, a key and a time; one row in five hundred breaks a rule."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    words = np.array(WORDS)
    columns: dict[str, Any] = {"id": np.arange(rows), "group": rng.integers(0, rows // 2, rows)}
    for number in range(6):
        columns[f"real{number}"] = pa.array(rng.normal(0, 10, rows), mask=rng.random(rows) < 0.05)
    for number in range(4):
        columns[f"code{number}"] = rng.integers(0, 100, rows)
    for number in range(4):
        columns[f"text{number}"] = pa.array(words[rng.integers(0, 500, rows)], mask=rng.random(rows) < 0.02)
    columns["at"] = pa.array(np.datetime64("2024-01-01", "us") + rng.integers(0, 10**12, rows).astype("m8[us]"))
    pq.write_table(pa.table(columns), path)


def suite() -> dict[str, Any]:
    """Twenty row rules and ten table rules."""
    row_rules: list[tuple[str, dict[str, Any]]] = [
        *((f"{V}be_between", {"column": f"real{n}", "min_value": -45, "max_value": 45}) for n in range(4)),
        *((f"{V}not_be_null", {"column": f"real{n}", "mostly": 0.9}) for n in range(4)),
        *((f"{V}be_between", {"column": f"code{n}", "min_value": 0, "max_value": 99}) for n in range(4)),
        *((f"{V}match_regex", {"column": f"text{n}", "regex": r"^w\d{3}$"}) for n in range(3)),
        (f"{V}be_in_set", {"column": "text3", "value_set": WORDS[:499]}),
        (f"{V}be_unique", {"column": "id"}),
        ("expect_compound_columns_to_be_unique", {"column_list": ["id", "group"]}),
        (f"{C}pair_values_a_to_be_greater_than_b", {"column_A": "id", "column_B": "code0", "mostly": 0.9}),
        (f"{C}value_lengths_to_equal", {"column": "text0", "value": 4}),
    ]
    table_rules: list[tuple[str, dict[str, Any]]] = [
        (f"{C}mean_to_be_between", {"column": "real4", "min_value": -1, "max_value": 1}),
        (f"{C}stdev_to_be_between", {"column": "real4", "min_value": 9, "max_value": 11}),
        (f"{C}median_to_be_between", {"column": "real5", "min_value": -1, "max_value": 1}),
        (f"{C}min_to_be_between", {"column": "code0", "min_value": 0}),
        (f"{C}max_to_be_between", {"column": "code1", "max_value": 99}),
        (f"{C}sum_to_be_between", {"column": "code2", "min_value": 0}),
        (f"{C}unique_value_count_to_be_between", {"column": "text1", "max_value": 600}),
        (f"{C}distinct_values_to_be_in_set", {"column": "text2", "value_set": WORDS}),
        (f"{T}row_count_to_be_between", {"min_value": 10}),
        (f"{T}column_count_to_equal", {"value": 17}),
    ]
    rules = [{"type": kind, "kwargs": kwargs} for kind, kwargs in [*row_rules, *table_rules]]
    assert len(rules) == 30
    return {"name": "benchmark", "expectations": rules}


def floor(path: str) -> float:
    import pyarrow.parquet as pq

    started = time.perf_counter()
    for _ in pq.ParquetFile(path, pre_buffer=False).iter_batches(131_072):
        pass
    return time.perf_counter() - started


def ours(path: str, **places: str) -> float:
    from airflow_mlops_provider import jobs
    from airflow_mlops_provider.jobs import validation  # noqa: F401  # an import is not work

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as root:
        spec = {"dataset": {"uri": path}, "suite": suite(), "evidence_root": root}
        spec |= {key: f"{root}/{name}" for key, name in places.items()}
        jobs.run("validate", {**spec, "policy": {"max_quarantine_share": 0.1}})
    return time.perf_counter() - started


def with_quarantine(path: str) -> float:
    return ours(path, quarantine_uri="aside.parquet")


def with_both(path: str) -> float:
    return ours(path, quarantine_uri="aside.parquet", clean_uri="clean.parquet")


def great_expectations(path: str, *, result_format: str) -> float:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    import pandas as pd

    started = time.perf_counter()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("batch")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": pd.read_parquet(path)})
    rules = gx.ExpectationSuite(**suite())
    batch.validate(rules, result_format={"result_format": result_format, "unexpected_index_column_names": ["id"]})
    return time.perf_counter() - started


def boolean_only(path: str) -> float:
    return great_expectations(path, result_format="BOOLEAN_ONLY")


def complete(path: str) -> float:
    return great_expectations(path, result_format="COMPLETE")


def pandera(path: str) -> float:
    import pandas as pd
    import pandera.pandas as pa
    from pandera.errors import SchemaErrors

    started = time.perf_counter()
    columns = {f"real{n}": pa.Column(float, pa.Check.in_range(-45, 45), nullable=True) for n in range(4)}
    columns |= {f"code{n}": pa.Column(int, pa.Check.in_range(0, 99)) for n in range(4)}
    columns |= {f"text{n}": pa.Column(str, pa.Check.str_matches(r"^w\d{3}$"), nullable=True) for n in range(3)}
    columns["text3"] = pa.Column(str, pa.Check.isin(WORDS[:499]), nullable=True)
    columns["id"] = pa.Column(int, unique=True)
    try:
        pa.DataFrameSchema(columns, unique=["id", "group"]).validate(pd.read_parquet(path), lazy=True)
    except SchemaErrors as errors:
        len(errors.failure_cases)
    return time.perf_counter() - started


ENGINES: dict[str, Callable[[str], float]] = {
    "floor: read the file": floor,
    "ours: scan, judge, evidence": ours,
    "ours: with quarantine": with_quarantine,
    "ours: with quarantine and clean rows": with_both,
    "Great Expectations, BOOLEAN_ONLY": boolean_only,
    "Great Expectations, COMPLETE": complete,
    "pandera on pandas, row rules alone": pandera,
}


def run_engine(name: str, path: Path) -> tuple[float, float, float, float] | None:
    """Wall seconds of the process, of work in it, of CPU, and peak MB; ``None`` when the engine is not installed."""
    started = time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.validation", "--engine", name, str(path)]
    done = subprocess.run(command, capture_output=True, check=False)
    wall = time.perf_counter() - started
    if done.returncode:
        if b"ModuleNotFoundError" in done.stderr:
            return None
        raise SystemExit(f"{name}: {done.stderr.decode()[-2000:]}")
    result = json.loads(done.stdout.splitlines()[-1])
    return wall, result["work"], result["cpu"], result["peak_mb"]


def main(arguments: list[str]) -> None:
    """Print the table, or run one engine for it."""
    if arguments[:1] == ["--engine"]:
        import resource

        work = ENGINES[arguments[1]](arguments[2])
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
        print(json.dumps({"work": work, "cpu": cpu, "peak_mb": peak}), flush=True)
        os._exit(0)
    rows = int(arguments[0]) if arguments else 1_000_000
    found: dict[str, list[tuple[float, ...]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        make_table(path, rows)
        for turn in range(3):
            for name in ENGINES:
                if turn and (name in SLOW or name not in found):
                    continue
                measured = run_engine(name, path)
                if measured is None:
                    print(f"{name}: not installed")
                else:
                    found.setdefault(name, []).append(measured)
    print_table(rows, {name: tuple(map(statistics.median, zip(*runs, strict=True))) for name, runs in found.items()})


def print_table(rows: int, medians: dict[str, tuple[float, ...]]) -> None:
    """Ratios are of whole processes, as the goals are; those of CPU hold on a busy machine too."""
    base, slowest = medians["floor: read the file"], medians["Great Expectations, COMPLETE"]
    print(f"\n30 expectations on {rows:,} rows of 17 columns")
    print("| engine | wall s | work s | CPU s | peak MB | x floor (wall, CPU) | of COMPLETE (wall, CPU) |")
    print("|---|---|---|---|---|---|---|")
    for name, (wall, work, cpu, peak) in medians.items():
        ratios = f"{wall / base[0]:.1f}, {cpu / base[2]:.1f} | 1/{slowest[0] / wall:.1f}, 1/{slowest[2] / cpu:.1f}"
        print(f"| {name} | {wall:.2f} | {work:.2f} | {cpu:.2f} | {peak:,.0f} | {ratios} |")
    print("goals, with quarantine: at most 3 x the floor, at most 1/15 of Great Expectations' COMPLETE")


if __name__ == "__main__":
    main(sys.argv[1:])
