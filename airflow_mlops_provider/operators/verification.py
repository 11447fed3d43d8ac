"""Looks at past decisions as tasks: check that they hold, and judge them again under another policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.requests.replay import ReplayRequest
from airflow_mlops_provider.records.requests.short_forms import evidence_uri, model_ref, optional
from airflow_mlops_provider.records.requests.verify import VerifyRequest
from airflow_mlops_provider.records.verdict import Status


class VerifyOperator(JobOperator):
    """Checks everything that is recorded about a model, or one piece of evidence; repairs nothing.

    :param model: the registered model: its name, or whatever names a version of it.
    :param evidence: URI of one piece of evidence, or the Outcome that points at it; instead of ``model``.
    :raises AirflowFailException: when a check fails; without a retry, because the record will not change.
    """

    request_type = VerifyRequest
    default_fail_on = (Status.FAIL,)
    template_fields: Sequence[str] = ("model", "evidence", "evidence_root")

    def __init__(self, *, model: str | ModelRef | Any = None, evidence: str | Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.evidence = evidence

    def request(self, context: Context) -> VerifyRequest:  # noqa: ARG002  # as in the base class
        """The keys of the job."""
        return VerifyRequest(model=optional(model_ref, self.model), evidence=optional(evidence_uri, self.evidence))


class ReplayOperator(JobOperator):
    """Judges the promotions of a model, or one piece of evidence, under another policy; changes nothing.

    :param policy: the keys to change; the others stay as they were at the time.
    :param model: the registered model, by its name or whatever names a version of it; ``policy`` then holds keys of the
        promotion policy.
    :param evidence: URI of one piece of evidence, or the Outcome that points at it, instead of ``model``; ``policy``
        then holds keys of its own policy.
    """

    request_type = ReplayRequest
    template_fields: Sequence[str] = ("model", "evidence", "policy", "evidence_root")

    def __init__(
        self,
        *,
        policy: Mapping[str, Any],
        model: str | ModelRef | Any = None,
        evidence: str | Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.policy = policy
        self.model = model
        self.evidence = evidence

    def request(self, context: Context) -> ReplayRequest:  # noqa: ARG002  # as in the base class
        """The keys of the job."""
        return ReplayRequest(
            policy=self.policy,
            model=optional(model_ref, self.model),
            evidence=optional(evidence_uri, self.evidence),
        )
