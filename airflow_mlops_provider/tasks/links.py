"""Links from a task instance to what it decided."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import BaseOperator, BaseOperatorLink

from airflow_mlops_provider.exceptions import MLOpsError
from airflow_mlops_provider.tasks.environment import default_s3_access
from airflow_mlops_provider.tasks.settings import attachment_url

log = logging.getLogger(__name__)


class EvidenceLink(BaseOperatorLink):
    """Opens the evidence of the task's verdict on the MLOps page."""

    name = "MLOps evidence"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002  # Airflow's signature
        """The URL that the task left on itself; empty when it ended before a verdict."""
        return getattr(operator, "evidence_url", "")


class ReportLink(BaseOperatorLink):
    """Opens the HTML report beside the evidence: of a validation, Evidently's of drift, the slices of bias."""

    name = "MLOps report"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002  # Airflow's signature
        """The URL that the task left on itself; empty when no report was drawn."""
        return getattr(operator, "report_url", "")


def report_url(evidence_uri: str) -> str:
    """The address of the first HTML page among the attachments of a piece of evidence; empty when there is none.

    A link is not worth a failed task: evidence that cannot be read has none either.
    """
    from airflow_mlops_provider.stores.evidence.store import read_evidence

    try:
        with default_s3_access():
            names = read_evidence(evidence_uri).attachments
    except MLOpsError as error:
        log.warning("no link to a report: %s", error)
        return ""
    page = next((name for name in sorted(names) if name.endswith(".html")), None)
    return attachment_url(evidence_uri, page) if page else ""
