"""Thirty rules on a million rows of 17 columns: a PostgreSQL table against the same rows as Parquet.

``python -m benchmarks.tables [ROWS]`` starts a PostgreSQL of its own, prints the table and the goals.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.engines import Engine, Figures, Goal, measure, print_goals, print_table, run_one
from benchmarks.validation import make_table, suite, table_in

FILE, TABLE, DRIFT_FILE, DRIFT_TABLE = "validate Parquet", "validate PostgreSQL", "drift Parquet", "drift PostgreSQL"
MAX_TIMES, MAX_MB = 3, 400


def _validated(dataset: str, folder: str) -> float:
    from airflow_mlops_provider import jobs

    started, out = time.perf_counter(), f"{folder}/out-{os.getpid()}"
    keys = {"clean_uri": f"{out}/clean.parquet", "quarantine_uri": f"{out}/quarantine.parquet"}
    spec = {"dataset": dataset, "suite": suite(), "policy": {"max_quarantine_share": 0.1}, **keys}
    jobs.run("validate", spec | {"evidence_root": f"{folder}/mlops"})
    return time.perf_counter() - started


def _drifted(dataset: str, folder: str) -> float:
    from airflow_mlops_provider import jobs

    started = time.perf_counter()
    spec = {"reference": table_in(folder), "current": dataset, "html_report": "never"}
    jobs.run("drift", spec | {"evidence_root": f"{folder}/mlops-{os.getpid()}"})
    return time.perf_counter() - started


def validate_file(folder: str) -> float:
    return _validated(table_in(folder), folder)


def validate_table(folder: str) -> float:
    return _validated("sql://bench/rows", folder)


def drift_file(folder: str) -> float:
    return _drifted(table_in(folder), folder)


def drift_table(folder: str) -> float:
    return _drifted("sql://bench/rows", folder)


ENGINES = (
    Engine(name=FILE, run=validate_file),
    Engine(name=TABLE, run=validate_table),
    Engine(name=DRIFT_FILE, run=drift_file),
    Engine(name=DRIFT_TABLE, run=drift_table),
)
_TYPES = {"int64": "bigint", "double": "double precision", "string": "text", "timestamp[us]": "timestamp"}


def _fill(server: Any, folder: Path) -> str:
    """The rows as a table; returns the address of its database."""
    import psycopg2
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    address = server.create_database("bench").replace("postgresql+psycopg2", "postgresql")
    rows, text = pq.read_table(table_in(str(folder))), folder / "rows.csv"
    pacsv.write_csv(rows, text)
    columns = ", ".join(f'"{field.name}" {_TYPES[str(field.type)]}' for field in rows.schema)
    connection = psycopg2.connect(address)
    with connection.cursor() as cursor, text.open() as source:
        cursor.execute(f"CREATE TABLE rows ({columns})")
        cursor.copy_expert("COPY rows FROM STDIN WITH (FORMAT csv, HEADER)", source)
    connection.commit()
    connection.close()
    text.unlink()
    return str(address)


def _cpu_of_children(server: Any) -> float:
    """CPU seconds of the server's processes, with those that have ended, from ``/proc``."""
    root = (server.data / "postmaster.pid").read_text().split()[0]
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        if stat.parent.name == root:
            ticks += sum(int(fields[index]) for index in (11, 12, 13, 14))
        elif fields[1] == root:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _measured(rows: int) -> tuple[dict[str, Figures], dict[str, float]]:
    from deployment.servers import running_postgres

    medians: dict[str, Figures] = {}
    failed: dict[str, str] = {}
    database: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, running_postgres() as server:
        folder = Path(name)
        make_table(Path(table_in(name)), rows)
        os.environ["MLOPS_DATABASE_BENCH"] = _fill(server, folder)
        for engine in ENGINES:
            before = _cpu_of_children(server)
            found, wrong = measure("tables", [engine], folder, turns=3)
            database[engine.name] = (_cpu_of_children(server) - before) / 3
            medians, failed = medians | found, failed | wrong
    title = f"{rows:,} rows x 17 columns, 30 rules with quarantine, and drift of 16 columns"
    print_table(title, medians, failed, floor=FILE, order=[engine.name for engine in ENGINES])
    for engine in (TABLE, DRIFT_TABLE):
        print(f"{engine}: {database[engine]:.2f} s of CPU in the database")
    return medians, database


def main(arguments: list[str]) -> list[Goal]:
    """Print the table; returns the goals."""
    rows = int(arguments[0]) if arguments else 1_000_000
    medians, database = _measured(rows)
    goals = []
    for of_table, of_file in ((TABLE, FILE), (DRIFT_TABLE, DRIFT_FILE)):
        times, peak = medians[of_table].cpu / medians[of_file].cpu, medians[of_table].peak_mb
        own = f"{times:.2f} x ({database[of_table]:.1f} s more in the database)"
        goals.append(
            Goal(
                what=of_table,
                goal=f"own CPU at most {MAX_TIMES} x {of_file}",
                measured=own,
                reached=times <= MAX_TIMES,
            )
        )
        goals.append(
            Goal(what=of_table, goal=f"at most {MAX_MB} MB", measured=f"{peak:,.0f} MB", reached=peak <= MAX_MB)
        )
    return goals


if __name__ == "__main__":
    if sys.argv[1:2] == ["--engine"]:
        run_one(ENGINES, sys.argv[1:])
    print_goals(main(sys.argv[1:]))
