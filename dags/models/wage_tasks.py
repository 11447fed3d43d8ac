"""What every task of the wage Dags shares: where its job runs, retries with growing pauses, and who is told."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow_mlops_provider.notifications.slack import MLOpsSlackNotifier
from airflow_mlops_provider.runners.setting import runner_from
from airflow_mlops_provider.stores.specs import read_model_spec

MODEL = str(Path(__file__).with_name("wage.yaml"))
SUITE = str(Path(__file__).with_name("wage_suite.json"))
SPEC = read_model_spec(MODEL)
CHAMPION = f"models:/{SPEC.name}@champion"
CHALLENGER = f"models:/{SPEC.name}@challenger"


def part_suite() -> dict[str, Any]:
    """The suite without its rule on rows of different parts, that no man is there twice: no part can tell it alone."""
    suite: dict[str, Any] = json.loads(Path(SUITE).read_text())
    rules = [rule for rule in suite["expectations"] if "unique" not in rule["type"]]
    return {**suite, "name": f"{suite['name']}_part", "expectations": rules}


TELL_SLACK = MLOpsSlackNotifier(slack_conn_id="slack_default")

DEFAULTS = {
    "owner": ",".join(SPEC.owners),
    "retries": 2,
    "retry_delay": timedelta(seconds=15),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
    "on_failure_callback": TELL_SLACK,
    # Where jobs run: in the task by default, or elsewhere by {"place": "kubernetes", "image": "...", ...}.
    "runner": runner_from(os.environ.get("MLOPS_RUNNER", "")),
}
