from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from fastapi import FastAPI
from fastapi.testclient import TestClient

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.decision_record import Effect
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Finding, Status
from airflow_mlops_provider.stores.specs import local_path
from airflow_mlops_provider.ui.app import create_app
from airflow_mlops_provider.ui.views import refuse_outside
from tests.builders.page_samples import REPORT, decide, drift_findings, model, origin, story, write

Page = Callable[[], TestClient]


def test_an_empty_page_says_what_to_do(page: Page, root: Path) -> None:
    text = page().get("/mlops/").text
    assert "Nothing has been checked yet" in text
    assert "AIRFLOW__MLOPS__EVIDENCE_ROOT" in text
    assert root.as_uri() in text


def test_the_overview_shows_champion_checks_history_and_decisions(page: Page, root: Path) -> None:
    story(root)
    text = page().get("/mlops/").text
    for said in (
        "3 of 8 columns drifted",
        "rollback goes to v1",
        "Champion stays: v2",
        "champion stays, because evaluation has 545 rows",
        "v2 promoted",
        "orders_ingest",
        "2,725 rows",
    ):
        assert said in text


def test_insufficient_evidence_never_wears_the_colours_of_a_pass(page: Page, root: Path) -> None:
    write(root, Kind.EVALUATION, Status.INSUFFICIENT_EVIDENCE, "too few rows", model=model("1"))
    text = page().get("/mlops/").text
    assert 'class="badge insufficient_evidence"' in text
    assert 'class="badge pass"' not in text


def test_broken_evidence_is_named_and_the_page_still_opens(page: Page, root: Path) -> None:
    story(root)
    broken = next((root / "bias").glob("*.json"))
    broken.write_text("{}")
    response = page().get("/mlops/")
    assert response.status_code == 200
    assert "1 piece of evidence cannot be trusted" in response.text
    assert broken.name in response.text
    assert "3 of 8 columns drifted" in response.text


def test_a_damaged_decision_record_is_announced(page: Page, root: Path) -> None:
    first = local_path(decide(root, Effect.MOVED, "1"))
    decide(root, Effect.MOVED, "2", champion=model("1"))
    first.write_bytes(first.read_bytes().replace(b"+0.011", b"+0.911"))
    assert "The decision record is damaged" in page().get("/mlops/").text


def test_the_evidence_page_shows_every_number_against_its_limit(page: Page, root: Path) -> None:
    uri = write(root, Kind.DRIFT, Status.FAIL, "drifted", findings=drift_findings(), origin=origin("wage_monitor"))
    text = page().get(f"/mlops/evidence?uri={quote(uri, safe='')}").text
    for said in ("exper", "0.1807", "0.05", "median 5 -&gt; 8", "&lt;1e-6", "wage_monitor", "match the SHA-256"):
        assert said in text
    assert 'href="/dags/wage_monitor/runs/scheduled__2026-03-01T00%3A00%3A00%2B00%3A00/tasks/check"' in text


def test_a_number_beyond_its_limit_within_chance_has_a_state_of_its_own(page: Page, root: Path) -> None:
    numbers = {"measure": "accuracy_gap_to_rest", "limit": 0.05, "status": Status.PASS}
    findings = (
        Finding(subject="race=a", observed=0.15, p_value=0.2, **numbers),
        Finding(subject="race=b", observed=0.01, p_value=0.2, **numbers),
    )
    uri = write(root, Kind.BIAS, Status.PASS, "none is worse", findings=findings, model=model("1"))
    text = page().get(f"/mlops/evidence?uri={quote(uri, safe='')}").text
    assert text.count("within_chance") == text.count("within chance") == 1


def test_names_from_the_data_cannot_become_html(page: Page, root: Path) -> None:
    attack = "<img src=x onerror=alert(1)>"
    finding = Finding(subject=attack, measure="ks_d", observed=1.0, status=Status.FAIL, detail=attack)
    uri = write(root, Kind.DRIFT, Status.FAIL, attack, findings=(finding,), model=model("1", name=attack))
    for address in ("/mlops/", f"/mlops/evidence?uri={quote(uri, safe='')}"):
        response = page().get(address)
        assert "<img" not in response.text
        assert "script-src 'self'" in response.headers["content-security-policy"]


