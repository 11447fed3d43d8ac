"""A runner from one setting, so that the same Dag runs its jobs in the worker, in pods or on SageMaker."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Mapping
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.runners.runner import Runner

PLACES = {
    "in_process": "in_process:InProcessRunner",
    "external_python": "external_python:ExternalPythonRunner",
    "kubernetes": "kubernetes:KubernetesRunner",
    "sagemaker": "sagemaker:SageMakerRunner",
    "spark": "spark:SparkRunner",
}
"""Name of a place to ``module:class`` in this package; imported when it is asked for."""


def runner_from(setting: str) -> Runner | None:
    """The runner that a setting names, such as ``{"place": "kubernetes", "image": "mlops:1", "namespace": "jobs"}``.

    :param setting: a JSON object: the place, and the arguments of its runner; or the name of a place alone, where its
        runner needs no argument. Empty for the task's own process.
    :returns: ``None`` for an empty setting.
    :raises BadInputError: for an unknown place, or an argument that its runner does not take or lacks; names it.
    """
    if not setting.strip():
        return None
    place, arguments = _parsed(setting)
    if place not in PLACES:
        raise BadInputError(f"runner setting: unknown place {place!r}; places are {', '.join(PLACES)}")
    module, _, name = PLACES[place].partition(":")
    try:
        kind = getattr(importlib.import_module(f"airflow_mlops_provider.runners.{module}"), name)
    except ModuleNotFoundError as error:
        raise BadInputError(f"runner setting: place {place!r} needs {error.name!r}, which is not installed") from error
    try:
        inspect.signature(kind).bind(**arguments)
    except TypeError as error:
        raise BadInputError(f"runner setting: {name}: {error}") from error
    runner: Runner = kind(**arguments)
    return runner


def _parsed(setting: str) -> tuple[str, dict[str, Any]]:
    if not setting.lstrip().startswith("{"):
        return setting.strip(), {}
    try:
        given = json.loads(setting)
    except ValueError as error:
        raise BadInputError(f"runner setting is not JSON: {error}") from error
    if not isinstance(given, Mapping) or not isinstance(given.get("place"), str):
        raise BadInputError("runner setting: key 'place' is missing")
    return str(given["place"]), {str(key): value for key, value in given.items() if key != "place"}
