"""What importing every public operator costs over ``airflow.sdk``, and whether anything heavy comes with it.

A task process parses its Dag file again, so what a Dag file imports is paid once a task.
"""

from __future__ import annotations

import sys
import time

from benchmarks.engines import Engine, Goal, Path, measure, print_goals, print_table, run_one

HEAVY = ("numpy", "pandas", "scipy", "sklearn", "mlflow", "great_expectations", "evidently", "duckdb", "pyarrow")
FLOOR, OURS = "airflow.sdk", "airflow.sdk and every public operator, sensor and notifier"
MAX_SECONDS = 0.05


def sdk(_folder: str) -> float:
    started = time.perf_counter()
    import airflow.sdk

    assert airflow.sdk.DAG
    assert airflow.sdk.BaseOperator
    return time.perf_counter() - started


def operators(_folder: str) -> float:
    import importlib
    import pkgutil

    import airflow.sdk

    assert airflow.sdk.DAG
    assert airflow.sdk.BaseOperator
    started = time.perf_counter()
    for room in ("operators", "sensors", "notifications"):
        package = importlib.import_module(f"airflow_mlops_provider.{room}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    spent = time.perf_counter() - started
    loaded = [name for name in HEAVY if name in sys.modules]
    if loaded:
        raise SystemExit(f"heavy modules came along: {', '.join(loaded)}")
    return spent


ENGINES = (Engine(name=FLOOR, run=sdk), Engine(name=OURS, run=operators))


def main(_arguments: list[str]) -> list[Goal]:
    """Print the table; returns the goals."""
    medians, failed = measure("operators", ENGINES, Path(), turns=7)
    order = [engine.name for engine in ENGINES]
    print_table("Importing the operators", medians, failed, floor=FLOOR, order=order)
    what, goal = "importing every public operator", f"{MAX_SECONDS} s over airflow.sdk, no heavy module"
    if failed:
        return [Goal(what=what, goal=goal, measured="; ".join(failed.values()), reached=False)]
    over, cpu = medians[OURS].work, medians[OURS].cpu - medians[FLOOR].cpu
    measured = f"{over:.3f} s (CPU of the process {cpu:.3f} s more), none of {', '.join(HEAVY[:4])}, ..."
    return [Goal(what=what, goal=goal, measured=measured, reached=over <= MAX_SECONDS)]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--engine"]:
        run_one(ENGINES, sys.argv[1:])
    print_goals(main(sys.argv[1:]))