def test_a_decision_lists_the_evidence_it_rests_on(page: Page, root: Path) -> None:
    story(root)
    text = page().get("/mlops/decision?model=wage&number=2").text
    assert "v2 promoted" in text
    assert "no slice lags by more than 5 points" in text
    assert "not this file" not in text


def test_a_decision_hides_the_verdict_of_evidence_from_another_dag(page: Page, root: Path) -> None:
    hidden = write(root, Kind.BIAS, Status.FAIL, "something private", origin=origin("secret_train"))
    decide(root, Effect.STAYS, "1", evidence={hidden: "sha256:" + "0" * 64})
    text = page().get("/mlops/decision?model=wage&number=1").text
    assert "something private" not in text
    assert "made by a Dag that you may not read" in text
    assert "not this file" in text


def test_a_report_opens_in_a_sandbox_without_origin_or_network(page: Page, root: Path) -> None:
    uri = write(root, Kind.DRIFT, Status.PASS, "quiet", attachments={"evidently.html": REPORT})
    response = page().get("/mlops/attachment", params={"uri": uri, "name": "evidently.html"})
    assert response.content == REPORT
    assert response.headers["content-type"].startswith("text/html")
    policy = response.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_file_of_unknown_type_is_downloaded_and_not_shown(page: Page, root: Path) -> None:
    uri = write(root, Kind.TRAINING, Status.PASS, "trained", attachments={"model.skops": b"\x00"})
    response = page().get("/mlops/attachment", params={"uri": uri, "name": "model.skops"})
    assert response.headers["content-disposition"] == "attachment"
    assert "Download model.skops" in page().get("/mlops/evidence", params={"uri": uri}).text


def test_an_attachment_outside_the_root_is_refused_even_when_evidence_names_it(page: Page, root: Path) -> None:
    (root.parent / "secret.html").write_text("secret")
    root.mkdir()
    (root / "link.html").symlink_to(root.parent / "secret.html")
    places = (root.parent.as_uri() + "/secret.html", root.as_uri() + "/../secret.html", root.as_uri() + "/link.html")
    for place in places:
        with pytest.raises(BadInputError, match="does not lie under the evidence root"):
            refuse_outside(root.as_uri(), place)


@pytest.mark.parametrize(
    "address", ["/mlops/evidence?uri=", "/mlops/attachment?name=a&uri=", "/mlops/api/evidence?uri="]
)
def test_a_path_outside_the_root_is_a_bad_request(page: Page, root: Path, address: str) -> None:
    response = page().get(f"{address}{quote(root.as_uri(), safe='')}/../../etc/passwd")
    assert response.status_code == 400
    assert "is not evidence under the evidence root" in response.text


def test_evidence_of_a_dag_that_the_person_may_not_read_is_forbidden(page: Page, root: Path) -> None:
    uri = write(root, Kind.DRIFT, Status.FAIL, "private", attachments={"a.html": REPORT}, origin=origin("secret_dag"))
    for address in ("/mlops/evidence", "/mlops/api/evidence", "/mlops/attachment?name=a.html"):
        response = page().get(address, params={"uri": uri, "name": "a.html"})
        assert response.status_code == 403
        assert "private" not in response.text


def test_who_lacks_the_permission_is_told_which_and_how_it_is_granted(root: Path) -> None:
    app, mounted = FastAPI(), create_app()
    mounted.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username="eve", role=None)
    app.mount("/mlops", mounted)
    response = TestClient(app, headers={"accept": "text/html"}).get("/mlops/")
    assert response.status_code == 403
    assert "airflow roles add-perms YOUR_ROLE -a can_read -r Plugins" in response.text


def test_changed_and_missing_evidence_are_told_apart(page: Page, root: Path) -> None:
    uri = write(root, Kind.DRIFT, Status.PASS, "quiet")
    local_path(uri).write_text("{}")
    assert page().get("/mlops/evidence", params={"uri": uri}).status_code == 409
    local_path(uri).unlink()
    assert page().get("/mlops/evidence", params={"uri": uri}).status_code == 404


