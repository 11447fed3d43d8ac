"""Promotion and rollback as tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.policies.promotion import PromotionPolicy
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.roles import CHAMPION


class PromoteModelOperator(JobOperator):
    """Promotes a model on evidence, or records why the champion stays; the task succeeds either way.

    :param model: ``models:/name/version``, :class:`ModelRef` or the Outcome of a training task.
    :param evidence: Outcomes or evidence URIs; the policy says which kinds are required.
    :param alias: the alias that follows the decision.
    :param mode: ``auto`` promotes, ``approve`` needs an approver, ``suggest`` only records.
    :param approver: who approved, for ``mode="approve"``: a name, or the ``output`` of Airflow's approval task; an
        empty text, as a template may give, means nobody.
    :param policy: required evidence, margin and limits.
    """

    job = "promote"
    keys = ("model", "evidence", "alias", "mode", "policy")
    template_fields: Sequence[str] = ("model", "evidence", "alias", "mode", "approver", "evidence_root")

    def __init__(
        self,
        *,
        model: str | ModelRef | Any,
        evidence: Sequence[Any],
        alias: str = CHAMPION,
        mode: str = "auto",
        approver: str | Any | None = None,
        policy: PromotionPolicy = PromotionPolicy(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.evidence = evidence
        self.alias = alias
        self.mode = mode
        self.approver = approver
        self.policy = policy

    def spec(self) -> dict[str, Any]:
        """The keys of the job."""
        return {**super().spec(), "approver": approver_of(self.approver)}


def approver_of(answer: Any) -> str | None:
    """Who approved, by name.

    :param answer: a name, or what Airflow's ``ApprovalOperator`` leaves on XCom; ``None`` when nobody was asked.
    :returns: ``None`` when nobody approved, or the answer came from nobody, as after its time ran out.
    """
    if not isinstance(answer, Mapping):
        return answer or None
    person = answer.get("responded_by_user") or {}
    approved = "Approve" in (answer.get("chosen_options") or ())
    return (person.get("name") or person.get("id") or None) if approved else None


class RollbackModelOperator(JobOperator):
    """Puts the last good promotion back in place, after an integrity and a smoke test.

    :param name: the registered model.
    :param reason: why; recorded.
    :param to_version: a version to go back to; the one before the champion by default.
    :param person: who asked; recorded. By default the person who triggered the run, when Airflow knows one.
    """

    job = "rollback"
    keys = ("name", "reason")
    template_fields: Sequence[str] = ("name", "reason", "to_version", "person", "evidence_root")

    def __init__(
        self,
        *,
        name: str,
        reason: str,
        to_version: str | None = None,
        person: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.reason = reason
        self.to_version = to_version
        self.person = person

    def execute(self, context: Context) -> dict[str, Any]:
        """Roll back as this task; see :meth:`JobOperator.execute`."""
        self.person = self.person or getattr(context.get("dag_run"), "triggering_user_name", None)
        return super().execute(context)

    def spec(self) -> dict[str, Any]:
        """The keys of the job; a template without a value gives an empty text."""
        return {**super().spec(), "to_version": self.to_version or None, "person": self.person or None}
