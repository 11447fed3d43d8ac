"""Slices of depth 1 and 2 on a table of predictions: ours against reading the file, DuckDB, Fairlearn and Aequitas.

``python -m benchmarks.slices [ROWS]``: each engine in its own process, in turn, three times (slow ones once); medians.
``work`` leaves the imports out; ``cpu`` is that of the whole process, and steadier on a busy machine. Peers that are
not installed are left out by name.
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
from itertools import combinations
from pathlib import Path

LEVELS = {"a": 2, "b": 5, "c": 8, "d": 12, "e": 20, "f": 34}
COLUMNS = list(LEVELS)
SLOW = {"Aequitas", "Fairlearn, depth 1 alone"}


def make_table(path: Path, rows: int) -> None:
    """A million people in 81 groups, and a model that is right for 85 % of them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    columns = {}
    for name, levels in LEVELS.items():
        shares = rng.dirichlet(np.full(levels, 3.0))
        columns[name] = np.array([f"{name}{i:02d}" for i in range(levels)])[rng.choice(levels, rows, p=shares)]
    truth = rng.integers(0, 2, rows)
    said = np.where(rng.random(rows) < 0.85, truth, 1 - truth)
    pq.write_table(pa.table(columns | {"y": truth, "p": said}), path)


def floor(path: str) -> float:
    import pyarrow.parquet as pq

    started = time.perf_counter()
    for _ in pq.ParquetFile(path, pre_buffer=False).iter_batches(131_072, columns=[*COLUMNS, "y", "p"]):
        pass
    return time.perf_counter() - started


def ours(path: str) -> float:
    import pyarrow as pa

    from airflow_mlops_provider.analysis.bias import measure_bias_of_classes
    from airflow_mlops_provider.analysis.bias.columns import plan_slices
    from airflow_mlops_provider.analysis.evaluation.predictions import read_prediction_table
    from airflow_mlops_provider.decisions.bias import BiasPolicy, judge_bias
    from airflow_mlops_provider.stores.datasets import open_dataset

    started = time.perf_counter()
    dataset = open_dataset(path)
    columns = [*COLUMNS, "y", "p"]
    schema = pa.schema([dataset.schema.field(name) for name in columns])

    def read(kinds: object) -> tuple:
        found = read_prediction_table(kinds, label="y", columns=["p"], metric="accuracy")
        return found.models[0], found.metric, found.notes

    report = measure_bias_of_classes(
        lambda: pa.RecordBatchReader.from_batches(schema, dataset.batches(columns)),
        plan_slices(COLUMNS, 2),
        read,
        label="y",
        prediction="p",
    )
    judge_bias(report, BiasPolicy())
    return time.perf_counter() - started


def whole_job(path: str) -> float:
    from airflow_mlops_provider import jobs

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as root:
        jobs.run(
            "bias", {"predictions": path, "label": "y", "prediction": "p", "slices": COLUMNS, "evidence_root": root}
        )
    return time.perf_counter() - started


def grouping_sets(path: str) -> float:
    import duckdb

    started = time.perf_counter()
    sets = ", ".join(f"({', '.join(names)})" for size in (1, 2) for names in combinations(COLUMNS, size))
    duckdb.sql(f"SELECT {', '.join(COLUMNS)}, y, p, count(*) FROM (SELECT * FROM '{path}') "
               f"GROUP BY y, p, GROUPING SETS ({sets})").fetchall()  # fmt: skip
    return time.perf_counter() - started


def aequitas(path: str) -> float:
    import pandas as pd
    from aequitas.group import Group

    started = time.perf_counter()
    frame = pd.read_parquet(path)
    for one, other in combinations(COLUMNS, 2):
        frame[f"{one} & {other}"] = frame[one] + " & " + frame[other]
    frame = frame.rename(columns={"p": "score", "y": "label_value"})
    Group().get_crosstabs(frame, attr_cols=[name for name in frame if name not in ("score", "label_value")])
    return time.perf_counter() - started


def fairlearn(path: str) -> float:
    import pandas as pd
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import accuracy_score

    started = time.perf_counter()
    frame = pd.read_parquet(path)
    for column in COLUMNS:
        _ = MetricFrame(
            metrics=accuracy_score, y_true=frame.y, y_pred=frame.p, sensitive_features=frame[column]
        ).by_group
    return time.perf_counter() - started


ENGINES: dict[str, Callable[[str], float]] = {
    "floor: read the columns": floor,
    "ours: measure and judge": ours,
    "ours: the whole job, with evidence and picture": whole_job,
    "DuckDB GROUPING SETS, counts alone": grouping_sets,
    "Aequitas": aequitas,
    "Fairlearn, depth 1 alone": fairlearn,
}


def run_engine(name: str, path: Path) -> tuple[float, ...] | None:
    """Wall seconds of the process, seconds of work in it, its CPU seconds, peak MB; ``None`` when not installed."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.slices", "--engine", name, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = process.communicate() if process.stdout else (b"", b"")
    wall = time.perf_counter() - started
    if process.returncode:
        if b"ModuleNotFoundError" in err:
            return None
        raise SystemExit(f"{name}: {err.decode()[-2000:]}")
    result = json.loads(out.splitlines()[-1])
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
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.parquet"
        make_table(path, rows)
        found: dict[str, list[tuple[float, ...]]] = {}
        for turn in range(3):
            for name in ENGINES:
                if turn and (name in SLOW or name not in found):
                    continue
                measured = run_engine(name, path)
                if measured is not None:
                    found.setdefault(name, []).append(measured)
    table(rows, found)


def table(rows: int, found: dict[str, list[tuple[float, ...]]]) -> None:
    medians = {name: [statistics.median(each) for each in zip(*runs, strict=True)] for name, runs in found.items()}
    floor = medians["floor: read the columns"]
    print(f"Slices of depth 1 and 2, {rows:,} rows, 6 columns, medians\n")
    print(
        "| engine | wall s | work s | cpu s | peak MB | x floor: wall | work | cpu |\n|---|---|---|---|---|---|---|---|"
    )
    for name, found_here in medians.items():
        wall, work, cpu, peak = found_here
        ratios = " | ".join(f"{mine / base:.1f}" for mine, base in zip(found_here[:3], floor[:3], strict=True))
        print(f"| {name} | {wall:.2f} | {work:.2f} | {cpu:.2f} | {peak:,.0f} | {ratios} |")
    for name in ENGINES:
        if name not in medians:
            print(f"\nnot installed: {name}")
    mine = medians["ours: measure and judge"]
    print(f"\ngoal: at most 2 x the floor: {mine[1] / floor[1]:.2f} x of work, {mine[0] / floor[0]:.2f} x of wall")
    if "Aequitas" in medians:
        wall, work, _, peak = medians["Aequitas"]
        print(f"goal: 1/18 of Aequitas: 1/{wall / mine[0]:.0f} of wall, 1/{work / mine[1]:.0f} of work")
        print(f"goal: 1/10 of its memory: 1/{peak / mine[3]:.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
