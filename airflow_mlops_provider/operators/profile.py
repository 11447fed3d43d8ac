"""The profile of a dataset as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests.profile import MIN_SHARED_COUNT, ProfileRequest
from airflow_mlops_provider.records.requests.short_forms import dataset_ref, names, optional


class ProfileOperator(JobOperator):
    """Profiles a dataset into one file, which ``DriftSensor`` takes as its reference in place of the rows.

    Files that an earlier run profiled are not read again: a folder of daily files costs one day a day.

    :param dataset: a file, folder or glob: its URI, its reference or the Outcome of an earlier step.
    :param output_uri: where to write the profile; its name ends in ``.profile``.
    :param columns: which columns; by default all but time stamps and what cannot be compared.
    :param sensitive: columns that are left out, of the file as of what is kept with the evidence.
    :param shared: leave out what tells a value of fewer than ``min_count`` rows: extremes, rare levels, small cells.
    :param min_count: see ``shared``.
    :param edges: a profile whose edges are used, so that both can be merged: its URI, its reference or the Outcome of
        an earlier step. By default edges are chosen from the rows, once for each dataset.
    """

    request_type = ProfileRequest
    template_fields: Sequence[str] = ("dataset", "output_uri", "columns", "sensitive", "edges", "evidence_root")

    def __init__(
        self,
        *,
        dataset: str | DatasetRef | Any,
        output_uri: str,
        columns: Sequence[str] | None = None,
        sensitive: Sequence[str] | None = None,
        shared: bool = True,
        min_count: int = MIN_SHARED_COUNT,
        edges: str | DatasetRef | Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dataset = dataset
        self.output_uri = output_uri
        self.columns = columns
        self.sensitive = sensitive
        self.shared = shared
        self.min_count = min_count
        self.edges = edges

    def request(self, context: Context) -> ProfileRequest:  # noqa: ARG002  # as in the base class
        """The keys of the job."""
        return ProfileRequest(
            dataset=dataset_ref(self.dataset),
            output_uri=self.output_uri,
            columns=optional(names, self.columns),
            sensitive=names(self.sensitive),
            shared=self.shared,
            min_count=self.min_count,
            edges=optional(dataset_ref, self.edges),
        )
