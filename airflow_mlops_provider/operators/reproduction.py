"""Training a version again from its record, as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.requests.reproduce import ReproduceRequest
from airflow_mlops_provider.records.requests.short_forms import dataset_ref, evidence_uri, given, model_ref, optional
from airflow_mlops_provider.records.verdict import Status


class ReproduceOperator(JobOperator):
    """Trains a version again with its recorded declaration, data and seed, and compares; nothing is registered.

    :param model: the registered name, whose champion is meant, or else its challenger; or ``models:/name/version``, a
        reference or the Outcome of an earlier step.
    :param evidence: URI of a training's evidence, or the Outcome that points at it; instead of ``model``.
    :param dataset: where the training data lie now, if they moved; their content must be the recorded one.
    :param root: folder of the trainer's file, if it moved.
    :raises AirflowFailException: when the version answers differently; without a retry, as its record will not change.
    """

    request_type = ReproduceRequest
    default_fail_on = (Status.FAIL,)
    template_fields: Sequence[str] = ("model", "evidence", "dataset", "root", "evidence_root")

    def __init__(
        self,
        *,
        model: str | ModelRef | Any = None,
        evidence: str | Any = None,
        dataset: str | DatasetRef | Any = None,
        root: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.evidence = evidence
        self.dataset = dataset
        self.root = root

    def request(self, context: Context) -> ReproduceRequest:  # noqa: ARG002  # as in the base class
        """The keys of the job."""
        return ReproduceRequest(
            model=optional(model_ref, self.model),
            evidence=optional(evidence_uri, self.evidence),
            dataset=optional(dataset_ref, self.dataset),
            root=given(self.root),
        )
