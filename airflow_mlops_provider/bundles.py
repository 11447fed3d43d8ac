"""The reference Dags as a Dag bundle, wherever pip put them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.dag_processing.bundles.base import BaseDagBundle


class PackagedDagBundle(BaseDagBundle):
    """The Dags that come with this package.

    Enable with ``[dag_processor] dag_bundle_config_list =
    [{"name": "mlops", "classpath": "airflow_mlops_provider.bundles.PackagedDagBundle", "kwargs": {}}]``.
    """

    supports_versioning = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        package = Path(__file__).resolve().parent
        # A wheel carries the Dags inside the package; a checkout keeps them beside it.
        self._path = package / "dags" if (package / "dags").is_dir() else package.parent / "dags"

    @property
    def path(self) -> Path:
        """The folder of the Dag files."""
        return self._path

    def get_current_version(self) -> str | None:
        """None: the Dags change with the package, not by themselves."""
        return None

    def refresh(self) -> None:
        """Nothing to fetch."""
