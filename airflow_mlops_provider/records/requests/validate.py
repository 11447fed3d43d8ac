"""Keys of the ``validate`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.moments import require_moment
from airflow_mlops_provider.records.policies.validation import ValidationPolicy
from airflow_mlops_provider.records.refs import DatasetRef, Writer
from airflow_mlops_provider.records.requests.request import JobRequest, names_file
from airflow_mlops_provider.records.requests.short_forms import DATASET, SUITE


@dataclass(frozen=True, kw_only=True)
class ValidateRequest(JobRequest):
    """Hold a dataset to a suite or a contract.

    :param dataset: the batch: its URI, its reference or the Outcome of an earlier step.
    :param suite: Great Expectations suite: a JSON object, or the path or URI of a JSON file.
    :param contract: data contract (ODCS v3): path or URI of a YAML file, with ``#object`` when it describes several.
    :param clean_uri: where the rows without fault go; the Outcome then speaks of that dataset. A file that is replaced,
        or the ``latest.snapshot`` of a folder, to which a snapshot is added.
    :param quarantine_uri: where the others go, with their reasons; without it, any failing row fails the batch.
    :param interval_start: start of the data interval, ISO 8601; it names a snapshot that is written, where what is read
        is no snapshot itself.
    :param sensitive: columns whose values appear in no message, report or attachment.
    :param written_by: who wrote ``dataset``, the last one first; named in the verdict as where to look for the cause.
    :param policy: how many rows may be set aside.
    """

    job: ClassVar[str] = "validate"

    dataset: DatasetRef = field(metadata=DATASET)
    suite: dict[str, Any] | str | None = field(default=None, metadata={**SUITE, **names_file("json")})
    contract: dict[str, Any] | str | None = field(default=None, metadata=names_file("yaml"))
    clean_uri: str | None = None
    quarantine_uri: str | None = None
    interval_start: str | None = None
    sensitive: tuple[str, ...] = ()
    written_by: tuple[Writer, ...] = ()
    policy: ValidationPolicy = field(default_factory=ValidationPolicy)

    def check(self) -> None:
        """Raise ``BadInputError`` unless there is one declaration of rules, and the interval is a moment."""
        if self.interval_start is not None:
            require_moment(self.interval_start, key="interval_start")
        if (self.suite is None) == (self.contract is None):
            raise BadInputError("validate spec: give one of 'suite' and 'contract'")
