"""The plugin: a navigation entry and a web application that is not built before somebody opens it.

This module is imported by the scheduler, the dag-processor, the triggerer, every worker and the API server.
It imports nothing heavy, so that no fault of the page can take the others down.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from airflow_mlops_provider.ui import URL_PREFIX

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_ASGIApp = Callable[[_Message, _Receive, _Send], Awaitable[None]]


class MLOpsApp:
    """An ASGI application that builds the real one on the first request and hands everything on to it."""

    def __init__(self) -> None:
        self._app: _ASGIApp | None = None

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Serve one request."""
        if self._app is None:
            from airflow_mlops_provider.ui.app import create_app

            self._app = create_app()
        await self._app(scope, receive, send)


class MLOpsPlugin(AirflowPlugin):
    """Registered through the entry point ``airflow.plugins``; a second registration is refused by Airflow."""

    name = "mlops"
    fastapi_apps: list[Any] = [  # noqa: RUF012  # the base class is not annotated with ClassVar
        {"app": MLOpsApp(), "url_prefix": URL_PREFIX, "name": "MLOps"}
    ]
    # Relative addresses: the UI resolves them against its own base, which may be below a path.
    external_views: list[Any] = [  # noqa: RUF012  # as above
        {
            "name": "MLOps",
            "href": "mlops/",
            "url_route": "mlops",
            "destination": "nav",
            "icon": "mlops/static/icon.svg",
        }
    ]
