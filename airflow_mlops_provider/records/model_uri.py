"""URIs of model versions, as MLflow writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from airflow_mlops_provider.exceptions import BadInputError

NEWEST = "latest"
"""In place of a version number: the newest version, whatever its aliases."""

_OF_MODEL = re.compile(rf"models:/(?P<name>[^/@:]+)(?:/(?P<version>\d+|{NEWEST})|@(?P<alias>[\w.-]+))?")
_OF_RUN = re.compile(r"runs:/(?P<run_id>[^/]+)(?:/.*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUri:
    """What a URI says of a version.

    :param name: registered name; ``None`` for a run.
    :param version: its number, or ``latest``; ``None`` when the URI does not say.
    :param alias: alias of the version; ``None`` when the URI does not say.
    :param run_id: the tracking run whose version is meant; ``None`` for a registered name.
    """

    name: str | None = None
    version: str | None = None
    alias: str | None = None
    run_id: str | None = None


def is_model_uri(text: str) -> bool:
    """Whether a text is such a URI: of a registered model or of a run."""
    return text.startswith(("models:/", "runs:/"))


def parse_model_uri(uri: str) -> ModelUri:
    """The parts of ``models:/name``, with ``/3``, ``/latest`` or ``@alias`` behind it, or of ``runs:/id``.

    :raises BadInputError: for anything else.
    """
    run = _OF_RUN.fullmatch(uri)
    if run:
        return ModelUri(run_id=run["run_id"])
    match = _OF_MODEL.fullmatch(uri)
    if not match:
        raise BadInputError(f"model {uri!r} is not models:/name/version, models:/name@alias or runs:/id")
    return ModelUri(name=match["name"], version=match["version"], alias=match["alias"])
