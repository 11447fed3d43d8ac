"""The ``[mlops]`` section of Airflow's configuration, with its defaults."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, urlparse

from airflow_mlops_provider.airflow_versions import OPENS_PAGES_IN_FRAME
from airflow_mlops_provider.exceptions import BackendError

SECTION = "mlops"


def evidence_root() -> str:
    """``[mlops] evidence_root``, else ``$AIRFLOW_HOME/mlops``."""
    return _option(SECTION, "evidence_root") or str(airflow_home() / "mlops")


def evidence_roots() -> tuple[str, ...]:
    """The roots that the MLOps page reads: :func:`evidence_root`, then those of ``[mlops] evidence_roots``."""
    declared = (_option(SECTION, "evidence_roots") or "").replace("\n", ",").split(",")
    return tuple(dict.fromkeys([evidence_root(), *filter(None, map(str.strip, declared))]))


def is_shown(root: str) -> bool:
    """Whether the MLOps page reads the evidence root of a task."""
    return _root_uri(root) in map(_root_uri, evidence_roots())


def tracking_uri() -> str | None:
    """``[mlops] tracking_uri``; ``None`` leaves MLflow on SQLite beside the evidence."""
    return _option(SECTION, "tracking_uri") or None


def aws_conn_id() -> str | None:
    """``[mlops] aws_conn_id``; ``None`` leaves the access to AWS to the environment."""
    return _option(SECTION, "aws_conn_id") or None


def retention_days() -> float | None:
    """``[mlops] retention_days``; ``None`` keeps evidence for good."""
    given = _option(SECTION, "retention_days")
    try:
        return float(given) if given else None
    except ValueError:
        raise BackendError(f"[mlops] retention_days is {given!r}, not a number of days") from None


def job_environment() -> dict[str, str]:
    """What every job must know of this section, as environment variables."""
    trusted = _option(SECTION, "trusted_pickles")
    return {"MLOPS_TRUSTED_PICKLES": trusted} if trusted else {}


def airflow_home() -> Path:
    """``$AIRFLOW_HOME``, else ``~/airflow``, as Airflow itself does."""
    return Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()


def evidence_url(evidence_uri: str) -> str:
    """The address of one piece of evidence on the MLOps page, in Airflow's own frame where Airflow opens one there."""
    return f"{_page()}/evidence?uri={quote(evidence_uri, safe='')}"


def attachment_url(evidence_uri: str, name: str) -> str:
    """The address of what is attached to a piece of evidence under ``name``, behind the same login and in the frame."""
    return f"{_page()}/attachment?uri={quote(evidence_uri, safe='')}&name={quote(name, safe='')}"


def _page() -> str:
    base = (_option("api", "base_url") or "").rstrip("/")
    # The frame takes the path from the root of the site, also where Airflow lies below a path.
    frame = f"/plugin/mlops{urlparse(base).path}" if OPENS_PAGES_IN_FRAME else ""
    return f"{base}{frame}/mlops"


def run_url(dag_id: str, run_id: str, task_id: str | None = None) -> str:
    """The address of a Dag run, or of one of its tasks, in the Airflow UI."""
    base = (_option("api", "base_url") or "").rstrip("/")
    run = f"{base}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"
    return f"{run}/tasks/{quote(task_id, safe='')}" if task_id else run


def _root_uri(root: str) -> str:
    from airflow_mlops_provider.stores.specs import local_path

    is_local = urlparse(root).scheme in ("", "file")
    return local_path(root).absolute().as_uri() if is_local else root.rstrip("/")


def _option(section: str, key: str) -> str:
    from airflow.configuration import conf

    value: str = conf.get(section, key, fallback="")
    return value
