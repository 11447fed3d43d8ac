"""Rows that lie in Spark get the verdict, findings and quarantined rows that they get as files."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.analysis.drift.profile import LevelProfile
from airflow_mlops_provider.analysis.drift.profile_file import decode_profile
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from tests.builders.agreement import SUITE
from tests.builders.logged_tables import delta_table
from tests.builders.tables import orders
from tests.services.conftest import programs_from_debian
from tests.services.spark_programs import require_spark

pytestmark = pytest.mark.timeout(1200)

ADDS_UP = ("between", "not_be_null", "match_regex", "row_count")
MOMENT = dt.datetime.fromisoformat("2026-01-01T10:30:00.000005")
ROWS = [
    (
        None if number % 11 == 0 else float("nan") if number % 13 == 0 else number * 1.7 - 30,
        None if number % 7 == 0 else ("a", "ä€", "b' \"", "a;")[number % 4],
        None if number % 5 == 0 else dt.date(2026, 1, 1) + dt.timedelta(days=number),
        None if number % 17 == 0 else MOMENT + dt.timedelta(hours=number),
        None if number % 19 == 0 else Decimal(number - 3) / 4,
    )
    for number in range(90)
]


def expectations(*, adding: bool) -> dict[str, Any]:
    chosen = [
        each
        for each in SUITE["expectations"]
        if "mean" not in each["type"] and ("unique" not in each["type"] or not adding)
    ]
    return {"name": "orders", "expectations": chosen}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety orders in three files, and what jobs say of them in this process."""
    found, rows = tmp_path_factory.mktemp("spark"), orders(ROWS)
    (found / "days").mkdir()
    for number in range(3):
        pq.write_table(rows.slice(30 * number, 30), found / "days" / f"{number}.parquet")
    delta_table(str(found / "delta"))
    (found / "orders.csv").write_text("id\n1\n")
    given = {"suite": expectations(adding=True), "strict": expectations(adding=False)}
    (found / "given.json").write_text(json.dumps(given))
    spec = {"dataset": str(found / "days"), "evidence_root": str(found / "mlops")}
    jobs.run("profile", {**spec, "output_uri": str(found / "files.profile"), "shared": False})
    return found


@pytest.fixture(scope="module")
def spark(folder: Path) -> dict[str, Any]:
    """What the jobs said in a session of Spark, by case."""
    return said_in_spark(folder)


@pytest.fixture(scope="module")
def connect(folder: Path) -> dict[str, Any]:
    """What they said by Spark Connect."""
    return said_in_spark(folder, "connect")


def said_in_spark(folder: Path, *more: str) -> dict[str, Any]:
    with programs_from_debian():
        place = require_spark()
    path = os.pathsep.join([str(place), str(Path.cwd())])
    environment = {**os.environ, "PYTHONPATH": path, "PYSPARK_PYTHON": sys.executable}
    command = [sys.executable, "-m", "tests.services.spark_jobs", str(folder), *more]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def files(folder: Path) -> dict[str, Any]:
    """What the same validation says of the files in this process."""
    spec = {
        "dataset": str(folder / "days"),
        "suite": expectations(adding=True),
        "clean_uri": str(folder / "clean.parquet"),
        "quarantine_uri": str(folder / "aside.parquet"),
        "policy": {"max_quarantine_share": 1.0},
        "evidence_root": str(folder / "mlops"),
    }
    outcome = jobs.run("validate", spec)
    return {
        "verdict": encode(outcome.verdict),
        "rows": aside_of(folder / "aside.parquet"),
        "clean": outcome.dataset.rows,
    }


def aside_of(path: Path) -> list[tuple[int, str]]:
    table: pa.Table = open_dataset(str(path)).table(["id", "quarantine_reasons"])
    return sorted(zip(*(column.to_pylist() for column in table.columns), strict=True))


