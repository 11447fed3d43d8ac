"""The different pairs of label and prediction, and how often each occurs: all that a metric of classes needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.evaluation.metrics import Predictions
from airflow_mlops_provider.records.model_spec import Task

if TYPE_CHECKING:
    import pandas as pd

MOST_PLAIN = 1_000
"""Classes that are read without a closer look; a column with more of them is likely a key."""


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """One entry a kind of row.

    :param labels: the truth; ``None`` where it is missing.
    :param answers: what the model said, likewise.
    :param rows: how many rows are of each kind, shape ``(k,)``.
    """

    labels: Sequence[Any]
    answers: Sequence[Any]
    rows: NDArray[np.int64]

    def missing(self, values: Sequence[Any]) -> int:
        """Rows whose entry in ``values``, the labels or the answers, is missing."""
        return int(sum(n for value, n in zip(values, self.rows.tolist(), strict=True) if value is None))

    def frame(self, label: str, prediction: str) -> pd.DataFrame:
        """As a table of columns of these names and ``n``."""
        import pandas as pd  # costs half a second to import, and most predictions are plain

        columns = {label: pd.Series(self.labels), prediction: pd.Series(self.answers)}
        return pd.DataFrame(columns | {"n": self.rows})

    def plain(self) -> Predictions | None:
        """Predictions when both sides hold whole numbers, or both text; ``None`` when they need a closer look."""
        if {type(value) for value in (*self.labels, *self.answers)} not in ({int}, {str}):
            return None
        classes = tuple(sorted({*self.labels, *self.answers}))
        if len(classes) > MOST_PLAIN:
            return None
        codes = {value: code for code, value in enumerate(classes)}
        return Predictions(
            task=Task.CLASSIFICATION,
            truth=np.array([codes[value] for value in self.labels], dtype=np.intp),
            predicted=np.array([codes[value] for value in self.answers], dtype=np.intp),
            classes=classes,
        )
