"""Batch scoring as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef


class BatchPredictOperator(JobOperator):
    """Scores a dataset; every output row names the model version and the dataset's fingerprint.

    :param model: ``models:/name@champion``, :class:`ModelRef` or an upstream Outcome.
    :param dataset: the rows to score: URI, :class:`DatasetRef` or an upstream Outcome.
    :param output_uri: the Parquet file to write, atomically.
    :param shadow: a challenger that scores the same rows into an output of its own, which nobody uses.
    """

    job = "predict"
    keys = ("model", "dataset", "output_uri", "shadow")
    template_fields: Sequence[str] = ("model", "dataset", "output_uri", "shadow", "evidence_root")

    def __init__(
        self,
        *,
        model: str | ModelRef | Any,
        dataset: str | DatasetRef | Any,
        output_uri: str,
        shadow: str | ModelRef | Any | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.dataset = dataset
        self.output_uri = output_uri
        self.shadow = shadow
