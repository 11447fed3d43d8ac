"""One link of a model's decision record: who decided what, on which evidence, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from airflow_mlops_provider.records.moments import require_moment
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.promotion import Mode
from airflow_mlops_provider.records.verdict import Verdict

TRAINING = "training"
"""Key in ``datasets`` of the champion's training data, which drift is measured against."""

TRAINING_PROFILE = "training_profile"
"""Key in ``datasets`` of the profile of those data, which stands in for them once they are gone or overwritten."""


class DecisionKind(StrEnum):
    """What was asked for."""

    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    PURGE = "purge"
    """Old evidence was removed; the record is its tombstone."""


class Effect(StrEnum):
    """What came of a decision; only ``moved`` changes which version is in force."""

    MOVED = "moved"
    STAYS = "stays"
    """The evidence did not carry it; the champion stays."""
    LOST = "lost"
    """The evidence would have carried it, but another decision had changed the champion since."""
    SUGGESTED = "suggested"
    AWAITING_APPROVAL = "awaiting_approval"
    PURGED = "purged"
    """Evidence named in the report was removed by policy; nothing was decided about the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """One decision. Its canonical JSON is a link of the chain ``decisions/<name>``.

    :param number: 1 for the first record of a model; the record that creates this number has committed.
    :param previous: SHA-256 of the bytes of record ``number - 1``; ``None`` for the first.
    :param created_at: ISO 8601, UTC.
    :param kind: promotion, rollback or purge of old evidence.
    :param effect: what came of it.
    :param name: registered name of the model.
    :param alias: the alias that it is about, ``champion`` as a rule.
    :param model: the version decided on: the candidate, or the version that a rollback puts back; for a purge, the
        version that the record before speaks of.
    :param champion: the version in force before; ``None`` for the first.
    :param evidence: what the decision rests on: URI to SHA-256.
    :param datasets: ``training`` is what ``model`` was trained on, the reference while it is in force;
        ``training_profile`` is its profile, kept when it was promoted.
    :param report: the facts, as plain JSON of the promotion, rollback or purge report.
    :param policy: the limits, as plain JSON of the policy.
    :param verdict: the judgement.
    :param mode: how it was decided; ``None`` for a rollback or a purge.
    :param person: who approved the promotion or asked for the rollback, if a person did.
    :param reason: why, in one sentence.
    :param restores: for a rollback, the number of the promotion that is in force again; ``None`` when the version
        put back is older than the record.
    :param request: hash of what was asked, run key included, so that a retry finds this record; ``None`` when the
        caller gave no run key.
    :param origin: ``dag_id``, ``run_id``, ``task_id`` ... under Airflow.
    :param versions: Python and package versions that judged.
    :param schema: version of this record's shape.
    """

    number: int
    previous: str | None
    created_at: str
    kind: DecisionKind
    effect: Effect
    name: str
    alias: str
    model: ModelRef
    champion: ModelRef | None
    evidence: dict[str, str] = field(default_factory=dict)
    datasets: dict[str, DatasetRef] = field(default_factory=dict)
    report: Any = None
    policy: Any = None
    verdict: Verdict
    mode: Mode | None = None
    person: str | None = None
    reason: str = ""
    restores: int | None = None
    request: str | None = None
    origin: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    schema: int = 1

    def __post_init__(self) -> None:
        require_moment(self.created_at, key="created_at")

    @property
    def moved(self) -> bool:
        """Whether this decision changed which version is in force."""
        return self.effect is Effect.MOVED
