"""Keys of the ``reproduce`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.requests.request import JobRequest, former
from airflow_mlops_provider.records.requests.short_forms import DATASET, EVIDENCE, MODEL


@dataclass(frozen=True, kw_only=True)
class ReproduceRequest(JobRequest):
    """Train a version again with its recorded declaration, data and seed.

    :param model: the registered name, whose champion is meant, or else its challenger; or ``models:/name/version``, a
        reference or the Outcome of an earlier step.
    :param evidence: URI of a training's evidence, or the Outcome that points at it; instead of ``model``.
    :param dataset: where the training data lie now, if they moved; their content must be the recorded one.
    :param root: folder of the trainer's file, if it moved.
    :param tracking_uri: of MLflow.
    """

    job: ClassVar[str] = "reproduce"

    model: str | ModelRef | None = field(default=None, metadata={**MODEL, **former("name")})
    evidence: str | None = field(default=None, metadata=EVIDENCE)
    dataset: DatasetRef | None = field(default=None, metadata=DATASET)
    root: str | None = None
    tracking_uri: str | None = None

    def check(self) -> None:
        """Raise ``BadInputError`` unless there is either a model or evidence."""
        if (self.model is None) is (self.evidence is None):
            raise BadInputError("reproduce spec: give either 'model' or 'evidence'")
