"""A verdict, its messages and its evidence are the same whatever the machine's time zone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

RULES: list[tuple[str, dict[str, Any]]] = [
    ("expect_rows_to_satisfy", {"condition": "sent::DATE >= DATE '2024-03-01'"}),
    ("expect_rows_to_satisfy", {"condition": "hour(sent) = 0 OR date_trunc('day', sent) = DATE '2024-03-01'"}),
    ("expect_rows_to_satisfy", {"condition": "sent = plain AND sent::VARCHAR LIKE '%+00'"}),
    ("expect_rows_to_satisfy", {"condition": "sent < current_date"}),
    ("expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "due", "column_B": "sent"}),
    ("expect_column_pair_values_to_be_equal", {"column_A": "plain", "column_B": "sent"}),
    ("expect_column_values_to_be_between", {"column": "sent", "max_value": "2024-03-01T12:00:00"}),
    ("expect_column_values_to_be_between", {"column": "tokyo", "min_value": "2024-03-01T09:00:00+09:00"}),
    ("expect_column_values_to_be_in_set", {"column": "sent", "value_set": ["2024-03-01T00:30:00"]}),
    ("expect_column_max_to_be_between", {"column": "sent", "max_value": "2024-03-01"}),
    ("expect_column_to_be_fresh", {"column": "sent", "max_age_hours": 1, "as_of": "2024-03-02T00:00:00"}),
    ("expect_column_distinct_values_to_be_in_set", {"column": "day", "value_set": ["2024-03-01"]}),
    (
        "unexpected_rows_expectation",
        {"unexpected_rows_query": "SELECT day(sent) FROM {batch} GROUP BY 1 HAVING day(sent) > 1"},
    ),
]


def mails() -> pd.DataFrame:
    sent = pd.date_range("2024-03-01T00:30", periods=24, freq="h", tz="UTC")
    return pd.DataFrame(
        {
            "sent": sent,
            "tokyo": sent.tz_convert("Asia/Tokyo"),
            "plain": sent.tz_localize(None),
            "due": sent.tz_localize(None) + pd.Timedelta(minutes=1),
            "day": sent.date,
        }
    )


def judged(zone: str, here: Path) -> tuple[Any, Any, Any]:
    """Verdict, report without the time of the check, and the quarantine's rows."""
    spec = here / "spec.json"
    spec.write_text(
        json.dumps(
            {
                "dataset": str(here / "mails.parquet"),
                "suite": {"name": "s", "expectations": [{"type": kind, "kwargs": kwargs} for kind, kwargs in RULES]},
                "quarantine_uri": str(here / "bad.parquet"),
                "evidence_root": str(here / f"ev-{zone.replace('/', '-')}"),
            }
        )
    )
    command = [sys.executable, "-m", "airflow_mlops_provider.jobs", "validate", str(spec)]
    done = subprocess.run(command, env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    outcome = json.loads(done.stdout)
    evidence = json.loads(Path(outcome["evidence_uri"].removeprefix("file://")).read_text())
    checked = evidence["report"].pop("checked_at")
    assert checked.endswith("+00:00")
    return outcome["verdict"], evidence["report"], pd.read_parquet(here / "bad.parquet").to_dict("list")


def test_time_rules_say_the_same_under_three_zones(tmp_path: Path) -> None:
    mails().to_parquet(tmp_path / "mails.parquet", coerce_timestamps="us")
    utc, west, east = (judged(zone, tmp_path) for zone in ("UTC", "America/New_York", "Asia/Tokyo"))
    assert west == utc
    assert east == utc
    unexpected = [result["unexpected"] for result in utc[1]["results"]]
    assert unexpected == [0, 0, 0, 0, 0, 0, 12, 0, 23, None, None, None, None]
    assert [result["success"] for result in utc[1]["results"][9:12]] == [False, True, True]
