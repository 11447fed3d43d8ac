"""Promotion and rollback as tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_mlops_provider.decisions.promotion import PromotionPolicy
from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.refs import ModelRef


class PromoteModelOperator(JobOperator):
    """Promotes a model on evidence, or records why the champion stays; the task succeeds either way.

    :param model: ``models:/name/version``, :class:`ModelRef` or the Outcome of a training task.
    :param evidence: Outcomes or evidence URIs; the policy says which kinds are required.
    :param alias: the alias that follows the decision.
    :param mode: ``auto`` promotes, ``approve`` needs an approver, ``suggest`` only records.
    :param approver: who approved, for ``mode="approve"``; usually the answer of an upstream approval task.
    :param policy: required evidence, margin and limits.
    """

    job = "promote"
    keys = ("model", "evidence", "alias", "mode", "approver", "policy")
    template_fields: Sequence[str] = ("model", "evidence", "alias", "mode", "approver", "evidence_root")

    def __init__(
        self,
        *,
        model: str | ModelRef | Any,
        evidence: Sequence[Any],
        alias: str = "champion",
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


class RollbackModelOperator(JobOperator):
    """Puts the last good promotion back in place, after an integrity and a smoke test.

    :param name: the registered model.
    :param reason: why; recorded.
    :param to_version: a version to go back to; the one before the champion by default.
    :param person: who asked; recorded.
    """

    job = "rollback"
    keys = ("name", "reason", "to_version", "person")
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
