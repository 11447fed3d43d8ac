"""Drift of 30 columns: ours against reading the files, scipy, NannyML, TFDV and Evidently.

``python -m benchmarks.drift [ROWS]``: each engine in its own process, in turn, three times (slow ones once); medians.
``work`` leaves the imports out. Peers that are not installed are left out by name.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

NUMBERS = [f"x{i:02d}" for i in range(20)]
LEVELS = dict(zip([f"c{i}" for i in range(10)], (2, 3, 5, 10, 30, 100, 300, 1_000, 2_500, 5_000), strict=True))
COLUMNS = [*NUMBERS, *LEVELS]
SLOW = {"Evidently preset", "scipy, column by column", "NannyML KS and chi-squared", "TFDV"}
FLOOR, CACHED, BOTH, EXACT = (
    "floor: read the columns",
    "ours, reference profile kept",
    "ours, both sides scanned",
    "ours, exact KS and Wasserstein",
)
SCIPY, EVIDENTLY = "scipy, column by column", "Evidently preset"


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


def floor(folder: Path) -> float:
    import pyarrow.parquet as pq

    started = time.perf_counter()
    for side in ("reference", "current"):
        file = pq.ParquetFile(folder / f"{side}.parquet", pre_buffer=False, read_dictionary=list(LEVELS))
        for _ in file.iter_batches(131_072, columns=COLUMNS):
            pass
    return time.perf_counter() - started


def ours(folder: Path, *, kept: bool = False, exact: bool = False) -> float:
    import airflow_mlops_provider.analysis.drift as analysis
    from airflow_mlops_provider.decisions.drift import DriftPolicy, judge_drift
    from airflow_mlops_provider.jobs.profile import stored_profile
    from airflow_mlops_provider.stores.datasets import open_dataset
    from airflow_mlops_provider.stores.evidence import EvidenceStore

    started = time.perf_counter()
    reference, current = (open_dataset(str(folder / f"{side}.parquet")) for side in ("reference", "current"))
    profiles = stored_profile(reference, COLUMNS, EvidenceStore(str(folder / "mlops")))[0].profiles if kept else None
    precision = analysis.Precision(exact_rows=sys.maxsize, wasserstein=True) if exact else None
    report = analysis.measure_drift(reference, current, joint=False, precision=precision, profiles=profiles)
    judge_drift(report, DriftPolicy(joint=False))
    return time.perf_counter() - started


def ours_kept(folder: Path) -> float:
    return ours(folder, kept=True)


def ours_exact(folder: Path) -> float:
    return ours(folder, exact=True)


def whole_job(folder: Path) -> float:
    from airflow_mlops_provider import jobs

    started = time.perf_counter()
    sides = {side: str(folder / f"{side}.parquet") for side in ("reference", "current")}
    jobs.run("drift", sides | {"evidence_root": str(folder / "mlops"), "html_report": False})
    return time.perf_counter() - started


def duckdb_histograms(folder: Path) -> float:
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


def scipy_loop(folder: Path) -> float:
    import numpy as np
    import pandas as pd
    from scipy import stats

    started = time.perf_counter()
    for name in COLUMNS:
        a, b = (pd.read_parquet(folder / f"{side}.parquet", columns=[name])[name] for side in ("reference", "current"))
        if name in LEVELS:
            counts = pd.concat([a.value_counts(), b.value_counts()], axis=1).fillna(0).to_numpy()
            stats.chi2_contingency(counts.T)
            continue
        left, right = a.dropna().to_numpy(), b.dropna().to_numpy()
        stats.ks_2samp(left, right, method="asymp")
        stats.wasserstein_distance(left, right) / np.std(left)
    return time.perf_counter() - started


def nannyml(folder: Path) -> float:
    import nannyml as nml
    import pandas as pd

    started = time.perf_counter()
    before, after = (pd.read_parquet(folder / f"{side}.parquet") for side in ("reference", "current"))
    nml.UnivariateDriftCalculator(
        column_names=COLUMNS,
        treat_as_categorical=list(LEVELS),
        continuous_methods=["kolmogorov_smirnov"],
        categorical_methods=["chi2"],
        chunk_number=1,
    ).fit(before).calculate(after)
    return time.perf_counter() - started


def tfdv(folder: Path) -> float:
    import pandas as pd
    import tensorflow_data_validation

    started = time.perf_counter()
    for side in ("reference", "current"):
        tensorflow_data_validation.generate_statistics_from_dataframe(pd.read_parquet(folder / f"{side}.parquet"))
    return time.perf_counter() - started


def evidently(folder: Path) -> float:
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    started = time.perf_counter()
    before, after = (pd.read_parquet(folder / f"{side}.parquet") for side in ("reference", "current"))
    Report([DataDriftPreset()]).run(after, before).dict()
    return time.perf_counter() - started


ENGINES: dict[str, Callable[[Path], float]] = {
    FLOOR: floor,
    CACHED: ours_kept,
    BOTH: ours,
    EXACT: ours_exact,
    "ours, the whole job with joint test, hashes and evidence": whole_job,
    "DuckDB, 100-cell histograms": duckdb_histograms,
    "NannyML KS and chi-squared": nannyml,
    "TFDV": tfdv,
    SCIPY: scipy_loop,
    EVIDENTLY: evidently,
}


Figures = tuple[float, ...]
"""Wall seconds of the process, CPU seconds of it, seconds of work in it without imports, peak MB."""


def run_engine(name: str, folder: Path) -> Figures | None:
    """One engine in a process of its own; ``None`` when it is not installed."""
    started = time.perf_counter()
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.drift", "--engine", name, str(folder)],
        capture_output=True,
        check=False,
    )
    wall = time.perf_counter() - started
    if process.returncode:
        if b"ModuleNotFoundError" in process.stderr:
            return None
        raise SystemExit(f"{name}: {process.stderr.decode()[-2000:]}")
    result = json.loads(process.stdout.splitlines()[-1])
    return wall, result["cpu"], result["work"], result["peak_mb"]


def main(arguments: list[str]) -> None:
    """Print the table, or run one engine for it."""
    if arguments[:1] == ["--engine"]:
        work = ENGINES[arguments[1]](Path(arguments[2]))
        used = resource.getrusage(resource.RUSAGE_SELF)
        # ru_maxrss survives from the process that started this one; the peak of this program alone is VmHWM.
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        peak = int(status["VmHWM"].split()[0]) / 1024
        result = {"work": work, "cpu": used.ru_utime + used.ru_stime, "peak_mb": peak}
        print(json.dumps(result), flush=True)
        os._exit(0)
    rows = int(arguments[0]) if arguments else 1_000_000
    chosen = [name for name in ENGINES if rows <= 2_000_000 or name not in SLOW]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for seed, side in enumerate(("reference", "current")):
            make_table(folder / f"{side}.parquet", rows, seed)
        run_engine(CACHED, folder)  # so that the reference's profile is kept, and files are warm
        found: dict[str, list[Figures]] = {}
        for turn in range(3):
            for name in chosen:
                if turn and (name in SLOW or name not in found):
                    continue
                measured = run_engine(name, folder)
                if measured is not None:
                    found.setdefault(name, []).append(measured)
    table(rows, {name: [statistics.median(each) for each in zip(*runs, strict=True)] for name, runs in found.items()})


def table(rows: int, medians: dict[str, list[float]]) -> None:
    floor = medians[FLOOR]
    print(f"Drift, {rows:,} + {rows:,} rows, {len(NUMBERS)} numeric and {len(LEVELS)} categorical columns, medians")
    print("x floor is by wall, CPU and work (wall without imports); CPU is the one that other load disturbs least.\n")
    print("| engine | wall s | CPU s | work s | peak MB | x floor |\n|---|---|---|---|---|---|")
    for name, (wall, cpu, work, peak) in medians.items():
        ratios = f"{wall / floor[0]:.1f}, {cpu / floor[1]:.1f}, {work / floor[2]:.1f}"
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {work:.2f} | {peak:,.0f} | {ratios} |")
    print("\nnot run: " + (", ".join(name for name in ENGINES if name not in medians) or "none"))
    goals(medians)


def goals(medians: dict[str, list[float]]) -> None:
    """Our ratios against the goals, by wall and by CPU."""

    def ratio(over: str, under: str) -> str:
        return ", ".join(f"{medians[over][i] / medians[under][i]:.1f}" for i in range(3))

    print(f"goal: at most 5 x the floor: {ratio(BOTH, FLOOR)} x (wall, CPU, work)")
    print(f"goal: 3 x with the profile kept: {ratio(CACHED, FLOOR)} x")
    print(f"goal: below 400 MB: {medians[BOTH][3]:.0f} MB")
    if EVIDENTLY in medians:
        print(f"goal: 1/50 of Evidently: 1 / {ratio(EVIDENTLY, BOTH)}")
    if SCIPY in medians:
        print(f"goal: exact at most 1/6 of the scipy loop: 1 / {ratio(SCIPY, EXACT)}")
        print(f"goal: half its memory: 1 / {medians[SCIPY][3] / medians[EXACT][3]:.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
