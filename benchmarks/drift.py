"""Drift of 30 columns: ours against reading the files, scipy, NannyML, TFDV and Evidently; then ten times the rows.

``python -m benchmarks.drift [ROWS]`` prints the tables and the goals.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.engines import (
    Engine,
    Figures,
    Goal,
    at_most_share,
    at_most_times,
    measure,
    memory_share,
    print_goals,
    print_table,
    run_one,
)

NUMBERS = [f"x{i:02d}" for i in range(20)]
LEVELS = dict(zip([f"c{i}" for i in range(10)], (2, 3, 5, 10, 30, 100, 300, 1_000, 2_500, 5_000), strict=True))
COLUMNS = [*NUMBERS, *LEVELS]
FLOOR, CACHED, BOTH, EXACT, WHOLE, SCIPY, EVIDENTLY = (
    "floor: read the columns",
    "ours, reference profile kept",
    "ours, both sides scanned",
    "ours, exact KS and Wasserstein",
    "ours, the whole job with joint test, hashes and evidence",
    "scipy loop over two frames",
    "Evidently preset",
)
MAX_MB = 400


def make_table(path: Path, rows: int, seed: int) -> None:
    """Heavy tails, ties, 5 % missing, and levels of all numbers; two columns of the second table have moved."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    shapes, rng = np.random.default_rng(0), np.random.default_rng(seed)
    shares = {name: shapes.dirichlet(np.full(levels, 0.7)) for name, levels in LEVELS.items()}
    schema = pa.schema([*((name, pa.float64()) for name in NUMBERS), *((name, pa.string()) for name in LEVELS)])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, 1_000_000):
            n = min(1_000_000, rows - start)
            columns = {}
            for i, name in enumerate(NUMBERS):
                values = (rng.normal(size=n), rng.standard_t(2, n), rng.lognormal(size=n), rng.poisson(6, n) * 1.0)[
                    i % 4
                ]
                if seed == 1 and i < 2:
                    values = values + 0.3
                columns[name] = pa.array(values, mask=rng.random(n) < 0.05)
            for name, levels in LEVELS.items():
                codes = rng.choice(levels, n, p=shares[name])
                names = pa.array([f"{name}-{level:04d}" for level in range(levels)])
                columns[name] = pa.DictionaryArray.from_arrays(pa.array(codes), names).cast(pa.string())
            writer.write_table(pa.table(columns))


def floor(folder: str) -> float:
    import pyarrow.parquet as pq

    started = time.perf_counter()
    for side in ("reference", "current"):
        file = pq.ParquetFile(f"{folder}/{side}.parquet", pre_buffer=False, read_dictionary=list(LEVELS))
        for _ in file.iter_batches(131_072, columns=COLUMNS):
            pass
    return time.perf_counter() - started


def ours(folder: str, *, kept: bool = False, exact: bool = False) -> float:
    import airflow_mlops_provider.analysis.drift as analysis
    from airflow_mlops_provider.decisions.drift import DriftPolicy, judge_drift
    from airflow_mlops_provider.jobs.data.kept_profiles import stored_profile
    from airflow_mlops_provider.stores.datasets.dataset import open_dataset
    from airflow_mlops_provider.stores.evidence.store import EvidenceStore

    started = time.perf_counter()
    reference, current = (open_dataset(f"{folder}/{side}.parquet") for side in ("reference", "current"))
    profiles = stored_profile(reference, COLUMNS, EvidenceStore(f"{folder}/mlops"))[0].profiles if kept else None
    precision = analysis.Precision(exact_rows=sys.maxsize, wasserstein=True) if exact else None
    report = analysis.measure_drift(reference, current, joint=False, precision=precision, profiles=profiles)
    judge_drift(report, DriftPolicy(joint=False))
    return time.perf_counter() - started


def ours_kept(folder: str) -> float:
    return ours(folder, kept=True)


def ours_exact(folder: str) -> float:
    return ours(folder, exact=True)


def whole_job(folder: str) -> float:
    from airflow_mlops_provider import jobs

    started = time.perf_counter()
    sides = {side: f"{folder}/{side}.parquet" for side in ("reference", "current")}
    jobs.run("drift", sides | {"evidence_root": f"{folder}/mlops", "html_report": "never"})
    return time.perf_counter() - started


def duckdb_histograms(folder: str) -> float:
    import duckdb

    started = time.perf_counter()
    low_high = ", ".join(f"quantile_cont({name}, 0.001), quantile_cont({name}, 0.999)" for name in NUMBERS)
    sample = f"SELECT * FROM '{folder}/reference.parquet' USING SAMPLE 20000 ROWS"
    ends = duckdb.sql(f"SELECT {low_high} FROM ({sample})").fetchall()[0]
    cells = [
        f"histogram(CAST(floor(({name} - {ends[2 * i]}) / {(ends[2 * i + 1] - ends[2 * i]) / 100}) AS INT))"
        for i, name in enumerate(NUMBERS)
    ]
    cells += [f"histogram({name})" for name in LEVELS]
    for side in ("reference", "current"):
        duckdb.sql(f"SELECT {', '.join(cells)} FROM '{folder}/{side}.parquet'").fetchall()
    return time.perf_counter() - started


def scipy_frames(folder: str) -> float:
    import pandas as pd

    started = time.perf_counter()
    frames = [pd.read_parquet(f"{folder}/{side}.parquet") for side in ("reference", "current")]
    for name in COLUMNS:
        _scipy_column(name, *(frame[name] for frame in frames))
    return time.perf_counter() - started


