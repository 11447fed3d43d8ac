"""One suite, one contract and one drift policy say the same of rows as Parquet, as CSV and as twenty mapped parts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import Phase, given, settings

from airflow_mlops_provider import jobs
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.listing import ranges
from tests.builders.agreement import CONTRACT, REFERENCE, ROWS, SUITE
from tests.builders.tables import order_files, orders

PARTS = 20
_OF_THE_WHOLE = ("unique", "mean", "row_count")
"""Parts of the types of rules that no part can hold: they compare rows, or a part has too few of them."""
RULES: dict[str, Any] = {
    "suite": {
        "name": "orders",
        "expectations": [
            rule for rule in SUITE["expectations"] if not any(word in rule["type"] for word in _OF_THE_WHOLE)
        ],
    },
    "contract": CONTRACT
    | {
        "schema": [
            {
                "name": "orders",
                "properties": [{**each, "unique": False} for each in CONTRACT["schema"][0]["properties"]],
            }
        ]
    },
}
POLICY = {"max_quarantine_share": 1.0}
COLUMNS = ["amount", "name", "price"]
"""Without the key: that it rises from one part to the next is not known, which matters in parts of under 100 rows."""


class Place:
    """Jobs that leave their evidence in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, job: str, **spec: Any) -> Outcome:
        return jobs.run(job, {**spec, "evidence_root": str(self.folder / "mlops")})

    def validated(self, dataset: Any, rules: str, name: str, part: str = "all") -> Outcome:
        places = {f"{kind}_uri": str(self.folder / f"{rules}-{name}-{kind}" / part) for kind in ("clean", "aside")}
        places["quarantine_uri"] = places.pop("aside_uri")
        return self.run("validate", dataset=dataset, policy=POLICY, **{rules: RULES[rules]}, **_named(places))

    def whole(self, dataset: Any, name: str) -> dict[str, Any]:
        """What is said of the rows as one dataset."""
        found = {rules: self.said(self.validated(dataset, rules, name), rules, name) for rules in RULES}
        reference = str(self.folder / "reference.parquet")
        policy = {"min_rows": 5, "joint": False}
        drift = self.run("drift", reference=reference, current=dataset, policy=policy, columns=COLUMNS)
        return found | {"drift": _findings(drift)}

    def parts(self) -> dict[str, Any]:
        """What is said of them as parts that are judged and profiled apart and merged."""
        chunks = [each.uri for each in ranges(str(self.folder / "parts"), at_most=PARTS)]
        found: dict[str, Any] = {}
        for rules in RULES:
            judged = [self.validated(each, rules, "parts", f"{n:02d}") for n, each in enumerate(chunks)]
            places = {
                "dataset": str(self.folder / f"{rules}-parts-clean"),
                "quarantine_uri": str(self.folder / f"{rules}-parts-aside"),
            }
            merged = self.run("merge", parts=[each.evidence_uri for each in judged], policy=POLICY, **places)
            found[rules] = self.said(merged, rules, "parts")
        return found | {"drift": self.drift_of_parts(chunks)}

    def drift_of_parts(self, chunks: list[str]) -> Any:
        whole = str(self.folder / "reference.profile")
        self.run("profile", dataset=str(self.folder / "reference.parquet"), output_uri=whole, shared=False)
        made = [
            self.run("profile", dataset=uri, output_uri=f"{self.folder}/{n}.profile", edges=whole, shared=False)
            for n, uri in enumerate(chunks)
        ]
        merged = self.run(
            "merge",
            parts=[each.evidence_uri for each in made],
            output_uri=str(self.folder / "merged.profile"),
            shared=False,
        )
        policy = {"min_rows": 5, "joint": False}
        return _findings(self.run("drift", reference=whole, current=merged.to_json(), policy=policy, columns=COLUMNS))

    def said(self, outcome: Outcome, rules: str, name: str) -> Any:
        place = self.folder / f"{rules}-{name}-aside"
        if not place.is_dir():
            return _findings(outcome), outcome.verdict.summary, []
        aside = open_dataset(str(place)).table(["id", "quarantine_reasons"])
        rows = sorted(zip(*(column.to_pylist() for column in aside.columns), strict=True))
        return _findings(outcome), outcome.verdict.summary, rows


def _named(places: dict[str, str]) -> dict[str, str]:
    return {key: f"{place}.parquet" for key, place in places.items()}


def _findings(outcome: Outcome) -> Any:
    found = [(each.subject, each.measure, each.observed, each.limit, each.status) for each in outcome.verdict.findings]
    return outcome.verdict.status, sorted(found, key=repr)


def write_parts(folder: Path, table: pa.Table) -> None:
    """Twenty files."""
    (folder / "parts").mkdir()
    for number in range(PARTS):
        start, end = (table.num_rows * each // PARTS for each in (number, number + 1))
        pq.write_table(table.slice(start, end - start), folder / "parts" / f"{number:02d}.parquet")


def drift_agrees(rows: Any, parts: Any) -> bool:
    """Findings agree, or the profiles leave them open; a distance is known to an interval."""
    of_rows = {finding[:2]: finding[4] for finding in rows[1]}
    of_parts = {finding[:2]: finding[4] for finding in parts[1]}
    return of_rows.keys() == of_parts.keys() and all(
        status in (of_rows[key], Status.INSUFFICIENT_EVIDENCE) for key, status in of_parts.items()
    )


@given(rows=ROWS)
@settings(max_examples=2, deadline=None, phases=[Phase.generate])  # an example is 75 jobs: none is made smaller
def test_parquet_csv_and_twenty_parts_get_the_same_verdicts_findings_and_quarantined_rows(rows):
    with tempfile.TemporaryDirectory() as name:
        # Each part has every row once: a part without a value in a column would be refused, and the whole would not.
        place, table = Place(Path(name)), orders(list(rows) * PARTS)
        pq.write_table(REFERENCE, place.folder / "reference.parquet")
        write_parts(place.folder, table)
        files = order_files(place.folder, table)
        said = {form: place.whole(dataset, form) for form, dataset in files.items()} | {"parts": place.parts()}
    assert said["csv"] == said["parquet"]
    for rules in RULES:
        if said["parquet"][rules][0][0] in (Status.PASS, Status.NOTICE):
            assert said["parts"][rules] == said["parquet"][rules]
        else:  # a part that is refused fails the whole
            assert said["parts"][rules][0][0] is Status.FAIL
            assert said["parts"][rules][2] == said["parquet"][rules][2]
    assert drift_agrees(said["parquet"]["drift"], said["parts"]["drift"])
