"""Versions and aliases of MLflow's registry, as our references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.stores.models import tags

if TYPE_CHECKING:
    from mlflow import MlflowClient

_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")


def pin(version: Any) -> ModelRef:
    """A reference to an MLflow ``ModelVersion``, with the digest it was registered under."""
    return ModelRef(
        name=version.name,
        version=str(version.version),
        uri=f"models:/{version.name}/{version.version}",
        digest=version.tags.get(tags.DIGEST),
        run_id=version.run_id,
    )


def ensure_model(client: MlflowClient, name: str) -> None:
    """Register the name unless it is registered."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def ensure_experiment(client: MlflowClient, name: str, artifact_location: str | None) -> str:
    """The id of the experiment ``name``, which is made unless it is there."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            created: str = client.create_experiment(name, artifact_location=artifact_location)
            return created
        except MlflowException as error:
            found = client.get_experiment_by_name(name)  # another process was first
            if found is None:
                raise error from None
    if found.lifecycle_stage == "deleted":
        raise BadInputError(f"the MLflow experiment {name!r} is deleted; restore it or remove it for good")
    experiment_id: str = found.experiment_id
    return experiment_id


def aliases(client: MlflowClient, name: str) -> dict[str, str] | None:
    """Alias to version of one model; ``None`` when there is no such model."""
    from mlflow.exceptions import MlflowException

    try:
        model = client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code in _ABSENT:
            return None
        raise
    return {alias: str(version) for alias, version in model.aliases.items()}


def versions_of(client: MlflowClient, name: str) -> list[Any]:
    """MLflow's ``ModelVersion`` of every version of a model; none when there is no such model."""
    mark = '"' if "'" in name else "'"
    return list(client.search_model_versions(f"name = {mark}{name}{mark}", max_results=10_000))


def versions_of_run(client: MlflowClient, run_id: str) -> list[Any]:
    """MLflow's ``ModelVersion`` of every version that a tracking run made."""
    return list(client.search_model_versions(f"run_id = '{run_id}'", max_results=10_000))


def version_of(client: MlflowClient, name: str, version: str) -> Any:
    """MLflow's ``ModelVersion``; raises ``BadInputError`` when there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version(name, version)
    except MlflowException as error:
        if error.error_code in (*_ABSENT, "INVALID_PARAMETER_VALUE"):
            raise BadInputError(f"there is no version {version} of model {name!r}") from error
        raise
