"""Keys of the ``promote`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.policies.promotion import PromotionPolicy
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.reports.promotion import Mode
from airflow_mlops_provider.records.requests.request import JobRequest, former
from airflow_mlops_provider.records.requests.short_forms import EVIDENCE, MODEL
from airflow_mlops_provider.records.roles import CHAMPION, require_alias


@dataclass(frozen=True, kw_only=True)
class PromoteRequest(JobRequest):
    """Judge a candidate on its evidence, record the decision, and move the alias if it carries.

    :param model: the candidate: YAML (its challenger), ``models:/name/version``, ``models:/name@alias``, a reference or
        the Outcome of an earlier step.
    :param evidence: Outcomes or evidence URIs of what is put forward: validation, evaluation, bias, model card and
        whatever else; the policy says which kinds are required.
    :param alias: what the candidate is to become.
    :param mode: ``suggest`` records only, ``approve`` needs the ``person`` who approved, ``auto`` decides by the policy
        alone.
    :param person: who approved; recorded.
    :param policy: required evidence, margin and limits.
    :param tracking_uri: of MLflow.
    """

    job: ClassVar[str] = "promote"

    model: str | ModelRef | ModelSpec = field(metadata=MODEL)
    evidence: tuple[str, ...] = field(metadata=EVIDENCE)
    alias: str = CHAMPION
    mode: Mode = Mode.AUTO
    person: str | None = field(default=None, metadata=former("approver"))
    policy: PromotionPolicy = field(default_factory=PromotionPolicy)
    tracking_uri: str | None = None

    def check(self) -> None:
        """Raise ``BadInputError`` for an alias that cannot be promoted to, or a person without a name."""
        require_alias(self.alias)
        if self.person is not None and not self.person.strip():
            raise BadInputError("promote spec: 'person' is empty; leave it out, or name the person who approved")
