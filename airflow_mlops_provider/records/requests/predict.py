"""Keys of the ``predict`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.moments import require_moment
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.requests.request import JobRequest
from airflow_mlops_provider.records.requests.short_forms import DATASET, MODEL


@dataclass(frozen=True, kw_only=True)
class PredictRequest(JobRequest):
    """Score a dataset; every output row names the model version and the data it was made from.

    :param model: what scores: ``models:/name@champion``, a reference or the Outcome of an earlier step; a YAML file
        means its champion.
    :param dataset: the rows: a URI, a reference or the Outcome of an earlier step.
    :param output_uri: ``.parquet`` or ``.csv`` file to write; an existing one is replaced. Or the ``latest.snapshot``
        of a folder, to which a snapshot is added.
    :param shadow: another version that scores the same rows into ``shadow_uri``, for comparison alone: of the answers,
        and of the model's deciding metric where the rows came with their labels.
    :param shadow_uri: by default the same file name in the folder ``<folder of output_uri>-shadow``.
    :param keep: further input columns to carry over, such as a key.
    :param interval_start: start of the data interval, ISO 8601; it names a snapshot that is written, where what is read
        is no snapshot itself.
    :param tracking_uri: of MLflow.
    """

    job: ClassVar[str] = "predict"

    model: str | ModelRef | ModelSpec = field(metadata=MODEL)
    dataset: DatasetRef = field(metadata=DATASET)
    output_uri: str
    shadow: str | ModelRef | ModelSpec | None = field(default=None, metadata=MODEL)
    shadow_uri: str | None = None
    keep: tuple[str, ...] = ()
    interval_start: str | None = None
    tracking_uri: str | None = None

    def check(self) -> None:
        """Raise ``BadInputError`` for an interval that is no moment."""
        if self.interval_start is not None:
            require_moment(self.interval_start, key="interval_start")