def test_the_json_has_the_same_contents(page: Page, root: Path) -> None:
    story(root)
    body = page().get("/mlops/api/models").json()
    [wage] = body["models"]
    assert wage["champion"]["version"] == "2"
    assert wage["previous"]["version"] == "1"
    assert wage["latest"]["drift"]["verdict"]["status"] == "fail"
    assert [past["status"] for past in wage["history"]["evaluation"]] == ["pass", "pass", "insufficient_evidence"]
    assert [decision["effect"] for decision in wage["decisions"]] == ["stays", "moved", "moved"]
    assert [group["name"] for group in body["datasets"]] == ["orders_ingest"]


def test_outcomes_are_chosen_by_model_and_kind_newest_first(page: Page, root: Path) -> None:
    story(root)
    found = page().get("/mlops/api/outcomes?model=wage&kind=evaluation").json()["outcomes"]
    assert [outcome["model"]["version"] for outcome in found] == ["3", "2", "1"]
    assert len(page().get("/mlops/api/outcomes?model=wage&kind=drift&limit=4").json()["outcomes"]) == 4
    assert page().get("/mlops/api/outcomes?model=other").json() == {"outcomes": []}


def test_an_unknown_kind_is_refused_by_name(page: Page, root: Path) -> None:
    response = page().get("/mlops/api/outcomes?kind=mood")
    assert response.status_code == 422
    assert response.json()["detail"].startswith("kind: ")


def test_the_json_of_evidence_is_the_evidence(page: Page, root: Path) -> None:
    uri = write(root, Kind.DRIFT, Status.FAIL, "drifted", findings=drift_findings(), report={"columns": [1]})
    body = page().get("/mlops/api/evidence", params={"uri": uri}).json()
    assert body["report"] == {"columns": [1]}
    assert body["verdict"]["findings"][0]["subject"] == "exper"


@pytest.mark.parametrize(
    ("place", "status", "said"),
    [("ftp://somewhere", 400, "ftp:// has no exclusive create"), ("/" + "x" * 300, 503, "cannot be read")],
)
def test_an_evidence_root_that_cannot_be_read_is_named(
    page: Page, monkeypatch: pytest.MonkeyPatch, place: str, status: int, said: str
) -> None:
    monkeypatch.setenv("AIRFLOW__MLOPS__EVIDENCE_ROOT", place)
    response = page().get("/mlops/")
    assert response.status_code == status
    assert said in response.text


def test_every_asset_of_the_page_is_its_own(page: Page, root: Path) -> None:
    story(root)
    text = page().get("/mlops/").text
    assert "http://" not in text.replace("http://www.w3.org", "")
    # The name of the charts' grammar has the form of an address; nothing asks for it.
    assert "https://" not in text.replace("https://vega.github.io/schema/", "")
    for name, content_type in (("page.css", "text/css"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
        response = page().get(f"/mlops/static/{name}")
        assert response.status_code == 200
        assert response.headers["content-type"].startswith(content_type)
    assert page().get("/mlops/static/plugin.py").status_code == 404


def test_evidence_that_was_removed_past_its_time_is_no_damage_and_says_when_it_went(page: Page, root: Path) -> None:
    data = origin("wage_train")
    for version, days in (("1", 900), ("2", 20), ("3", 10)):
        hours = days * 24
        uri = write(root, Kind.EVALUATION, Status.PASS, f"better {version}", model=model(version), hours_ago=hours)
        decide(root, Effect.MOVED, version, hours_ago=hours, evidence={uri: hash_of(uri)}, origin=data)
    jobs.run("purge", {"retention_days": 365, "evidence_root": str(root)})
    overview = page().get("/mlops/").text
    assert "Old evidence removed" in overview
    assert "damaged" not in overview
    decision = page().get("/mlops/decision?model=wage&number=1").text
    assert f"removed on {datetime.now(UTC):%Y-%m-%d} by decision 4, past its time" in decision
    assert page().get("/mlops/decision?model=wage&number=4").status_code == 200


def hash_of(uri: str) -> str:
    return "sha256:" + uri.rsplit("-", 1)[-1].removesuffix(".json")
