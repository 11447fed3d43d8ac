"""Who may see what. A mounted application has no protection of its own, so all of it is here.

The page needs Airflow's view permission *Plugins*; a piece of evidence or a decision that a Dag's task made needs the
permission to read that Dag. What was made outside Airflow names no Dag and is shown to everybody who may open the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_view
from airflow.configuration import conf
from fastapi import Depends, params


def page_protection() -> list[params.Depends]:
    """Dependencies for the whole application: 401 without a session, 403 without the permission."""
    return [Depends(requires_access_view(AccessView.PLUGINS))]


class Reader:
    """The person asking, for the length of one request.

    :param user: as the auth manager knows them.
    """

    def __init__(self, user: Any) -> None:
        self._user = user
        self._answers: dict[str, bool] = {}

    def may_read_dag(self, dag_id: str) -> bool:
        """Whether this person may read the Dag; the auth manager is asked once a Dag and request."""
        if dag_id not in self._answers:
            details = DagDetails(id=dag_id, team_name=_team_of(dag_id))
            self._answers[dag_id] = get_auth_manager().is_authorized_dag(method="GET", details=details, user=self._user)
        return self._answers[dag_id]

    def may_read(self, origin: Mapping[str, str]) -> bool:
        """Whether this person may see what ``origin`` made; without a Dag it is no Dag's secret."""
        dag_id = origin.get("dag_id")
        return not dag_id or self.may_read_dag(dag_id)


def reader(user: GetUserDep) -> Reader:
    """FastAPI dependency: the person asking."""
    return Reader(user)


ReaderDep = Annotated[Reader, Depends(reader)]


def login_path(next_url: str) -> str:
    """Airflow's own way to its login page, below its base address, that comes back to ``next_url``."""
    return f"/api/v2/auth/login?next={quote(next_url, safe='')}"


def _team_of(dag_id: str) -> str | None:
    if not conf.getboolean("core", "multi_team", fallback=False):
        return None
    from airflow.models.dag import DagModel

    return DagModel.get_team_name(dag_id)
