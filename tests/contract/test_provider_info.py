"""Airflow validates provider metadata at start; a mistake here breaks every provider of the deployment."""

from __future__ import annotations

import importlib
import json
from importlib import metadata, resources

import jsonschema
import pytest

from airflow_mlops_provider.provider_info import get_provider_info


def _dotted_paths():
    info = get_provider_info()
    for key in ("operators", "sensors", "hooks", "triggers", "bundles"):
        for entry in info[key]:
            yield from entry["python-modules"]
    yield from info["notifications"]
    yield from info["extra-links"]
    yield from (connection["hook-class-name"] for connection in info["connection-types"])


def test_the_metadata_fit_the_schema_of_the_installed_airflow():
    schema = json.loads(resources.files("airflow").joinpath("provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_the_package_name_is_the_name_of_the_distribution():
    assert get_provider_info()["package-name"] == metadata.distribution("airflow-mlops-provider").metadata["Name"]


@pytest.mark.parametrize("path", sorted(_dotted_paths()))
def test_every_dotted_path_can_be_imported(path):
    module, _, attribute = path.rpartition(".")
    try:
        importlib.import_module(path)
    except ModuleNotFoundError:
        assert hasattr(importlib.import_module(module), attribute)


def test_the_entry_points_name_the_provider_and_the_plugin_once():
    points = metadata.distribution("airflow-mlops-provider").entry_points
    groups = [(point.group, point.value) for point in points]
    assert groups.count(("apache_airflow_provider", "airflow_mlops_provider.provider_info:get_provider_info")) == 1
    assert groups.count(("airflow.plugins", "airflow_mlops_provider.ui.plugin:MLOpsPlugin")) == 1
