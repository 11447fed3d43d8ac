"""Keys of the ``close`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.requests.request import JobRequest, names_file
from airflow_mlops_provider.records.requests.short_forms import EVIDENCE


@dataclass(frozen=True, kw_only=True)
class CloseRequest(JobRequest):
    """Close an incident with its postmortem; the open one and the decision stay as they are.

    :param incident: URI of the evidence that opened it, or of the rollback that did, or that rollback's Outcome.
    :param postmortem: path or ``file://`` URI of the finished postmortem in Markdown.
    :param person: who closes it; recorded.
    """

    job: ClassVar[str] = "close"

    incident: str = field(metadata=EVIDENCE)
    postmortem: str = field(metadata=names_file("md"))
    person: str

    def check(self) -> None:
        """Raise ``BadInputError`` when nobody is named."""
        if not self.person.strip():
            raise BadInputError("close spec: 'person' is empty; whoever reads the record later will want to ask")
