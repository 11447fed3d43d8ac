"""The page's application with Airflow's own auth manager behind it; only the session token is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from airflow.api_fastapi.app import init_auth_manager, purge_cached_app
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from fastapi import FastAPI
from fastapi.testclient import TestClient

from airflow_mlops_provider.ui.app import create_app
from airflow_mlops_provider.ui.auth import Reader
from tests.unit.ui.secretive import SecretiveAuthManager

ADA = SimpleAuthManagerUser(username="ada", role="ADMIN")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An evidence root that the page reads."""
    monkeypatch.setenv("AIRFLOW__MLOPS__EVIDENCE_ROOT", str(tmp_path / "mlops"))
    return tmp_path / "mlops"


@pytest.fixture(autouse=True)
def auth_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One that lets nobody read the Dags called ``secret_*``."""
    monkeypatch.setenv(
        "AIRFLOW__CORE__AUTH_MANAGER", f"{SecretiveAuthManager.__module__}.{SecretiveAuthManager.__name__}"
    )
    purge_cached_app()
    init_auth_manager()
    yield
    purge_cached_app()


@pytest.fixture
def reader() -> Reader:
    return Reader(ADA)


@pytest.fixture
def page(root: Path) -> Callable[[], TestClient]:
    """A client of the page as Airflow mounts it, signed in as an admin."""

    def opened() -> TestClient:
        app, mounted = FastAPI(), create_app()
        mounted.dependency_overrides[get_user] = lambda: ADA
        app.mount("/mlops", mounted)
        return TestClient(app, headers={"accept": "text/html"})

    return opened
