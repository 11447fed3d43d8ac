"""Keys of the ``profile`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests.request import JobRequest
from airflow_mlops_provider.records.requests.short_forms import DATASET

SUFFIX = ".profile"
"""What the name of a file ends in that holds the profile of a dataset in place of its rows."""
MIN_SHARED_COUNT = 10
"""A shared profile tells no value of fewer rows than this; how many are missing or withheld it tells as it is."""


@dataclass(frozen=True, kw_only=True)
class ProfileRequest(JobRequest):
    """Profile a dataset into one file, which the drift job takes as its reference.

    :param dataset: a file, folder or glob: its URI, its reference or the Outcome of an earlier step.
    :param output_uri: where to write the profile; its name ends in ``.profile``.
    :param columns: which columns; by default all but time stamps and what cannot be compared.
    :param sensitive: columns that are left out, of the file as of what is kept with the evidence.
    :param shared: leave out what tells a value of fewer than ``min_count`` rows: extremes, rare levels, small cells.
    :param min_count: see ``shared``.
    :param edges: a profile whose edges are used, so that both can be merged: its URI, its reference or the Outcome of
        an earlier step. By default edges are chosen from the rows, once for each dataset.
    """

    job: ClassVar[str] = "profile"

    dataset: DatasetRef = field(metadata=DATASET)
    output_uri: str
    columns: tuple[str, ...] | None = None
    sensitive: tuple[str, ...] = ()
    shared: bool = True
    min_count: int = MIN_SHARED_COUNT
    edges: DatasetRef | None = field(default=None, metadata=DATASET)

    def check(self) -> None:
        """Raise ``BadInputError`` for another kind of file, no columns, or a count below 1."""
        if not self.output_uri.endswith(SUFFIX):
            raise BadInputError(f"profile spec: 'output_uri' is {self.output_uri}; its name must end in {SUFFIX}")
        if self.columns == ():
            raise BadInputError("profile spec: key 'columns' is empty; leave it out to profile all of them")
        if self.edges is not None and not self.edges.uri.endswith(SUFFIX):
            raise BadInputError(
                f"profile spec: 'edges' is {self.edges.uri}; it must be a profile, which ends in {SUFFIX}"
            )
        if self.min_count < 1:
            raise BadInputError(f"profile spec: 'min_count' is {self.min_count}; it must be at least 1")
