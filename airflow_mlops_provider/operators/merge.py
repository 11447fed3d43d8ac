"""Parts of a dataset as mapped tasks: dividing it, and merging what was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.policies.validation import ValidationPolicy
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests.merge import MergeRequest
from airflow_mlops_provider.records.requests.profile import MIN_SHARED_COUNT
from airflow_mlops_provider.records.requests.short_forms import dataset_ref, evidence_uris, given, optional
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.tasks.chunks import chunks_of

__all__ = ["MergeOperator", "chunks_of"]


class MergeOperator(JobOperator):
    """Merges what mapped tasks found of the parts of a dataset into one verdict, or one profile, of the whole.

    :param parts: evidence of the parts, all of validations or all of profiles: evidence URIs or Outcomes.
    :param dataset: of validations, the whole that the parts make up: the folder that they wrote their clean rows to, or
        the folder that they read.
    :param quarantine_uri: of validations, the folder of their quarantines, which the verdict names.
    :param output_uri: of profiles, where to write the merged one; its name ends in ``.profile``.
    :param shared: of profiles, leave out what tells a value of fewer than ``min_count`` rows.
    :param min_count: see ``shared``.
    :param policy: of validations, how many rows of the whole may be set aside.
    :raises AirflowFailException: when the data fails; without a retry, because the data will not change.
    """

    request_type = MergeRequest
    default_fail_on = (Status.FAIL, Status.INSUFFICIENT_EVIDENCE)
    template_fields: Sequence[str] = ("parts", "dataset", "quarantine_uri", "output_uri", "evidence_root")

    def __init__(
        self,
        *,
        parts: Sequence[Any] | Any,
        dataset: str | DatasetRef | Any = None,
        quarantine_uri: str | None = None,
        output_uri: str | None = None,
        shared: bool = True,
        min_count: int = MIN_SHARED_COUNT,
        policy: ValidationPolicy = ValidationPolicy(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.parts = parts
        self.dataset = dataset
        self.quarantine_uri = quarantine_uri
        self.output_uri = output_uri
        self.shared = shared
        self.min_count = min_count
        self.policy = policy

    def request(self, context: Context) -> MergeRequest:  # noqa: ARG002  # as in the base class
        """The keys of the job."""
        return MergeRequest(
            parts=evidence_uris(self.parts),
            dataset=optional(dataset_ref, self.dataset),
            quarantine_uri=given(self.quarantine_uri),
            output_uri=given(self.output_uri),
            shared=self.shared,
            min_count=self.min_count,
            policy=self.policy,
        )
