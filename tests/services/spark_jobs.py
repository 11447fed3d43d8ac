"""Jobs in one session of a local Spark, for ``test_spark``: what each said is printed as JSON on the last line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from airflow_mlops_provider.exceptions import MLOpsError
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.runners.spark import SparkRunner


def said(spec: dict[str, Any], *, job: str = "validate", **runner: Any) -> dict[str, Any]:
    try:
        outcome = SparkRunner(**runner).submit(job, spec, environment={}).collect()
    except MLOpsError as error:
        return {"error": type(error).__name__, "text": str(error)}
    return {"verdict": encode(outcome.verdict), "dataset": encode(outcome.dataset), "evidence": outcome.evidence_uri}


def through_connect(folder: Path) -> dict[str, Any]:
    """The same by Spark Connect, whose server is started for it."""
    given, where = json.loads((folder / "given.json").read_text()), {"evidence_root": str(folder / "mlops")}
    days, place = str(folder / "days"), {"remote": "local[2]"}
    outputs = {"clean_uri": str(folder / "connect-clean"), "quarantine_uri": str(folder / "connect-aside")}
    spec = {"dataset": days, "suite": given["suite"], "policy": {"max_quarantine_share": 1.0}, **outputs, **where}
    profile = {"dataset": days, "output_uri": str(folder / "connect.profile"), **where}
    return {
        "validate": said(spec, **place),
        "profile": said(profile, job="profile", **place),
        "no such table": said({**spec, "dataset": "spark:nowhere.orders"}, **place),
    }


def main(folder: Path) -> dict[str, Any]:
    given = json.loads((folder / "given.json").read_text())
    suite, strict, where = given["suite"], given["strict"], {"evidence_root": str(folder / "mlops")}
    policy = {"policy": {"max_quarantine_share": 1.0}}
    days, own = str(folder / "days"), {**where, **policy, "suite": suite}
    places = {name: str(folder / name) for name in ("clean", "aside")}
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        .getOrCreate()
    )
    session.read.parquet(days).createOrReplaceTempView("orders")
    found = {
        "files": said({"dataset": days, "clean_uri": places["clean"], "quarantine_uri": places["aside"], **own}),
        "table": said({"dataset": "spark:orders", "clean_uri": "spark:fine", "quarantine_uri": "spark:faulty", **own}),
        "once more": said({"dataset": "spark:orders", **own}),
        "profile": said(
            {
                "dataset": "spark:orders",
                "output_uri": str(folder / "spark.profile"),
                "edges": str(folder / "files.profile"),
                "shared": False,
                **where,
            },
            job="profile",
        ),
        "own edges": said({"dataset": days, "output_uri": str(folder / "own.profile"), **where}, job="profile"),
        "does not add up": said({"dataset": days, **where, "suite": strict}),
        "one partition": said({"dataset": days, **where, "suite": strict}, partitions=1),
        "no such table": said({"dataset": "spark:nowhere.orders", **own}),
        "delta": said({"dataset": str(folder / "delta"), **own}),
        "csv": said({"dataset": str(folder / "orders.csv"), **own}),
    }
    pinned = {**found["once more"]["dataset"]}
    found["pinned"] = said({"dataset": pinned, **own})
    session.read.parquet(f"{days}/0.parquet").createOrReplaceTempView("orders")
    found["changed"] = said({"dataset": pinned, **own})
    found["quarantined"] = [
        row.asDict() for row in session.table("faulty").select("id", "quarantine_reasons").collect()
    ]
    found["fine"] = session.table("fine").count()
    session.stop()
    return found


if __name__ == "__main__":
    jobs_of = through_connect if sys.argv[2:] == ["connect"] else main
    print(json.dumps(jobs_of(Path(sys.argv[1]))))
