"""A value for every key of every job, none of them the default."""

from __future__ import annotations

from typing import Any

_TABLE: dict[str, Any] = {
    "predictions": "scored.parquet",
    "label_column": "truth",
    "group_column": "nr",
    "task": "classification",
    "seed": 7,
}
_WHERE = {"tracking_uri": "http://mlflow"}
_WINDOWS = [{"window": "before", "value": 0.8, "rows": 500}, {"window": "now", "value": 0.7, "rows": 400}]

KEYS: dict[str, dict[str, Any]] = {
    "validate": {
        "dataset": "in.parquet",
        "suite": {"name": "s", "expectations": []},
        "clean_uri": "clean.parquet",
        "quarantine_uri": "aside.parquet",
        "sensitive": ["wage"],
        "written_by": [{"dag_id": "ingest"}],
        "policy": {"max_quarantine_share": 0.1},
    },
    "drift": {
        "reference": "before.parquet",
        "current": "now.parquet",
        "columns": ["hours"],
        "column_kinds": {"hours": "categorical"},
        "window_column": "day",
        "group_column": "nr",
        "label_column": "truth",
        "prediction_column": "said",
        "sensitive": ["wage"],
        "policy": {"min_rows": 10},
        "html_report": "never",
        "keep_profile": False,
        "written_by": [{"dag_id": "ingest"}],
        **_WHERE,
    },
    "profile": {
        "dataset": "in.parquet",
        "output_uri": "in.profile",
        "columns": ["hours"],
        "sensitive": ["wage"],
        "shared": False,
        "min_count": 3,
    },
    "train": {
        "model": "models/wage.yaml",
        "dataset": "in.parquet",
        "trainer_params": {"depth": 3},
        "experiment": "deeper",
        "policy": {"max_training_seconds": 60.0},
        **_WHERE,
    },
    "evaluate": {
        **_TABLE,
        "candidate": "new",
        "champion": "old",
        "metric": "accuracy",
        "champion_alias": "live",
        "policy": {"margin": 0.1},
        **_WHERE,
    },
    "bias": {
        **_TABLE,
        "prediction_column": "said",
        "slices": ["race"],
        "max_depth": 1,
        "discover": 2,
        "discover_depth": 4,
        "metric": "recall",
        "policy": {"min_gap": 0.1},
        **_WHERE,
    },
    "decay": {
        "history": _WINDOWS,
        "metric": "accuracy",
        "direction": "higher",
        "model": "models:/wage/2",
        "label_column": "truth",
        "prediction_column": "said",
        "task": "classification",
        "group_column": "nr",
        "rule": "iqr",
        "seed": 7,
        "policy": {"min_drop": 0.1},
        **_WHERE,
    },
    "card": {
        "model": "models:/wage/2",
        "evidence": ["file:///e.json"],
        "dataset": "in.parquet",
        "policy": {"required": ["metrics"]},
        **_WHERE,
    },
    "promote": {
        "model": "models:/wage/2",
        "evidence": ["file:///e.json"],
        "alias": "live",
        "mode": "approve",
        "person": "ada",
        "policy": {"margin": 0.1},
        **_WHERE,
    },
    "predict": {
        "model": "models:/wage@champion",
        "dataset": "in.parquet",
        "output_uri": "out.parquet",
        "shadow": "models:/wage@challenger",
        "shadow_uri": "shadow.parquet",
        "keep": ["nr"],
        **_WHERE,
    },
    "rollback": {
        "model": "wage",
        "reason": "it answers nonsense",
        "to_version": "1",
        "person": "ada",
        "alias": "live",
        "policy": {"max_smoke_difference": 0.1},
        **_WHERE,
    },
    "verify": {"model": "wage", **_WHERE},
    "replay": {"model": "wage", "policy": {"margin": 0.1}},
    "reproduce": {"model": "wage", "dataset": "moved.parquet", "root": "moved", **_WHERE},
    "purge": {"retention_days": 30.0, "kinds": ["drift"], "preview": True},
    "close": {"incident": "file:///incident.json", "postmortem": "postmortem.md", "person": "ada"},
}

ALTERNATIVES: dict[str, list[dict[str, Any]]] = {
    "validate": [{"contract": "contract.yaml", "suite": None}],
    "evaluate": [{"model": "models:/wage/2", "dataset": "in.parquet", "predictions": None}],
    "bias": [{"model": "models:/wage/2", "dataset": "in.parquet", "predictions": None}],
    "verify": [{"evidence": "file:///e.json", "model": None}],
    "replay": [{"evidence": "file:///e.json", "model": None}],
    "reproduce": [{"evidence": "file:///e.json", "model": None}],
}
"""Keys that exclude others, as changes of :data:`KEYS`; ``None`` takes a key out."""
