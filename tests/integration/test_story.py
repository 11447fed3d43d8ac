"""The whole story of the demo under a real scheduler, through the REST API, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from demo.services import Airflow, SlackReceiver, stopping
from demo.story import Story

pytestmark = [pytest.mark.timeout(1500)]


def _processes_with(home: str) -> list[str]:
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"AIRFLOW_HOME={home}\0".encode() in environ.read_bytes():
                found.append((environ.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_the_whole_story_holds_under_a_real_scheduler_and_leaves_no_process(tmp_path, capsys):
    slack = SlackReceiver()
    airflow = Airflow(
        tmp_path / "airflow",
        extra={
            "AIRFLOW_CONN_SLACK_DEFAULT": slack.connection,
            "AIRFLOW__MLOPS__EVIDENCE_ROOT": str(tmp_path / "mlops"),
            "WAGE_DATA": str(tmp_path / "wage"),
        },
    )
    with stopping(airflow, slack):
        airflow.start()
        airflow.wait_for_dags("wage_train", "wage_monitor", "wage_retrain")
        story = Story(airflow, slack, Console(width=140), tmp_path / "arrivals")
        story.tell()
    assert [claim for held, claim in story.claims if not held] == []
    assert len(story.claims) >= 15
    if Path("/proc").is_dir():
        assert _processes_with(str(tmp_path / "airflow")) == []
