"""What Airflow shows and registers of this provider."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata, in the shape of Airflow's ``provider_info.schema.json``."""
    return {
        # Must equal the distribution's name, or Airflow refuses to load any provider.
        "package-name": "airflow-mlops-provider",
        "name": "MLOps",
        "description": "Validation, drift, training, slices and promotion, each with a record that can be verified.",
        "integrations": [
            {"integration-name": "MLOps", "external-doc-url": "https://mlflow.org/docs/latest/", "tags": ["software"]}
        ],
        "operators": [
            {
                "integration-name": "MLOps",
                "python-modules": [
                    f"airflow_mlops_provider.operators.{topic}"
                    for topic in (
                        "bias",
                        "decay",
                        "evaluation",
                        "incident",
                        "ingest",
                        "merge",
                        "mirror",
                        "prediction",
                        "profile",
                        "promotion",
                        "purge",
                        "reproduction",
                        "rollback_dataset",
                        "training",
                        "validation",
                        "verification",
                    )
                ],
            }
        ],
        "sensors": [{"integration-name": "MLOps", "python-modules": ["airflow_mlops_provider.sensors.drift"]}],
        "hooks": [{"integration-name": "MLOps", "python-modules": ["airflow_mlops_provider.hooks.mlflow"]}],
        "triggers": [{"integration-name": "MLOps", "python-modules": ["airflow_mlops_provider.triggers.datasets"]}],
        "bundles": [{"integration-name": "MLOps", "python-modules": ["airflow_mlops_provider.bundles"]}],
        "notifications": ["airflow_mlops_provider.notifications.slack.MLOpsSlackNotifier"],
        "extra-links": [
            "airflow_mlops_provider.tasks.links.EvidenceLink",
            "airflow_mlops_provider.tasks.links.ReportLink",
        ],
        "connection-types": [_MLFLOW_CONNECTION],
        "config": _CONFIG,
    }


_MLFLOW_CONNECTION: dict[str, Any] = {
    "hook-class-name": "airflow_mlops_provider.hooks.mlflow.MLflowHook",
    "connection-type": "mlflow",
    "hook-name": "MLflow tracking",
    "ui-field-behaviour": {
        "hidden-fields": [],
        "relabeling": {"schema": "Scheme (http or https)", "login": "User name", "password": "Password"},
        "placeholders": {"host": "mlflow.example.com", "port": "5000", "schema": "http"},
    },
    "conn-fields": {
        "tracking_uri": {
            "label": "Tracking URI",
            "description": "Replaces scheme, host and port; for example sqlite:////srv/mlflow.db.",
            "schema": {"type": ["string", "null"]},
        },
        "token": {
            "label": "Access token",
            "description": "Sent as a bearer token.",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
    },
}

_CONFIG: dict[str, Any] = {
    "mlops": {
        "description": "Where evidence and models are kept.",
        "options": {
            "evidence_root": {
                "description": "Folder or s3:// prefix of the evidence. Defaults to $AIRFLOW_HOME/mlops.",
                "version_added": "0.1.0",
                "type": "string",
                "example": "s3://company-mlops/evidence",
                "default": None,
            },
            "evidence_roots": {
                "description": "Further evidence roots, apart by commas, that operators write to by their own "
                "evidence_root. The MLOps page shows these too, and opens no others.",
                "version_added": "0.2.0",
                "type": "string",
                "example": "s3://team-a/mlops, s3://team-b/mlops",
                "default": None,
            },
            "tracking_uri": {
                "description": "MLflow tracking server, unless a Connection names one. "
                "Defaults to SQLite beside the evidence.",
                "version_added": "0.1.0",
                "type": "string",
                "example": "http://mlflow:5000",
                "default": None,
            },
            "aws_conn_id": {
                "description": "Connection by which evidence and data on S3 are reached, unless an operator names one. "
                "Defaults to the environment.",
                "version_added": "0.2.0",
                "type": "string",
                "example": "aws_default",
                "default": None,
            },
            "trusted_pickles": {
                "description": "Names of the models, apart by commas, whose pickled artifacts may be written and "
                "opened. Opening one runs what it contains.",
                "version_added": "0.1.0",
                "type": "string",
                "example": "legacy_scorer",
                "default": None,
            },
            "retention_days": {
                "description": "Age in days from which PurgeEvidenceOperator removes evidence. "
                "Defaults to keeping it for good.",
                "version_added": "0.1.0",
                "type": "float",
                "example": "365",
                "default": None,
            },
        },
    }
}
