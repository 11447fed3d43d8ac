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
    :param shadow: a challenger that scores the same rows into an output of its own, which nobody uses; an empty text,
        as a template may give, means none.
    :param shadow_uri: where the shadow's answers go; a folder beside the output's by default.
    :param keep: further input columns to carry over, such as a key.
    """

    job = "predict"
    keys = ("model", "dataset", "output_uri", "shadow_uri", "keep")
    template_fields: Sequence[str] = ("model", "dataset", "output_uri", "shadow", "shadow_uri", "evidence_root")

    def __init__(
        self,
        *,
        model: str | ModelRef | Any,
        dataset: str | DatasetRef | Any,
        output_uri: str,
        shadow: str | ModelRef | Any | None = None,
        shadow_uri: str | None = None,
        keep: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.dataset = dataset
        self.output_uri = output_uri
        self.shadow = shadow
        self.shadow_uri = shadow_uri
        self.keep = keep

    def spec(self) -> dict[str, Any]:
        """The keys of the job."""
        return {**super().spec(), "shadow": self.shadow or None}
