"""Thirty expectations on a table of 17 columns: ours against reading the file, Great Expectations and pandera.

``python -m benchmarks.validation [ROWS]`` prints the table and the goals.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.engines import Engine, Goal, at_most_share, at_most_times, measure, print_goals, print_table, run_one

V, C, T = "expect_column_values_to_", "expect_column_", "expect_table_"
WORDS = [f"w{number:03d}" for number in range(500)]
FLOOR, OURS, COMPLETE = "floor: read the file", "ours: with quarantine", "Great Expectations, COMPLETE"


def table_in(folder: str) -> str:
    return f"{folder}/table.parquet"


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


def floor(folder: str) -> float:
    import pyarrow.parquet as pq

    started = time.perf_counter()
    for _ in pq.ParquetFile(table_in(folder), pre_buffer=False).iter_batches(131_072):
        pass
    return time.perf_counter() - started


def ours(folder: str, **places: str) -> float:
    from airflow_mlops_provider import jobs
    from airflow_mlops_provider.jobs.data import validate as validation  # noqa: F401  # an import is not work

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as root:
        spec = {"dataset": {"uri": table_in(folder)}, "suite": suite(), "evidence_root": root}
        spec |= {key: f"{root}/{name}" for key, name in places.items()}
        jobs.run("validate", {**spec, "policy": {"max_quarantine_share": 0.1}})
    return time.perf_counter() - started


def with_quarantine(folder: str) -> float:
    return ours(folder, quarantine_uri="aside.parquet")


def with_both(folder: str) -> float:
    return ours(folder, quarantine_uri="aside.parquet", clean_uri="clean.parquet")


def great_expectations(folder: str, *, result_format: str) -> float:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    import pandas as pd

    started = time.perf_counter()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("batch")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch(
        {"dataframe": pd.read_parquet(table_in(folder))}
    )
    rules = gx.ExpectationSuite(**suite())
    batch.validate(rules, result_format={"result_format": result_format, "unexpected_index_column_names": ["id"]})
    return time.perf_counter() - started


def boolean_only(folder: str) -> float:
    return great_expectations(folder, result_format="BOOLEAN_ONLY")


def summary(folder: str) -> float:
    return great_expectations(folder, result_format="SUMMARY")


def complete(folder: str) -> float:
    return great_expectations(folder, result_format="COMPLETE")


def pandera(folder: str) -> float:
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
        pa.DataFrameSchema(columns, unique=["id", "group"]).validate(pd.read_parquet(table_in(folder)), lazy=True)
    except SchemaErrors as errors:
        len(errors.failure_cases)
    return time.perf_counter() - started


def pandera_polars(folder: str) -> float:
    import pandera.polars as pa
    import polars as pl
    from pandera.errors import SchemaErrors

    started = time.perf_counter()
    columns = {f"real{n}": pa.Column(float, pa.Check.in_range(-45, 45), nullable=True) for n in range(4)}
    columns |= {f"code{n}": pa.Column(pl.Int64, pa.Check.in_range(0, 99)) for n in range(4)}
    columns |= {f"text{n}": pa.Column(str, pa.Check.str_matches(r"^w\d{3}$"), nullable=True) for n in range(3)}
    columns["text3"] = pa.Column(str, pa.Check.isin(WORDS[:499]), nullable=True)
    columns["id"] = pa.Column(pl.Int64, unique=True)
    try:
        pa.DataFrameSchema(columns, unique=["id", "group"]).validate(pl.read_parquet(table_in(folder)), lazy=True)
    except SchemaErrors as errors:
        len(errors.failure_cases)
    return time.perf_counter() - started


ENGINES = (
    Engine(name=FLOOR, run=floor),
    Engine(name="ours: scan, judge, evidence", run=ours),
    Engine(name=OURS, run=with_quarantine),
    Engine(name="ours: with quarantine and clean rows", run=with_both),
    Engine(name="Great Expectations, BOOLEAN_ONLY", run=boolean_only, slow=True),
    Engine(name="Great Expectations, SUMMARY", run=summary, slow=True),
    Engine(name=COMPLETE, run=complete, slow=True),
    Engine(name="pandera on pandas, row rules alone", run=pandera, peer="pandera", slow=True),
    Engine(name="pandera on Polars, row rules alone", run=pandera_polars, peer="pandera", slow=True),
)


def main(arguments: list[str]) -> list[Goal]:
    """Print the table; returns the goals."""
    rows = int(arguments[0]) if arguments else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        make_table(Path(table_in(folder)), rows)
        medians, failed = measure("validation", ENGINES, Path(folder), turns=5)
    order = [engine.name for engine in ENGINES]
    print_table(f"30 expectations on {rows:,} rows of 17 columns", medians, failed, floor=FLOOR, order=order)
    what = f"30 expectations with quarantine, {rows:,} rows"
    return [
        at_most_times(what, medians, OURS, FLOOR, 3),
        at_most_share(what, medians, OURS, COMPLETE, 15, of="Great Expectations' COMPLETE"),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--engine"]:
        run_one(ENGINES, sys.argv[1:])
    print_goals(main(sys.argv[1:]))
