"""Promotion and rollback as tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.policies.promotion import PromotionPolicy
from airflow_mlops_provider.records.policies.rollback import RollbackPolicy
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.reports.promotion import Mode
from airflow_mlops_provider.records.requests.promote import PromoteRequest
from airflow_mlops_provider.records.requests.rollback import RollbackRequest
from airflow_mlops_provider.records.requests.short_forms import evidence_uris, given, member, model_of, model_ref
from airflow_mlops_provider.records.roles import CHAMPION
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.tasks.run import triggered_by


class PromoteModelOperator(JobOperator):
    """Promotes a model on evidence, or records why the champion stays; the task succeeds either way.

    :param model: the candidate: YAML (its challenger), ``models:/name/version``, ``models:/name@alias``, a reference or
        the Outcome of an earlier step.
    :param evidence: Outcomes or evidence URIs of what is put forward: validation, evaluation, bias, model card and
        whatever else; the policy says which kinds are required.
    :param alias: what the candidate is to become.
    :param mode: ``suggest`` records only, ``approve`` needs the ``person`` who approved, ``auto`` decides by the policy
        alone.
    :param person: who approved; recorded. A name, or the ``output`` of Airflow's approval task; an empty text means
        nobody.
    :param policy: required evidence, margin and limits.
    """

    request_type = PromoteRequest
    template_fields: Sequence[str] = ("model", "evidence", "alias", "mode", "person", "evidence_root")

    def __init__(
        self,
        *,
        model: str | ModelRef | ModelSpec | Any,
        evidence: Sequence[Any],
        alias: str = CHAMPION,
        mode: Mode | str = "auto",
        person: str | Any | None = None,
        policy: PromotionPolicy = PromotionPolicy(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.evidence = evidence
        self.alias = alias
        self.mode = mode
        self.person = person
        self.policy = policy

    def request(self, context: Context) -> PromoteRequest:  # noqa: ARG002  # as in the base class
        """The keys of the job."""
        return PromoteRequest(
            model=model_of(self.model),
            evidence=evidence_uris(self.evidence),
            alias=self.alias,
            mode=member(Mode, self.mode, key="mode"),
            person=approver_of(self.person),
            policy=self.policy,
        )


def approver_of(answer: Any) -> str | None:
    """Who approved, by name.

    :param answer: a name, or what Airflow's ``ApprovalOperator`` leaves on XCom; ``None`` when nobody was asked.
    :returns: ``None`` when nobody approved, or the answer came from nobody, as after its time ran out.
    """
    if not isinstance(answer, Mapping):
        return given(answer)
    person = answer.get("responded_by_user") or {}
    approved = "Approve" in (answer.get("chosen_options") or ())
    return (person.get("name") or person.get("id") or None) if approved else None


class RollbackModelOperator(JobOperator):
    """Puts the last good promotion back in place, after an integrity and a smoke test.

    :param model: the registered model: its name, or whatever names a version of it.
    :param reason: why, in one sentence; recorded.
    :param to_version: which former champion; the last one by default.
    :param person: who asks; recorded. By default the person who triggered the run, when Airflow knows one.
    :param alias: the alias that follows the decision.
    :param policy: the limit of the smoke test.
    """

    request_type = RollbackRequest
    default_fail_on = (Status.FAIL,)
    template_fields: Sequence[str] = ("model", "reason", "to_version", "person", "alias", "evidence_root")

    def __init__(
        self,
        *,
        model: str | ModelRef | Any,
        reason: str,
        to_version: str | int | None = None,
        person: str | None = None,
        alias: str = CHAMPION,
        policy: RollbackPolicy = RollbackPolicy(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.reason = reason
        self.to_version = to_version
        self.person = person
        self.alias = alias
        self.policy = policy

    def request(self, context: Context) -> RollbackRequest:
        """The keys of the job, and who triggered the run."""
        return RollbackRequest(
            model=model_ref(self.model),
            reason=self.reason,
            to_version=given(self.to_version),
            person=given(self.person) or triggered_by(context),
            alias=self.alias,
            policy=self.policy,
        )
