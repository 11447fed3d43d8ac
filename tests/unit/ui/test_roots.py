"""Evidence of operators with roots of their own is shown where the configuration declares them, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.decision_record import Effect
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.specs import local_path
from airflow_mlops_provider.ui.auth import Reader
from airflow_mlops_provider.ui.roots import find_evidence, find_root, read_boards
from tests.builders.page_samples import REPORT, decide, model, origin, story, write

Page = Callable[[], TestClient]


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a single operator, which the configuration declares."""
    monkeypatch.setenv("AIRFLOW__MLOPS__EVIDENCE_ROOTS", f"{tmp_path / 'team'}, {tmp_path / 'other team'}")
    return tmp_path / "team"


def drift(root: Path, name: str = "rent") -> str:
    files = {"evidently.html": REPORT}
    return write(root, Kind.DRIFT, Status.FAIL, f"{name} drifted", model=model("1", name), attachments=files)


def get(page: Page, address: str, uri: str, **more: str) -> tuple[int, str]:
    response = page().get(f"/mlops/{address}?uri={quote(uri, safe='')}", params=None)
    return response.status_code, response.text


def test_its_evidence_and_report_open_and_its_model_is_on_the_overview(page: Page, root: Path, team: Path) -> None:
    story(root)
    uri = drift(team)
    overview = page().get("/mlops/").text
    assert "rent drifted" in overview
    assert team.as_uri() in overview
    assert get(page, "evidence", uri)[0] == 200
    assert "rent drifted" in get(page, "evidence", uri)[1]
    report = page().get(f"/mlops/attachment?uri={quote(uri, safe='')}&name=evidently.html")
    assert report.content == REPORT
    found = page().get("/mlops/api/models").json()
    assert {group["name"]: group["evidence_root"] for group in found["models"]} == {
        "rent": team.as_uri(),
        "wage": root.as_uri(),
    }
    assert found["evidence_roots"] == [root.as_uri(), team.as_uri(), (team.parent / "other team").as_uri()]


def test_its_decisions_open_by_links_that_name_its_root(page: Page, root: Path, team: Path) -> None:
    story(root)
    decide(team, Effect.MOVED, "7", name="rent")
    address = f"/mlops/decision?model=rent&amp;number=1&amp;root={quote(team.as_uri(), safe='')}"
    assert f'href="{address}"' in page().get("/mlops/").text
    response = page().get(address.replace("&amp;", "&"))
    assert response.status_code == 200
    assert "v7 promoted" in response.text
    assert page().get("/mlops/decision?model=rent&number=1").status_code == 404
    assert page().get("/mlops/decision?model=wage&number=1").status_code == 200


def test_a_root_that_nobody_declared_is_opened_by_no_request(
    page: Page, root: Path, team: Path, tmp_path: Path
) -> None:
    hidden = tmp_path / "hidden"
    uri = drift(hidden)
    decide(hidden, Effect.MOVED, "1", name="rent")
    for address in ("evidence", "api/evidence"):
        status, text = get(page, address, uri)
        assert (status, "evidence_roots" in text) == (400, True)
    assert page().get(f"/mlops/attachment?uri={quote(uri, safe='')}&name=evidently.html").status_code == 400
    named = page().get(f"/mlops/decision?model=rent&number=1&root={quote(hidden.as_uri(), safe='')}")
    assert named.status_code == 400
    assert "rent" not in page().get("/mlops/").text


def test_what_a_person_may_not_read_stays_hidden_in_every_root(page: Page, root: Path, team: Path) -> None:
    uri = write(team, Kind.DRIFT, Status.FAIL, "a secret", model=model("1", "rent"), origin=origin("secret_dag"))
    assert "a secret" not in page().get("/mlops/").text
    assert get(page, "evidence", uri)[0] == 403


def test_a_declared_root_that_cannot_be_read_is_named_and_the_others_are_shown(
    page: Page, root: Path, team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story(root)
    team.write_text("no folder")
    monkeypatch.setenv("AIRFLOW__MLOPS__EVIDENCE_ROOTS", f"{team}, ftp://host/mlops")
    response = page().get("/mlops/")
    assert response.status_code == 200
    for said in ("2 evidence roots cannot be shown", str(team), "ftp:// has no exclusive create", "3 of 8 columns"):
        assert said in response.text
    assert len(page().get("/mlops/api/models").json()["unreadable"]) == 2


def test_two_models_of_one_name_are_kept_apart(root: Path, team: Path, reader: Reader) -> None:
    for each, version in ((root, "1"), (team, "2")):
        write(each, Kind.DRIFT, Status.PASS, "quiet", model=model(version))
    board = read_boards([str(root), str(team)], reader)
    assert [(group.name, group.root) for group in board.models] == [("wage", root.as_uri()), ("wage", team.as_uri())]


def test_a_place_outside_is_not_found_in_any_root(root: Path, team: Path) -> None:
    uri = drift(team)
    roots = [str(root), str(team)]
    store, found = find_evidence(roots, str(local_path(uri)))
    assert (store.root, found) == (team.as_uri(), uri)
    for wrong in (uri.replace("/team/", "/team/../team/"), f"{team.as_uri()}/claims/x.json", "file:///etc/passwd"):
        with pytest.raises(BadInputError, match="is not evidence under the evidence root"):
            find_evidence(roots, wrong)
    with pytest.raises(BadInputError, match="is not an evidence root of this page"):
        find_root(roots, "file:///etc")