def scipy_columns(folder: str) -> float:
    import pandas as pd

    started = time.perf_counter()
    for name in COLUMNS:
        sides = [pd.read_parquet(f"{folder}/{side}.parquet", columns=[name])[name] for side in ("reference", "current")]
        _scipy_column(name, *sides)
    return time.perf_counter() - started


def _scipy_column(name: str, a: Any, b: Any) -> None:
    import numpy as np
    import pandas as pd
    from scipy import stats

    if name in LEVELS:
        counts = pd.concat([a.value_counts(), b.value_counts()], axis=1).fillna(0).to_numpy()
        stats.chi2_contingency(counts.T)
        return
    left, right = a.dropna().to_numpy(), b.dropna().to_numpy()
    stats.ks_2samp(left, right, method="asymp")
    stats.wasserstein_distance(left, right) / np.std(left)


def nannyml(folder: str) -> float:
    import nannyml as nml
    import pandas as pd

    started = time.perf_counter()
    before, after = (pd.read_parquet(f"{folder}/{side}.parquet") for side in ("reference", "current"))
    nml.UnivariateDriftCalculator(
        column_names=COLUMNS,
        treat_as_categorical=list(LEVELS),
        continuous_methods=["kolmogorov_smirnov"],
        categorical_methods=["chi2"],
        chunk_number=1,
    ).fit(before).calculate(after)
    return time.perf_counter() - started


def tfdv(folder: str) -> float:
    import pandas as pd
    import tensorflow_data_validation

    started = time.perf_counter()
    for side in ("reference", "current"):
        tensorflow_data_validation.generate_statistics_from_dataframe(pd.read_parquet(f"{folder}/{side}.parquet"))
    return time.perf_counter() - started


def evidently(folder: str) -> float:
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    started = time.perf_counter()
    before, after = (pd.read_parquet(f"{folder}/{side}.parquet") for side in ("reference", "current"))
    Report([DataDriftPreset()]).run(after, before).dict()
    return time.perf_counter() - started


ENGINES = (
    Engine(name=FLOOR, run=floor),
    Engine(name=CACHED, run=ours_kept),
    Engine(name=BOTH, run=ours),
    Engine(name=EXACT, run=ours_exact),
    Engine(name=WHOLE, run=whole_job),
    Engine(name="DuckDB, 100-cell histograms", run=duckdb_histograms),
    Engine(name="NannyML KS and chi-squared", run=nannyml, peer="nannyml", slow=True),
    Engine(name="TFDV statistics of both sides", run=tfdv, peer="tfdv", slow=True),
    Engine(name="scipy, a column at a time", run=scipy_columns, slow=True),
    Engine(name=SCIPY, run=scipy_frames, slow=True),
    Engine(name=EVIDENTLY, run=evidently, slow=True),
)
LARGE = tuple(engine for engine in ENGINES if engine.name in (FLOOR, CACHED, BOTH))


def measured(rows: int, engines: tuple[Engine, ...], *, turns: int) -> dict[str, Figures]:
    """The table of these engines, printed; returns the medians."""
    with tempfile.TemporaryDirectory() as folder:
        for seed, side in enumerate(("reference", "current")):
            make_table(Path(folder, f"{side}.parquet"), rows, seed)
        keep = [engine for engine in ENGINES if engine.name == CACHED]
        measure("drift", keep, Path(folder), turns=1)  # so that the reference's profile is kept, and files are warm
        medians, failed = measure("drift", engines, Path(folder), turns=turns)
    title = f"Drift, {rows:,} + {rows:,} rows, {len(NUMBERS)} numeric and {len(LEVELS)} categorical columns"
    print_table(title, medians, failed, floor=FLOOR, order=[engine.name for engine in engines])
    return medians


def main(arguments: list[str]) -> list[Goal]:
    """Print both tables; returns the goals."""
    rows = int(arguments[0]) if arguments else 1_000_000
    medians = measured(rows, ENGINES, turns=5)
    large = measured(10 * rows, LARGE, turns=1)
    what, exact = f"default drift check, {rows:,} + {rows:,} x 30", "exact KS + Wasserstein, same data"
    peak = max(medians[name].peak_mb for name in (BOTH, CACHED, WHOLE))
    return [
        at_most_times(what, medians, BOTH, FLOOR, 5),
        at_most_times(f"{what}, reference profile kept", medians, CACHED, FLOOR, 3),
        at_most_share(what, medians, BOTH, EVIDENTLY, 50, of="Evidently's preset"),
        Goal(
            what=f"{what}, the whole job too",
            goal=f"below {MAX_MB} MB",
            measured=f"{peak:,.0f} MB ({medians[BOTH].peak_mb:,.0f} MB without joint test, hashes and evidence)",
            reached=peak < MAX_MB,
        ),
        at_most_share(exact, medians, EXACT, SCIPY, 6, of="the scipy loop"),
        memory_share(exact, medians, EXACT, SCIPY, 2, of="the scipy loop"),
        *growth(medians[BOTH], large[BOTH]),
    ]


def growth(small: Figures, large: Figures) -> list[Goal]:
    """Ten times the rows, against one time."""
    time_ratio, memory = large.wall / small.wall, large.peak_mb / small.peak_mb
    return [
        Goal(
            what="ten times the rows",
            goal="time at most 10 x",
            measured=f"{time_ratio:.1f} x (CPU {large.cpu / small.cpu:.1f} x)",
            reached=time_ratio <= 10,
        ),
        Goal(what="ten times the rows", goal="memory at most 1.1 x", measured=f"{memory:.2f} x", reached=memory <= 1.1),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--engine"]:
        run_one(ENGINES, sys.argv[1:])
    print_goals(main(sys.argv[1:]))
