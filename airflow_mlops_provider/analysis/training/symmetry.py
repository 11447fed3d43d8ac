"""Development and production symmetry: the stored artifact answers as the model did in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from airflow_mlops_provider.records.reports.training import Symmetry

PROBE_ROWS = 50


class Answers(Protocol):
    """What can be asked for predictions and scores."""

    def predict(self, frame: pd.DataFrame) -> NDArray[Any]:
        """One label or value a row."""

    def scores(self, frame: pd.DataFrame) -> NDArray[Any] | None:
        """Probabilities, or ``None``."""


def probe_rows(features: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """A small batch of training rows, drawn with ``seed``, in their order."""
    rng = np.random.default_rng(seed)
    count = min(PROBE_ROWS, len(features))
    return features.iloc[np.sort(rng.choice(len(features), count, replace=False))].reset_index(drop=True)


def measure_symmetry(
    model: Answers, frame: pd.DataFrame, predictions: Sequence[Any], scores: Sequence[Any] | None
) -> Symmetry:
    """Ask ``model`` about the probe batch and compare with the answers that were kept.

    :param predictions: the kept labels or values, one a row.
    :param scores: the kept probabilities, or ``None`` when the model had none.
    :returns: the largest difference; a changed label, or scores that came or went, count as 1.
    """
    differences = [0.0, _difference(model.predict(frame), predictions)]
    now = model.scores(frame)
    if (now is None) != (scores is None):
        differences.append(1.0)
    elif now is not None and scores is not None:
        differences.append(_difference(now, scores))
    return Symmetry(rows=len(frame), max_abs_difference=max(differences))


def _difference(now: NDArray[Any], kept: Sequence[Any]) -> float:
    if np.issubdtype(now.dtype, np.floating):
        gaps = np.abs(now - np.asarray(kept, dtype=np.float64))
        return float(np.nan_to_num(gaps, nan=1.0, posinf=1e300).max(initial=0.0))
    return float(any(a != b for a, b in zip(now.tolist(), kept, strict=True)))
