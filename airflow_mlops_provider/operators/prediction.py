"""Batch scoring as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.requests.predict import PredictRequest
from airflow_mlops_provider.records.requests.short_forms import dataset_ref, given, model_of, names, optional
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.tasks.data_interval import interval_of_output


class BatchPredictOperator(JobOperator):
    """Scores a dataset; every output row names the model version and the dataset's fingerprint.

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
        is no snapshot itself. By default the data interval of the Dag run.
    """

    request_type = PredictRequest
    default_fail_on = (Status.FAIL,)
    template_fields: Sequence[str] = (
        *("model", "dataset", "output_uri", "shadow", "shadow_uri", "keep", "interval_start"),
        "evidence_root",
    )

    def __init__(
        self,
        *,
        model: str | ModelRef | ModelSpec | Any,
        dataset: str | DatasetRef | Any,
        output_uri: str,
        shadow: str | ModelRef | ModelSpec | Any | None = None,
        shadow_uri: str | None = None,
        keep: Sequence[str] | None = None,
        interval_start: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.dataset = dataset
        self.output_uri = output_uri
        self.shadow = shadow
        self.shadow_uri = shadow_uri
        self.keep = keep
        self.interval_start = interval_start

    def request(self, context: Context) -> PredictRequest:
        """The keys of the job."""
        return PredictRequest(
            model=model_of(self.model),
            dataset=dataset_ref(self.dataset),
            output_uri=self.output_uri,
            shadow=optional(model_of, self.shadow),
            shadow_uri=given(self.shadow_uri),
            keep=names(self.keep),
            interval_start=interval_of_output(self.interval_start, self.output_uri, self.shadow_uri, context=context),
        )
