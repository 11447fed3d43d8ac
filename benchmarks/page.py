"""How long the overview takes over many models, with the index and without.

Fifty models with ten thousand verdicts, one of the models quiet among busy ones; the root is read cold, as by an API
server that has just started, and warm, as by the next person. Without the index the same page reads the newest sixty of
each kind and, of the rest, as many as it may.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.engines import Goal, print_goals

MODELS, VERDICTS, WARM = 50, 10_000, 7
_START = datetime(2026, 1, 1, tzinfo=UTC)


def fill(root: Path, models: int, verdicts: int) -> dict[str, set[str]]:
    """Evidence as jobs write it, with its index; returns the kinds of checks of each model."""
    from airflow_mlops_provider.records.codec import canonical_json, sha256
    from airflow_mlops_provider.records.evidence import Evidence
    from airflow_mlops_provider.records.evidence_name import evidence_name
    from airflow_mlops_provider.records.outcome import Kind
    from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
    from airflow_mlops_provider.records.verdict import Finding, Status, Verdict
    from airflow_mlops_provider.stores.evidence.store import EvidenceStore

    store, made = EvidenceStore(str(root)), dict[str, set[str]]()
    kinds = (Kind.TRAINING, Kind.DRIFT, Kind.EVALUATION, Kind.BIAS, Kind.PREDICTION, Kind.VALIDATION)
    for number in range(verdicts):
        # The first model is checked once a kind, at the very beginning; all others share the rest.
        of = 0 if number < len(kinds) else 1 + number % (models - 1)
        kind = kinds[number] if of == 0 else kinds[(number // (models - 1)) % len(kinds)]
        name, status = f"model-{of:02d}", (Status.PASS, Status.NOTICE, Status.FAIL)[number % 3]
        columns = [
            Finding(subject=f"column {i}", measure="ks_d", observed=0.01 * i, limit=0.2, status=Status.PASS)
            for i in range(20)
        ]
        said = Finding(subject="column 20", measure="ks_d", observed=0.3, limit=0.2, status=status)
        data = DatasetRef(uri=f"s3://lake/{name}.parquet", fingerprint=sha256(name.encode()), rows=5000)
        evidence = Evidence(
            kind=kind,
            created_at=(_START + timedelta(minutes=number)).isoformat(),
            verdict=Verdict.of([said, *columns], summary=f"check {number} of {name}"),
            model=None if kind in (Kind.DRIFT, Kind.VALIDATION) else ModelRef(name=name, version="1", digest=name),
            inputs={"dataset": data},
            origin={"dag_id": f"watch_{name}", "run_id": f"run-{number}", "task_id": "check"},
        )
        body = canonical_json(evidence)
        place = evidence_name(kind, _START + timedelta(minutes=number), sha256(body))
        _put(root / place, body)
        _put_entry(root, place, evidence)
        made.setdefault(name, set()).add(kind)
    assert store.index.entries()
    _rest(root)
    return made


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)  # without the store's wait for the disk, which is not what is measured here


def _put_entry(root: Path, place: str, evidence: Any) -> None:
    from airflow_mlops_provider.records.codec import canonical_json
    from airflow_mlops_provider.stores.evidence.index import entry_of, facts_of

    facts = facts_of(place, evidence)
    _put(root / entry_of(facts).place, canonical_json(facts))


class Everybody:
    """A reader who may see everything, so that Airflow's auth manager is not measured."""

    def may_read(self, _origin: Any) -> bool:
        return True


def overview(root: Path) -> tuple[float, float, dict[str, set[str]]]:
    """Seconds cold, seconds warm (the median), and the kinds of checks that each model shows."""
    _forget_all()
    seconds = []
    for _ in range(1 + WARM):
        start = time.perf_counter()
        board = _read(root)
        seconds.append(time.perf_counter() - start)
    kinds = {group.name: {check.kind for check in group.checks} for group in board.models}
    return seconds[0], statistics.median(seconds[1:]), kinds


def _read(root: Path) -> Any:
    from airflow_mlops_provider.ui.board import read_board

    return read_board(str(root), Everybody())  # type: ignore[arg-type]  # only may_read is asked


def _forget_all() -> None:
    """As in a process that has just started."""
    from airflow_mlops_provider.records import evidence_name
    from airflow_mlops_provider.stores.evidence.catalogue import forget_catalogues
    from airflow_mlops_provider.stores.evidence.index import parse_entry
    from airflow_mlops_provider.stores.evidence.listings import forget_listings
    from airflow_mlops_provider.ui.chains import forget_chains
    from airflow_mlops_provider.ui.entries import forget_what_was_read

    for forget in (forget_catalogues, forget_listings, forget_chains, forget_what_was_read):
        forget()
    parse_entry.cache_clear()
    evidence_name._parsed.cache_clear()


def _rest(root: Path) -> None:
    """As if the last verdict had been written a while ago: what has just changed is listed at each request."""
    for place, _, _ in os.walk(root):
        os.utime(place, ns=(10**18, 10**18))


def main(_arguments: list[str]) -> list[Goal]:
    """Measure, print the table, and return the goals."""
    print(f"\n## The overview, {MODELS} models and {VERDICTS:,} verdicts\n")
    print("| evidence root | cold | warm, median | warm : cold | models that show all checks |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        root = Path(place, "mlops")
        made = fill(root, MODELS, VERDICTS)
        found = {}
        for name in ("with the index", "without"):
            if name == "without":
                shutil.rmtree(root / "index")
            cold, warm, shown = found[name] = overview(root)
            whole = sum(shown.get(model) == kinds for model, kinds in made.items())
            print(f"| {name} | {cold:.2f} s | {warm:.2f} s | 1 : {cold / warm:.0f} | {whole} of {MODELS} |")
        cold, warm, shown = found["with the index"]
    return [
        Goal(
            what="overview: models that show all their checks",
            goal=f"{MODELS} of {MODELS}",
            measured=f"{sum(shown.get(model) == kinds for model, kinds in made.items())} of {MODELS}",
            reached=shown == made,
        ),
        Goal(what="overview, cold", goal="at most 2 s", measured=f"{cold:.2f} s", reached=cold <= 2),
        Goal(what="overview, warm", goal="at most 0.3 s", measured=f"{warm:.2f} s", reached=warm <= 0.3),
    ]


if __name__ == "__main__":
    print_goals(main(sys.argv[1:]))
