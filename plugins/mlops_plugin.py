"""The MLOps page for a deployment that has the package on its path without the wheel's entry points.

Copy this file into Airflow's plugins folder. Where the wheel is installed it does nothing, because Airflow reports a
plugin that is registered twice as an import error; without the package it does nothing but say so in the log.
"""

from __future__ import annotations

import logging
from importlib.metadata import entry_points

log = logging.getLogger(__name__)

if not any(point.module == "airflow_mlops_provider.ui.plugin" for point in entry_points(group="airflow.plugins")):
    try:
        from airflow_mlops_provider.ui.plugin import MLOpsPlugin

        __all__ = ["MLOpsPlugin"]
    except ImportError as error:
        log.warning("no MLOps page: airflow-mlops-provider cannot be imported (%s)", error)
