"""The trainer that wage.yaml names: change it to make the model yours."""

from __future__ import annotations

from typing import Any

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler


def build(**params: Any) -> Pipeline:
    """Return an unfitted pipeline; preprocessing and model travel as one artifact.

    :param params: the YAML's ``params``, here those of scikit-learn's histogram gradient boosting.
    """
    return Pipeline(
        [
            ("scale", StandardScaler()),
            ("boost", HistGradientBoostingClassifier(early_stopping=False, **params)),
        ]
    )
