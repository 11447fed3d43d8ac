"""What a job hands back, and the only thing of ours that travels on XCom."""

from __future__ import annotations

import bisect
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from airflow_mlops_provider.records.codec import OMIT_NONE, decode, encode
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict


class Kind(StrEnum):
    """Which check or step an Outcome or evidence file speaks of."""

    INGEST = "ingest"
    VALIDATION = "validation"
    DRIFT = "drift"
    PROFILE = "profile"
    TRAINING = "training"
    EVALUATION = "evaluation"
    BIAS = "bias"
    MODEL_CARD = "model_card"
    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    DATASET_ROLLBACK = "dataset_rollback"
    PREDICTION = "prediction"
    DECAY = "decay"
    VERIFICATION = "verification"
    REPLAY = "replay"
    REPRODUCTION = "reproduction"
    INCIDENT = "incident"
    PURGE = "purge"
    MIRROR = "mirror"


MAX_XCOM_BYTES = 48_000
"""What an Outcome takes at most on XCom and in an asset event."""


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

    def to_xcom(self) -> dict[str, Any]:
        """:meth:`to_json` in at most :data:`MAX_XCOM_BYTES`: the worst findings, and how many more the evidence has.

        XComs and asset events lie in Airflow's database, and some of its backends refuse more.
        """
        if _bytes_of(self) <= MAX_XCOM_BYTES:
            return self.to_json()
        findings = self.verdict.findings
        fitting = bisect.bisect_right(range(len(findings)), MAX_XCOM_BYTES, key=lambda n: _bytes_of(self._with(n))) - 1
        return self._with(max(1, fitting)).to_json()

    def _with(self, count: int) -> Outcome:
        """The Outcome with its first ``count`` findings, which are the worst."""
        left = len(self.verdict.findings) - count
        more = Finding(
            subject="findings",
            measure="findings_left_out",
            observed=float(left),
            status=Status.PASS,
            detail=f"{left:,} more findings are in the evidence",
        )
        return replace(self, verdict=replace(self.verdict, findings=(*self.verdict.findings[:count], more)))

    @classmethod
    def from_json(cls, data: Any) -> Outcome:
        """The inverse of :meth:`to_json`; raises ``BadInputError`` on unknown or missing keys and other versions."""
        return decode(cls, data)


def _bytes_of(outcome: Outcome) -> int:
    return len(json.dumps(outcome.to_json()).encode())


def as_outcome(value: Any) -> Outcome | None:
    """``value`` when it is an Outcome, also as plain JSON; ``None`` for anything else.

    :raises BadInputError: for JSON that has the keys of an Outcome and is none.
    """
    if isinstance(value, Mapping) and {"kind", "verdict"} <= set(value):
        return Outcome.from_json(value)
    return value if isinstance(value, Outcome) else None
