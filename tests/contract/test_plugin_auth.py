"""The page under Airflow's real API application, plugin loading, tokens and auth manager."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pandas as pd
import pytest
from airflow.api_fastapi.app import create_app, purge_cached_app
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from airflow_mlops_provider.airflow_versions import OPENS_PAGES_IN_FRAME, AirflowFailException
from airflow_mlops_provider.operators.validation import DataValidationOperator
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.ui import app as page_app
from tests.builders.page_samples import REPORT, origin, write
from tests.unit.ui.secretive import SecretiveAuthManager

PASSWORDS = {"ada": "a", "vera": "v"}
PATHS = [
    "/mlops/",
    "/mlops/evidence?uri=x",
    "/mlops/attachment?uri=x&name=y",
    "/mlops/decision?model=x&number=1",
    "/mlops/static/page.css",
    "/mlops/api/models",
    "/mlops/api/outcomes",
    "/mlops/api/evidence?uri=x",
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlops")


@pytest.fixture(scope="module")
def server(airflow_db: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """Airflow's API server, with an admin, a viewer, and Dags called ``secret_*`` that nobody may read."""
    passwords = tmp_path_factory.mktemp("auth") / "passwords.json"
    passwords.write_text(json.dumps(PASSWORDS))
    settings = {
        "CORE__AUTH_MANAGER": f"{SecretiveAuthManager.__module__}.{SecretiveAuthManager.__name__}",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "ada:admin,vera:viewer",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "API_AUTH__JWT_SECRET": "long enough for the algorithm: " + 64 * "x",
        "MLOPS__EVIDENCE_ROOT": str(root),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(f"AIRFLOW__{name}", value)
        purge_cached_app()
        yield create_app(apps="core")
        purge_cached_app()


@pytest.fixture
def airflow(server: FastAPI) -> TestClient:
    return TestClient(server)


def signed_in(client: TestClient, name: str) -> dict[str, str]:
    response = client.post("/auth/token", json={"username": name, "password": PASSWORDS[name]})
    return {"Authorization": f"Bearer {response.json()['access_token']}"}


def test_every_route_refuses_the_anonymous(airflow: TestClient) -> None:
    for path in PATHS:
        assert airflow.get(path).status_code == 401, path


def test_the_paths_of_this_test_are_all_that_there_are() -> None:
    routes = {f"/mlops{route.path}" for route in page_app.create_app().routes if isinstance(route, APIRoute)}
    assert routes == {path.partition("?")[0].replace("page.css", "{name}") for path in PATHS}
    assert all(isinstance(route, APIRoute) for route in page_app.create_app().routes), "no unprotected docs or files"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_changed_through_the_page(airflow: TestClient, method: str) -> None:
    for path in PATHS:
        assert airflow.request(method, path, headers=signed_in(airflow, "ada")).status_code == 405, path


@pytest.mark.parametrize("name", ["ada", "vera"])
def test_admin_and_viewer_may_read(airflow: TestClient, name: str) -> None:
    for path in ("/mlops/", "/mlops/static/page.css", "/mlops/api/models", "/mlops/api/outcomes"):
        assert airflow.get(path, headers=signed_in(airflow, name)).status_code == 200, path


def test_a_forged_token_is_refused(airflow: TestClient) -> None:
    token = signed_in(airflow, "ada")["Authorization"]
    forged = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    assert airflow.get("/mlops/", headers={"Authorization": forged}).status_code in (401, 403)


def test_the_session_cookie_of_the_ui_opens_the_page(airflow: TestClient) -> None:
    token = signed_in(airflow, "vera")["Authorization"].removeprefix("Bearer ")
    airflow.cookies.set("_token", token)
    assert airflow.get("/mlops/").status_code == 200


def test_a_person_without_a_session_is_offered_to_sign_in_and_come_back(airflow: TestClient) -> None:
    response = airflow.get("/mlops/evidence?uri=x", headers={"accept": "text/html"})
    assert response.status_code == 401
    [link] = re.findall(r'href="(/api/v2/auth/login[^"]*)"', response.text)
    login = airflow.get(html.unescape(link), follow_redirects=False)
    assert "/auth/login?next=" in login.headers["location"]
    assert "mlops/evidence?uri=x" in unquote(login.headers["location"])


def test_evidence_of_a_dag_that_nobody_may_read_is_nowhere(airflow: TestClient, root: Path) -> None:
    report = {"report.html": REPORT}
    uri = write(root, Kind.DRIFT, Status.FAIL, "private", attachments=report, origin=origin("secret_a"))
    write(root, Kind.DRIFT, Status.PASS, "public", origin=origin("wage_monitor"))
    headers = signed_in(airflow, "ada")
    for path in ("/mlops/", "/mlops/api/models", "/mlops/api/outcomes"):
        text = airflow.get(path, headers=headers).text
        assert "private" not in text, path
        assert "secret_a" not in text, path
        assert "public" in text, path
    for path in ("/mlops/evidence", "/mlops/attachment", "/mlops/api/evidence"):
        response = airflow.get(path, params={"uri": uri, "name": "report.html"}, headers=headers)
        assert response.status_code == 403, path
        assert "a Dag that you may not read" in response.text
        assert "private" not in response.text, path


def test_airflow_lists_the_plugin_once_and_without_errors(airflow: TestClient) -> None:
    headers = signed_in(airflow, "ada")
    plugins = airflow.get("/api/v2/plugins", headers=headers).json()["plugins"]
    [ours] = [plugin for plugin in plugins if plugin["name"] == "mlops"]
    assert [(app["url_prefix"], app["name"]) for app in ours["fastapi_apps"]] == [("/mlops", "MLOps")]
    assert [view["url_route"] for view in ours["external_views"]] == ["mlops"]
    errors = airflow.get("/api/v2/plugins/importErrors", headers=headers).json()
    assert errors["import_errors"] == []


def test_the_link_of_a_validation_task_opens_its_report_for_who_may_read_it(
    airflow: TestClient, root: Path, tmp_path: Path
) -> None:
    pd.DataFrame({"hours": [1.0, -2.0]}).to_parquet(tmp_path / "in.parquet")
    rule = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "hours", "min_value": 0}}
    task = DataValidationOperator(
        task_id="validate",
        dataset=str(tmp_path / "in.parquet"),
        suite={"name": "hours", "expectations": [rule]},
        quarantine_uri=str(tmp_path / "aside.parquet"),
        evidence_root=str(root),
    )
    ti = SimpleNamespace(**origin("open_dag"), map_index=-1, xcom_push=lambda **_: None)
    with pytest.raises(AirflowFailException):
        task.execute({"ti": ti})
    _, report = task.operator_extra_links
    link = report.get_link(task, ti_key=None)
    frame = "/plugin/mlops" if OPENS_PAGES_IN_FRAME else ""
    assert link.startswith(f"http://airflow.example{frame}/mlops/attachment?uri=file%3A%2F%2F")
    path = link.removeprefix(f"http://airflow.example{frame}")
    assert airflow.get(path).status_code == 401
    page = airflow.get(path, headers=signed_in(airflow, "ada"))
    assert page.status_code == 200
    assert "sandbox" in page.headers["content-security-policy"]
    assert "expect_column_values_to_be_between" in page.text
