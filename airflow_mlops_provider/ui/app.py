"""The web application behind ``/mlops``: its routes, its errors and its security headers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError
from airflow_mlops_provider.ui import api, views
from airflow_mlops_provider.ui.auth import login_path, page_protection
from airflow_mlops_provider.ui.rendering import render

_log = logging.getLogger(__name__)

_HEADERS = {
    # Everything comes from here and nothing runs inline, so a model's or column's name can never become a script.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


def create_app() -> FastAPI:
    """The application; every route of it is protected, and there is no schema or documentation beside the routes."""
    app = FastAPI(
        title="MLOps",
        dependencies=page_protection(),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # FastAPI adds these three outside the dependencies above: they would be public
    )
    app.include_router(views.router)
    app.include_router(api.router, prefix="/api")
    app.middleware("http")(_add_headers)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _bad_request)
    for error, status in _STATUS_OF.items():
        app.add_exception_handler(error, _handler(status))
    return app


_STATUS_OF: dict[type[Exception], HTTPStatus] = {
    IntegrityError: HTTPStatus.CONFLICT,
    BadInputError: HTTPStatus.BAD_REQUEST,
    BackendError: HTTPStatus.SERVICE_UNAVAILABLE,
}


async def _add_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    try:
        response = await call_next(request)
    except Exception:  # noqa: BLE001  # whatever it is, the answer carries the headers too
        _log.exception("the page could not answer %s", request.url.path)
        response = _error(
            request, HTTPStatus.INTERNAL_SERVER_ERROR, "the page met a fault; the API server's log tells it"
        )
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _handler(status: HTTPStatus) -> Callable[[Request, Exception], Response]:
    return lambda request, error: _error(request, status, str(error))


def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    is_no_view = status is HTTPStatus.FORBIDDEN and error.detail == status.phrase  # as Airflow's own check says it
    return _error(request, status, _NO_VIEW if is_no_view else str(error.detail))


def _bad_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return _error(request, HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {first['msg']}")


_NO_VIEW = (
    "This page needs the permission to read Airflow's view Plugins. Whoever administers Airflow grants it; with the "
    "FAB auth manager: airflow roles add-perms YOUR_ROLE -a can_read -r Plugins"
)


def _error(request: Request, status: HTTPStatus, message: str) -> Response:
    """One line for a program, a page for a person."""
    wants_page = "text/html" in request.headers.get("accept", "") and "/api/" not in request.url.path
    if not wants_page:
        return JSONResponse({"detail": message}, status_code=status)
    sign_in = login_path(str(request.url)) if status is HTTPStatus.UNAUTHORIZED else None
    return render(request, "error.html", status_code=status, status=status, message=message, sign_in=sign_in)
