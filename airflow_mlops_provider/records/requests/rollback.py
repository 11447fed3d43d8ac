"""Keys of the ``rollback`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.policies.rollback import RollbackPolicy
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.requests.request import JobRequest, former
from airflow_mlops_provider.records.requests.short_forms import MODEL
from airflow_mlops_provider.records.roles import CHAMPION, require_alias


@dataclass(frozen=True, kw_only=True)
class RollbackRequest(JobRequest):
    """Go back to the champion before this one, or to an earlier one; rolling back twice goes one further back.

    :param model: the registered model: its name, or whatever names a version of it.
    :param reason: why, in one sentence; recorded.
    :param to_version: which former champion; the last one by default.
    :param person: who asks; recorded.
    :param alias: the alias that follows the decision.
    :param policy: the limit of the smoke test.
    :param tracking_uri: of MLflow.
    """

    job: ClassVar[str] = "rollback"

    model: str | ModelRef = field(metadata={**MODEL, **former("name")})
    reason: str
    to_version: str | int | None = None
    person: str | None = None
    alias: str = CHAMPION
    policy: RollbackPolicy = field(default_factory=RollbackPolicy)
    tracking_uri: str | None = None

    def check(self) -> None:
        """Raise ``BadInputError`` for an empty reason or an alias that cannot be promoted to."""
        if not self.reason.strip():
            raise BadInputError("rollback spec: 'reason' is empty; whoever reads the record later will want it")
        require_alias(self.alias)
