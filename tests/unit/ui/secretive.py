"""Airflow's simple auth manager with something to hide."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class SecretiveAuthManager(SimpleAuthManager):
    """Lets nobody read the Dags called ``secret_*``."""

    def is_authorized_dag(self, *, method: Any, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        if details and (details.id or "").startswith("secret_"):
            return False
        return super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details)
