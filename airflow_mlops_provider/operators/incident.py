"""The end of an incident as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.requests.close import CloseRequest
from airflow_mlops_provider.records.requests.short_forms import evidence_uri, given
from airflow_mlops_provider.tasks.run import triggered_by


class CloseIncidentOperator(JobOperator):
    """Closes an incident with its finished postmortem; an incident is closed once.

    :param incident: URI of the evidence that opened it, or of the rollback that did, or that rollback's Outcome.
    :param postmortem: path or ``file://`` URI of the finished postmortem in Markdown.
    :param person: who closes it; recorded. By default the person who triggered the run, when Airflow knows one.
    """

    request_type = CloseRequest
    template_fields: Sequence[str] = ("incident", "postmortem", "person", "evidence_root")

    def __init__(self, *, incident: str | Any, postmortem: str, person: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.incident = incident
        self.postmortem = postmortem
        self.person = person

    def request(self, context: Context) -> CloseRequest:
        """The keys of the job, and who triggered the run."""
        asked = given(self.person)
        return CloseRequest(
            incident=evidence_uri(self.incident),
            postmortem=self.postmortem,
            person=asked or triggered_by(context) or "",
        )
