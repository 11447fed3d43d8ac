"""Links from a task instance to what it decided."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, BaseOperatorLink


class EvidenceLink(BaseOperatorLink):
    """Opens the evidence of the task's verdict on the MLOps page."""

    name = "MLOps evidence"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002  # Airflow's signature
        """The URL that the task left on itself; empty when it ended before a verdict."""
        return getattr(operator, "evidence_url", "")
