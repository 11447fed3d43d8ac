"""Keys of the ``merge`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.policies.validation import ValidationPolicy
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests.profile import MIN_SHARED_COUNT, SUFFIX
from airflow_mlops_provider.records.requests.request import JobRequest
from airflow_mlops_provider.records.requests.short_forms import DATASET, EVIDENCE


@dataclass(frozen=True, kw_only=True)
class MergeRequest(JobRequest):
    """Merge what was found of the parts of a dataset into one verdict, or one profile, of the whole.

    :param parts: evidence of the parts, all of validations or all of profiles: evidence URIs or Outcomes.
    :param dataset: of validations, the whole that the parts make up: the folder that they wrote their clean rows to, or
        the folder that they read.
    :param quarantine_uri: of validations, the folder of their quarantines, which the verdict names.
    :param output_uri: of profiles, where to write the merged one; its name ends in ``.profile``.
    :param shared: of profiles, leave out what tells a value of fewer than ``min_count`` rows.
    :param min_count: see ``shared``.
    :param policy: of validations, how many rows of the whole may be set aside.
    """

    job: ClassVar[str] = "merge"

    parts: tuple[str, ...] = field(metadata=EVIDENCE)
    dataset: DatasetRef | None = field(default=None, metadata=DATASET)
    quarantine_uri: str | None = None
    output_uri: str | None = None
    shared: bool = True
    min_count: int = MIN_SHARED_COUNT
    policy: ValidationPolicy = field(default_factory=ValidationPolicy)

    def check(self) -> None:
        """Raise ``BadInputError`` for no parts, or unless there is one place that says which kind they are."""
        if not self.parts:
            raise BadInputError("merge spec: key 'parts' is empty")
        if (self.dataset is None) == (self.output_uri is None):
            raise BadInputError("merge spec: give 'dataset' for validations, or 'output_uri' for profiles")
        if self.output_uri is not None and not self.output_uri.endswith(SUFFIX):
            raise BadInputError(f"merge spec: 'output_uri' is {self.output_uri}; its name must end in {SUFFIX}")
        if self.min_count < 1:
            raise BadInputError(f"merge spec: 'min_count' is {self.min_count}; it must be at least 1")
