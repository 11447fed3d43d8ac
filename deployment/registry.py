"""What an MLflow server holds of one model, asked over its REST API."""

from __future__ import annotations

import urllib.error
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from demo.services import json_request


class Registry:
    """The tracking runs and the versions of one model.

    :param tracking_uri: of the server.
    :param name: of the model, and of its experiment.
    """

    def __init__(self, tracking_uri: str, name: str) -> None:
        self._api, self._name = f"{tracking_uri}/api/2.0/mlflow", name

    def runs(self) -> list[str]:
        """The status of every run of the experiment; nothing before there is one."""
        try:
            found = json_request(f"{self._api}/experiments/get-by-name?experiment_name={quote(self._name)}")
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return []
            raise
        asked = {"experiment_ids": [found["experiment"]["experiment_id"]], "max_results": 100}
        runs: list[dict[str, Any]] = json_request(f"{self._api}/runs/search", "POST", asked).get("runs", [])
        return [run["info"]["status"] for run in runs]

    def versions(self) -> list[str]:
        """The registered versions, oldest first."""
        asked = quote(f"name='{self._name}'")
        found = json_request(f"{self._api}/model-versions/search?filter={asked}").get("model_versions", [])
        return sorted((version["version"] for version in found), key=int)
