"""Delta and Iceberg tables as their own libraries write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

FIRST = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "kind": ["a", None, "b"]})
LATER = pa.table({"id": pa.array([4], pa.int64()), "kind": ["c"], "price": [1.5]})
KEPT = {"id": [2, 3, 4], "kind": [None, "b", "c"], "price": [None, None, 1.5]}
"""The rows of a table that was given the first, then the later ones, and whose row 1 was deleted."""


def delta_table(place: str, *, options: dict[str, str] | None = None) -> str:
    """Versions 0 (three rows), 1 (a column and a row more) and 2 (a row deleted), in partitions."""
    from deltalake import DeltaTable, write_deltalake

    write_deltalake(place, FIRST, partition_by=["kind"], storage_options=options)
    write_deltalake(place, LATER, mode="append", schema_mode="merge", storage_options=options)
    DeltaTable(place, storage_options=options).delete("id = 1")
    return place


def delta_with(place: Path, *, protocol: dict[str, Any], configuration: dict[str, str]) -> str:
    """A table of one version whose log names a protocol and properties that no library here writes."""
    from deltalake import write_deltalake

    write_deltalake(place, FIRST)
    log = place / "_delta_log" / f"{0:020}.json"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        if "protocol" in line:
            line["protocol"] = protocol
        if "metaData" in line:
            line["metaData"]["configuration"] = configuration
            line["metaData"]["schemaString"] = _annotated(line["metaData"]["schemaString"])
    log.write_text("\n".join(json.dumps(line) for line in lines))
    return str(place)


def _annotated(schema: str) -> str:
    """The columns with the names that files would have for them under column mapping."""
    found = json.loads(schema)
    for number, field in enumerate(found["fields"]):
        field["metadata"] = {"delta.columnMapping.id": number + 1, "delta.columnMapping.physicalName": f"col-{number}"}
    return json.dumps(found)


def iceberg_catalogue(folder: Path) -> Any:
    """A catalogue on SQLite with the table ``shop.orders``: as :func:`delta_table`, in snapshots."""
    from pyiceberg.catalog.sql import SqlCatalog

    catalogue = SqlCatalog("lake_eu", **iceberg_properties(folder))
    catalogue.create_namespace("shop")
    table = catalogue.create_table("shop.orders", schema=FIRST.schema)
    table.append(FIRST)
    with table.update_schema() as update:
        update.union_by_name(LATER.schema)
    table.append(LATER)
    table.delete("id = 1")
    return catalogue


def iceberg_properties(folder: Path) -> dict[str, str]:
    return {"uri": f"sqlite:///{folder}/catalogue.db", "warehouse": f"file://{folder}/warehouse", "type": "sql"}


def logged_tables(folder: Path, rows: pa.Table) -> dict[str, dict[str, str]]:
    """References to the same rows as a Delta and as an Iceberg table, each under the name of its version."""
    from deltalake import write_deltalake
    from pyiceberg.catalog.sql import SqlCatalog

    write_deltalake(folder / "delta", rows)
    catalogue = SqlCatalog("orders", **iceberg_properties(folder))
    (folder / "warehouse").mkdir(exist_ok=True)
    catalogue.create_namespace("shop")
    table = catalogue.create_table("shop.orders", schema=rows.schema)
    table.append(rows)
    snapshot = table.current_snapshot()
    assert snapshot is not None
    return {
        "delta": {"uri": f"{folder}/delta#version=0"},
        "iceberg": {"uri": f"{table.metadata_location}#snapshot={snapshot.snapshot_id}"},
    }
