"""Slices of depth 1 and 2 on a table of predictions: ours against reading the file, DuckDB, Fairlearn and Aequitas.

``python -m benchmarks.slices [ROWS]`` prints the table and the goals.
"""

from __future__ import annotations

import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path

from benchmarks.engines import (
    Engine,
    Goal,
    at_most_share,
    at_most_times,
    measure,
    memory_share,
    print_goals,
    print_table,
    run_one,
)

LEVELS = {"a": 2, "b": 5, "c": 8, "d": 12, "e": 20, "f": 34}
COLUMNS = list(LEVELS)
FLOOR, OURS, AEQUITAS = "floor: read the columns", "ours: measure and judge", "Aequitas, depth 1 and 2"


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


def table_in(folder: str) -> str:
    return f"{folder}/predictions.parquet"


def floor(folder: str) -> float:
    import pyarrow.parquet as pq

    started = time.perf_counter()
    for _ in pq.ParquetFile(table_in(folder), pre_buffer=False).iter_batches(131_072, columns=[*COLUMNS, "y", "p"]):
        pass
    return time.perf_counter() - started


def ours(folder: str) -> float:
    from airflow_mlops_provider.analysis.bias import measure_bias_of_classes
    from airflow_mlops_provider.analysis.bias.columns import plan_slices
    from airflow_mlops_provider.analysis.evaluation.metrics import SLICE_METRICS
    from airflow_mlops_provider.decisions.bias import BiasPolicy, judge_bias
    from airflow_mlops_provider.stores.datasets.dataset import open_dataset

    started = time.perf_counter()
    dataset = open_dataset(table_in(folder))
    report = measure_bias_of_classes(
        lambda: dataset.reader([*COLUMNS, "y", "p"], coded=True),
        plan_slices(COLUMNS, 2),
        lambda table: (table.plain_predictions(), SLICE_METRICS["accuracy"], ()),
        label="y",
        prediction="p",
    )
    judge_bias(report, BiasPolicy())
    return time.perf_counter() - started


def whole_job(folder: str) -> float:
    from airflow_mlops_provider import jobs

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as root:
        spec = {"predictions": table_in(folder), "label_column": "y", "prediction_column": "p", "slices": COLUMNS}
        jobs.run("bias", spec | {"evidence_root": root})
    return time.perf_counter() - started


def grouping_sets(folder: str) -> float:
    import duckdb

    started = time.perf_counter()
    sets = ", ".join(f"({', '.join(names)})" for size in (1, 2) for names in combinations(COLUMNS, size))
    duckdb.sql(
        f"SELECT {', '.join(COLUMNS)}, y, p, count(*) FROM (SELECT * FROM '{table_in(folder)}') "
        f"GROUP BY y, p, GROUPING SETS ({sets})"
    ).fetchall()
    return time.perf_counter() - started


def aequitas(folder: str) -> float:
    import pandas as pd
    from aequitas.group import Group

    started = time.perf_counter()
    frame = pd.read_parquet(table_in(folder))
    for one, other in combinations(COLUMNS, 2):
        frame[f"{one} & {other}"] = frame[one] + " & " + frame[other]
    frame = frame.rename(columns={"p": "score", "y": "label_value"})
    Group().get_crosstabs(frame, attr_cols=[name for name in frame if name not in ("score", "label_value")])
    return time.perf_counter() - started


def fairlearn(folder: str) -> float:
    import pandas as pd
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import accuracy_score

    started = time.perf_counter()
    frame = pd.read_parquet(table_in(folder))
    for column in COLUMNS:
        _ = MetricFrame(
            metrics=accuracy_score, y_true=frame.y, y_pred=frame.p, sensitive_features=frame[column]
        ).by_group
    return time.perf_counter() - started


ENGINES = (
    Engine(name=FLOOR, run=floor),
    Engine(name=OURS, run=ours),
    Engine(name="ours: the whole job, with evidence and picture", run=whole_job),
    Engine(name="DuckDB GROUPING SETS, counts alone", run=grouping_sets),
    Engine(name=AEQUITAS, run=aequitas, peer="aequitas", slow=True),
    Engine(name="Fairlearn, depth 1 alone", run=fairlearn, peer="fairlearn", slow=True),
)


def main(arguments: list[str]) -> list[Goal]:
    """Print the table; returns the goals."""
    rows = int(arguments[0]) if arguments else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        make_table(Path(table_in(folder)), rows)
        medians, failed = measure("slices", ENGINES, Path(folder), turns=5)
    order = [engine.name for engine in ENGINES]
    print_table(f"Slices of depth 1 and 2, {rows:,} rows, 6 columns", medians, failed, floor=FLOOR, order=order)
    what = f"slices of depth 1 and 2, {rows:,} rows"
    return [
        at_most_times(what, medians, OURS, FLOOR, 2),
        at_most_share(what, medians, OURS, AEQUITAS, 18, of="Aequitas"),
        memory_share(what, medians, OURS, AEQUITAS, 10, of="Aequitas"),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--engine"]:
        run_one(ENGINES, sys.argv[1:])
    print_goals(main(sys.argv[1:]))
