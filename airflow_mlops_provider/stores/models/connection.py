"""Reaching MLflow: quickly or not at all, silently, and safely when several processes make the database at once."""

from __future__ import annotations

import fcntl
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar
from urllib.parse import urlparse

from airflow_mlops_provider.exceptions import BackendError, BadInputError, one_line
from airflow_mlops_provider.secrets_in_text import masked
from airflow_mlops_provider.stores.evidence.store import default_evidence_root
from airflow_mlops_provider.stores.specs import local_path
from airflow_mlops_provider.stores.storage_errors import is_storage_error, storage_reason

if TYPE_CHECKING:
    from mlflow import MlflowClient

# Read by MLflow when it is imported or when it sends its first request; whatever the user has set stays.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # a job's last line of output is its Outcome
    "GIT_PYTHON_REFRESH": "quiet",
}
_CONNECT_SECONDS = 3.05
_ANSWER_SECONDS = 20.0
_SQLITE = "sqlite:///"


def default_tracking_uri(evidence_root: str | None = None) -> str:
    """``$MLFLOW_TRACKING_URI``, else ``mlflow.db`` in the evidence root, or in ``./mlops`` when that is not local."""
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        return given
    root = evidence_root or default_evidence_root()
    if urlparse(root).scheme not in ("", "file"):
        root = default_evidence_root()
    return f"{_SQLITE}{local_path(root).absolute() / 'mlflow.db'}"


def artifact_root(tracking_uri: str, evidence_root: str | None) -> str | None:
    """Where a database without a server before it keeps artifacts; ``None`` leaves that to the server.

    Beside a SQLite file; for other databases in the evidence root, because MLflow's own default is wherever the process
    happens to run.
    """
    path = sqlite_path(tracking_uri)
    if path is not None:
        return (path.parent / "mlartifacts").as_uri()
    if "sql" not in urlparse(tracking_uri).scheme:
        return None
    root = evidence_root or default_evidence_root()
    if urlparse(root).scheme not in ("", "file"):
        return f"{root.rstrip('/')}/mlartifacts"
    return (local_path(root).absolute() / "mlartifacts").as_uri()


def sqlite_path(tracking_uri: str) -> Path | None:
    """The file of a SQLite tracking store, or ``None`` for another kind."""
    return Path(tracking_uri.removeprefix(_SQLITE)).absolute() if tracking_uri.startswith(_SQLITE) else None


def connect(tracking_uri: str) -> MlflowClient:
    """A client of the tracking store and registry at ``tracking_uri``; makes a SQLite store that is not there yet.

    :raises BackendError: when the store cannot be reached or opened, within seconds.
    :raises BadInputError: for an address whose password would be taken for its host.
    """
    _require_readable(tracking_uri)
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with backend_errors(tracking_uri):
        _ask_once(tracking_uri)
        import sqlalchemy.exc

        with sqlite_lock(sqlite_path(tracking_uri)), warnings.catch_warnings():
            # MLflow's own table definitions use what its own newer dependencies deprecate.
            warnings.simplefilter("ignore", sqlalchemy.exc.SADeprecationWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            from mlflow import MlflowClient

            client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
            client.search_registered_models(max_results=1)
        return client


def _require_readable(tracking_uri: str) -> None:
    """Refuse, without telling it, an address that every client would cut at the ``/`` of its password."""
    before, _, _ = tracking_uri.partition("://")[2].rpartition("@")
    if tracking_uri.startswith(("http://", "https://")) and "/" in before:
        raise BadInputError("the tracking address of MLflow has '/' in its user or password: write it as %2F")


def _ask_once(tracking_uri: str) -> None:
    # MLflow itself retries an unreachable database for an hour and an unreachable server for minutes.
    scheme = urlparse(tracking_uri).scheme
    if scheme in ("http", "https"):
        import requests

        # A server with a foreign certificate answers; whether to trust it is for MLflow's own TLS settings to say.
        with suppress(requests.exceptions.SSLError):
            requests.get(tracking_uri, timeout=(_CONNECT_SECONDS, _ANSWER_SECONDS), stream=True).close()
    elif "sql" in scheme:
        import sqlalchemy

        path = sqlite_path(tracking_uri)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        engine = sqlalchemy.create_engine(tracking_uri)
        with engine.connect():
            pass
        engine.dispose()


@contextmanager
def sqlite_lock(path: Path | None) -> Iterator[None]:
    """Hold the lock beside a SQLite store; nothing for another kind of store."""
    # Two processes that create or migrate one SQLite store at once break each other's migration.
    if path is None:
        yield
        return
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def backend_errors(tracking_uri: str) -> Iterator[None]:
    """Turn what MLflow, its database or its network raise into one line of :class:`BackendError`."""
    import requests
    import sqlalchemy.exc
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, sqlalchemy.exc.SQLAlchemyError, requests.RequestException, OSError, ImportError) as error:
        reason = one_line(masked(str(getattr(error, "orig", None) or error)))
        raise BackendError(f"MLflow at {tracking_uri}: {reason[:500]}") from error
    except Exception as error:
        if not is_storage_error(error):
            raise
        reason = storage_reason(error)
        raise BackendError(f"the artifacts of MLflow at {tracking_uri}: {reason[:500]}") from error


class _Reaches(Protocol):
    @property
    def tracking_uri(self) -> str: ...


S = TypeVar("S", bound=_Reaches)
P = ParamSpec("P")
R = TypeVar("R")


def reaching(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Decorate a method that talks to MLflow: its failures become :class:`BackendError`."""

    @wraps(method)
    def guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with backend_errors(self.tracking_uri):
            return method(self, *args, **kwargs)

    return guarded
