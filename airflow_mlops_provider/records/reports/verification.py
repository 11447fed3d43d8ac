"""What a verification of decisions found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was checked.

    :param subject: what: a record, a piece of evidence, an alias, an artifact.
    :param measure: how: ``record_edited``, ``record_missing``, ``verdict_recomputed``, ``evidence_unchanged`` ...
    :param holds: whether it holds; ``None`` when it could not be checked.
    :param detail: one sentence, needed unless it holds.
    """

    subject: str
    measure: str
    holds: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """Everything that was checked.

    :param name: the model, or the URI of the single piece of evidence.
    :param records: decision records read.
    :param pieces: pieces of evidence read.
    :param checks: in the order they were made.
    """

    name: str
    records: int
    pieces: int
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One past judgement under another policy.

    :param subject: the record, or the URI of the evidence.
    :param before: its verdict then.
    :param after: the verdict under the other policy.
    :param changed: whether the decision would have been another one.
    :param detail: in words.
    """

    subject: str
    before: str
    after: str
    changed: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """Past judgements under another policy, each taken alone: the champion of its time is left as it was.

    :param name: the model, or the URI of the single piece of evidence.
    :param judgements: oldest first.
    """

    name: str
    judgements: tuple[Replayed, ...]