def findings(verdict: dict[str, Any]) -> list[dict[str, Any]]:
    """Without the examples: which rows come first is a matter of the partitions."""
    return [{**each, "detail": each["detail"].partition(", such as")[0]} for each in verdict["findings"]]


@pytest.mark.parametrize("case", ["files", "table"])
def test_verdict_and_findings_are_those_of_the_files(spark, files, case):
    found = spark[case]["verdict"]
    assert (found["status"], found["summary"]) == (files["verdict"]["status"], files["verdict"]["summary"])
    assert findings(found) == findings(files["verdict"])


def test_spark_writes_the_same_quarantine_and_the_same_clean_rows(spark, files, folder):
    assert files["rows"]
    assert aside_of(folder / "aside") == files["rows"]
    assert sorted((row["id"], row["quarantine_reasons"]) for row in spark["quarantined"]) == files["rows"]
    assert spark["files"]["dataset"]["rows"] == spark["fine"] == files["clean"]
    clean, expected = (open_dataset(str(folder / name)).table().sort_by("id") for name in ("clean", "clean.parquet"))
    assert repr(clean.to_pylist()) == repr(expected.to_pylist())  # NaN is no equal of NaN


def test_the_outcome_vouches_for_the_folder_that_spark_wrote(spark, folder):
    ref = open_dataset(str(folder / "clean")).ref
    assert spark["files"]["dataset"]["fingerprint"] == ref.fingerprint
    assert spark["table"]["dataset"]["uri"] == "spark:fine"


def test_a_table_is_pinned_by_its_rows(spark):
    assert spark["once more"]["dataset"]["identified_by"] == "rows"
    assert spark["pinned"]["dataset"] == spark["once more"]["dataset"]
    assert spark["changed"]["error"] == "IntegrityError"


def test_the_profile_of_partitions_is_that_of_the_files(spark, folder):
    assert spark["profile"]["verdict"]["status"] == "pass"
    ours, theirs = (
        decode_profile((folder / f"{name}.profile").read_bytes(), uri="orders") for name in ("files", "spark")
    )
    assert theirs.profiles.keys() == ours.profiles.keys()
    for name, profile in theirs.profiles.items():
        own = ours.profiles[name]
        assert (profile.rows, profile.missing) == (own.rows, own.missing)
        if isinstance(profile, LevelProfile):
            assert profile.counts == own.counts
        else:
            assert profile.below.tolist() == own.below.tolist()


def test_edges_are_chosen_from_the_rows_where_none_are_given(spark):
    assert "profiled 90 rows" in spark["own edges"]["verdict"]["summary"]


def test_a_rule_that_does_not_add_up_is_refused_by_name_and_held_in_one_partition(spark):
    assert spark["does not add up"]["error"] == "BadInputError"
    assert "expect_column_values_to_be_unique" in spark["does not add up"]["text"]
    assert spark["one partition"]["verdict"]["status"] == "fail"


def test_spark_connect_gives_the_same(connect, files, folder):
    found = connect["validate"]["verdict"]
    assert (found["status"], findings(found)) == (files["verdict"]["status"], findings(files["verdict"]))
    assert aside_of(folder / "connect-aside") == files["rows"]
    assert connect["validate"]["dataset"]["rows"] == files["clean"]
    assert "profiled 90 rows" in connect["profile"]["verdict"]["summary"]


def test_a_missing_table_is_one_sentence_by_spark_connect_too(connect):
    assert connect["no such table"]["error"] == "BadInputError"
    assert "cannot be read" in connect["no such table"]["text"]


@pytest.mark.parametrize(
    ("case", "words"),
    [("no such table", "cannot be read"), ("delta", "spark:delta"), ("csv", "Spark reads CSV in ways of its own")],
)
def test_what_spark_cannot_read_as_we_do_is_one_sentence(spark, case, words):
    assert spark[case]["error"] == "BadInputError"
    assert words in spark[case]["text"]
    assert "\n" not in spark[case]["text"]
