"""Keys of the ``verify`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.requests.request import JobRequest, former
from airflow_mlops_provider.records.requests.short_forms import EVIDENCE, MODEL


@dataclass(frozen=True, kw_only=True)
class VerifyRequest(JobRequest):
    """Check everything that is recorded about a model, or one piece of evidence.

    :param model: the registered model: its name, or whatever names a version of it.
    :param evidence: URI of one piece of evidence, or the Outcome that points at it; instead of ``model``.
    :param tracking_uri: of MLflow.
    """

    job: ClassVar[str] = "verify"

    model: str | ModelRef | None = field(default=None, metadata={**MODEL, **former("name")})
    evidence: str | None = field(default=None, metadata=EVIDENCE)
    tracking_uri: str | None = None

    def check(self) -> None:
        """Raise ``BadInputError`` unless there is either a model or evidence."""
        if (self.model is None) is (self.evidence is None):
            raise BadInputError("verify spec: give either 'model' or 'evidence'")
