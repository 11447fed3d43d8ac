"""Development-production symmetry: check that the stored model predicts what the model in memory predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from airflow_mlops_provider.records.reports.training import Symmetry

PROBE_ROWS = 50
"""Rows whose predictions are kept and compared."""


class PredictingModel(Protocol):
    """A model with predictions and scores."""

    def predict(self, frame: pd.DataFrame) -> NDArray[Any]:
        """Return one label or value for each row, shape ``(n,)``."""

    def scores(self, frame: pd.DataFrame) -> NDArray[Any] | None:
        """Return probabilities, shape ``(n,)`` or ``(n, k)``; ``None`` when the model has none."""


def probe_rows(features: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Draw up to :data:`PROBE_ROWS` training rows with ``seed``, in their order."""
    rng = np.random.default_rng(seed)
    count = min(PROBE_ROWS, len(features))
    return features.iloc[np.sort(rng.choice(len(features), count, replace=False))].reset_index(drop=True)


def measure_symmetry(
    model: PredictingModel, frame: pd.DataFrame, predictions: Sequence[Any], scores: Sequence[Any] | None
) -> Symmetry:
    """Compare the model's predictions for the probe rows with those that were kept.

    :param model: the stored model.
    :param frame: the features of the probe rows.
    :param predictions: the kept labels or values, one a row.
    :param scores: the kept probabilities, one a row; ``None`` when the model had none.
    :returns: the largest difference. A changed label counts as 1, and so do scores that are there only now or only
        before.
    """
    differences = [0.0, _difference(model.predict(frame), predictions)]
    new_scores = model.scores(frame)
    if (new_scores is None) != (scores is None):
        differences.append(1.0)
    elif new_scores is not None and scores is not None:
        differences.append(_difference(new_scores, scores))
    return Symmetry(rows=len(frame), max_abs_difference=max(differences))


def _difference(new: NDArray[Any], kept: Sequence[Any]) -> float:
    if np.issubdtype(new.dtype, np.floating):
        gaps = np.abs(new - np.asarray(kept, dtype=np.float64))
        return float(np.nan_to_num(gaps, nan=1.0, posinf=1e300).max(initial=0.0))
    return float(any(a != b for a, b in zip(new.tolist(), kept, strict=True)))
