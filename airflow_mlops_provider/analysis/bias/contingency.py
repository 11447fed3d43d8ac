"""The contingency table of labels and predictions, from which every metric of predicted classes follows."""

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

MAX_PLAIN_CLASSES = 1_000
"""Largest number of classes for :meth:`ContingencyTable.plain_predictions`; a column with more is likely a key."""


@dataclass(frozen=True, kw_only=True)
class ContingencyTable:
    """The different pairs of label and prediction, one entry for each pair, ``k`` in all.

    :param labels: the true class of each pair; ``None`` where it is missing.
    :param predictions: the predicted class of each pair; ``None`` where it is missing.
    :param rows: number of rows with each pair, shape ``(k,)``.
    """

    labels: Sequence[Any]
    predictions: Sequence[Any]
    rows: NDArray[np.int64]

    def missing(self, values: Sequence[Any]) -> int:
        """Return the number of rows whose value is missing.

        :param values: :attr:`labels` or :attr:`predictions`.
        """
        return int(sum(n for value, n in zip(values, self.rows.tolist(), strict=True) if value is None))

    def frame(self, label: str, prediction: str) -> pd.DataFrame:
        """Return the pairs as a frame with the columns ``label``, ``prediction`` and ``n``, the number of rows.

        :param label: name of the column of true classes.
        :param prediction: name of the column of predicted classes.
        """
        import pandas as pd  # costs half a second to import, and most predictions are plain

        columns = {label: pd.Series(self.labels), prediction: pd.Series(self.predictions)}
        return pd.DataFrame(columns | {"n": self.rows})

    def plain_predictions(self) -> Predictions | None:
        """Return one prediction for each pair when both columns hold whole numbers, or both hold text.

        :returns: ``None`` for other types, mixed types, and more than :data:`MAX_PLAIN_CLASSES` classes.
        """
        if {type(value) for value in (*self.labels, *self.predictions)} not in ({int}, {str}):
            return None
        classes = tuple(sorted({*self.labels, *self.predictions}))
        if len(classes) > MAX_PLAIN_CLASSES:
            return None
        codes = {value: code for code, value in enumerate(classes)}
        return Predictions(
            task=Task.CLASSIFICATION,
            truth=np.array([codes[value] for value in self.labels], dtype=np.intp),
            predicted=np.array([codes[value] for value in self.predictions], dtype=np.intp),
            classes=classes,
        )
