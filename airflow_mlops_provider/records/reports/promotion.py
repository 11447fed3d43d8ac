"""What is known about a candidate when somebody must decide whether it becomes the champion."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.evaluation import EvaluationReport
from airflow_mlops_provider.records.roles import CHAMPION
from airflow_mlops_provider.records.verdict import Status


class Mode(StrEnum):
    """How a promotion is decided."""

    SUGGEST = "suggest"
    """Judge and record; nothing moves."""
    APPROVE = "approve"
    """Moves only with the name of the person who approved."""
    AUTO = "auto"
    """Moves when the policy is satisfied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceItem:
    """One piece of evidence that was put forward.

    :param kind: which check it is.
    :param uri: where it lies.
    :param sha256: hash of its bytes when it was read.
    :param status: the verdict it carries.
    :param summary: that verdict's sentence.
    :param model: the model version it speaks of, if any.
    :param dataset: the dataset it speaks of, if any.
    :param compared_with: the champion that an evaluation compared the candidate with; ``None`` when there was none.
    :param evaluation: the numbers of an evaluation, so that the promotion's own policy can be applied to them.
    :param evaluation_policy: the policy that the evaluation applied, as plain JSON.
    """

    kind: Kind
    uri: str
    sha256: str
    status: Status
    summary: str
    model: ModelRef | None = None
    dataset: DatasetRef | None = None
    compared_with: ModelRef | None = None
    evaluation: EvaluationReport | None = None
    evaluation_policy: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionReport:
    """The facts of one promotion.

    :param candidate: the version that asks; its artifact has been verified against this digest.
    :param champion: the version behind ``alias`` when the facts were gathered; ``None`` for the first promotion.
    :param training: the dataset the candidate was trained on.
    :param evidence: what was put forward.
    :param mode: suggest, approve or auto.
    :param approver: the person who approved, if any.
    :param owners: who may approve, as the model declares.
    :param alias: what the candidate is to become.
    """

    candidate: ModelRef
    champion: ModelRef | None
    training: DatasetRef
    evidence: tuple[EvidenceItem, ...]
    mode: Mode = Mode.AUTO
    approver: str | None = None
    owners: tuple[str, ...] = field(default_factory=tuple)
    alias: str = CHAMPION
