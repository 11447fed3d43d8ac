from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from airflow_mlops_provider.records.alert import Alert, Severity, UndeliveredAlert
from airflow_mlops_provider.records.codec import canonical_json
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.evidence.undelivered import FOLDER, write_undelivered
from airflow_mlops_provider.ui.auth import Reader
from airflow_mlops_provider.ui.undelivered import MOST_SHOWN, list_undelivered
from tests.builders.page_samples import NOW, origin

Page = Callable[[], TestClient]


def alert(title: str, dag_id: str = "wage_monitor", **more: Any) -> UndeliveredAlert:
    given = {"created_at": NOW.isoformat(), "reason": "429 Too Many Requests", "origin": origin(dag_id, "drift")}
    return UndeliveredAlert(
        alert=Alert(severity=Severity.CRITICAL, title=title), channel="slack_default", **{**given, **more}
    )


def test_an_alert_that_was_not_delivered_is_shown_with_its_reason_and_its_run(page: Page, root: Path) -> None:
    write_undelivered(str(root), alert("Data <drifted>"))
    text = page().get("/mlops/").text
    assert "1 alert not delivered" in text
    assert "Data &lt;drifted&gt;" in text
    assert "slack_default: 429 Too Many Requests" in text
    assert "/dags/wage_monitor/runs/scheduled__2026-03-01T00%3A00%3A00%2B00%3A00" in text
    [told] = page().get("/mlops/api/models").json()["undelivered"]
    assert (told["alert"]["title"], told["channel"]) == ("Data <drifted>", "slack_default")


def test_nothing_is_said_of_alerts_when_all_were_delivered(page: Page, root: Path) -> None:
    assert "not delivered" not in page().get("/mlops/").text
    assert page().get("/mlops/api/models").json()["undelivered"] == []


def test_alerts_about_a_dag_that_the_person_may_not_read_are_left_out_however_many(root: Path, reader: Reader) -> None:
    write_undelivered(str(root), alert("shown"))
    for number in range(MOST_SHOWN + 1):
        write_undelivered(str(root), alert(f"hidden {number}", "secret_train"))
    assert [each.record and each.record.alert.title for each in list_undelivered(str(root), reader)] == ["shown"]


@pytest.mark.parametrize(
    "data",
    [b"{", b"[]", b'{"alert": 1}', canonical_json(alert("bad time", created_at="yesterday")), b" " * (2**20 + 1)],
    ids=["no json", "no mapping", "no alert", "no time", "too large"],
)
def test_a_damaged_alert_is_one_bad_entry(page: Page, root: Path, reader: Reader, data: bytes) -> None:
    EvidenceStore(str(root)).attach_hashed(f"{FOLDER}/20260101T000000.000000Z.json", data)
    write_undelivered(str(root), alert("sound"))
    text = page().get("/mlops/").text
    assert "2 alerts not delivered" in text
    assert "sound" in text
    sound, bad = list_undelivered(str(root), reader)
    assert (sound.fault, bad.record) == ("", None)
    assert bad.uri in bad.fault


def test_an_alert_changed_after_it_was_written_is_a_bad_entry(root: Path, reader: Reader) -> None:
    write_undelivered(str(root), alert("before"))
    [path] = (root / FOLDER).iterdir()
    path.write_bytes(path.read_bytes().replace(b"before", b"behind"))
    [bad] = list_undelivered(str(root), reader)
    assert "was changed after it was written" in bad.fault
