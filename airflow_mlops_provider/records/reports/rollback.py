"""What is known when a champion is taken back."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.reports.training import Symmetry


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackReport:
    """The facts of one rollback.

    :param champion: the version in force.
    :param target: the version to put back; its artifact has been verified against the digest in the record.
    :param restores: number of the record whose promotion comes into force again; ``None`` for a champion older than
        the record.
    :param smoke: the answers of the target on its stored probe batch against those it gave when it was trained;
        ``None`` when it has none.
    :param missing_evidence: of the target's promotion, what is gone without a tombstone.
    :param expected: the version that was in force when the rollback was asked for, if it is another one by now.
    """

    champion: ModelRef
    target: ModelRef
    restores: int | None
    smoke: Symmetry | None
    expected: ModelRef | None = None
    missing_evidence: tuple[str, ...] = ()
