"""What a job hands back, and the only thing of ours that travels on XCom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from airflow_mlops_provider.records.codec import OMIT_NONE, decode, encode
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.verdict import Verdict


class Kind(StrEnum):
    """Which check or step an Outcome or evidence file speaks of."""

    VALIDATION = "validation"
    DRIFT = "drift"
    PROFILE = "profile"
    TRAINING = "training"
    EVALUATION = "evaluation"
    BIAS = "bias"
    MODEL_CARD = "model_card"
    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    PREDICTION = "prediction"
    DECAY = "decay"
    VERIFICATION = "verification"
    REPLAY = "replay"
    REPRODUCTION = "reproduction"
    INCIDENT = "incident"
    PURGE = "purge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one job.

    :param kind: which step it was.
    :param verdict: what was found.
    :param evidence_uri: where the full, hashed evidence lies; empty for a verification that could not be kept.
    :param dataset: the dataset judged or written, pinned by its fingerprint.
    :param model: the model version judged or made, pinned by its digest.
    :param schema: version of this record's shape.
    :param judgement: identity of a judgement that is made once, the same for every repeat, so that others act once.
        ``None`` where each run judges anew.
    """

    kind: Kind
    verdict: Verdict
    evidence_uri: str
    dataset: DatasetRef | None = None
    model: ModelRef | None = None
    schema: int = 1
    judgement: str | None = field(default=None, metadata=OMIT_NONE)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for XCom, a command's last line or an asset event's extra."""
        encoded: dict[str, Any] = encode(self)
        return encoded

    @classmethod
    def from_json(cls, data: Any) -> Outcome:
        """The inverse of :meth:`to_json`; raises ``BadInputError`` on unknown or missing keys and other versions."""
        return decode(cls, data)


def as_outcome(value: Any) -> Outcome | None:
    """``value`` when it is an Outcome, also as plain JSON; ``None`` for anything else.

    :raises BadInputError: for JSON that has the keys of an Outcome and is none.
    """
    if isinstance(value, Mapping) and {"kind", "verdict"} <= set(value):
        return Outcome.from_json(value)
    return value if isinstance(value, Outcome) else None
