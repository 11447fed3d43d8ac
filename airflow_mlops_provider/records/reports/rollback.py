"""What is known when a champion is taken back."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_mlops_provider.records.refs import ModelRef


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackReport:
    """The facts of one rollback.

    :param champion: the version in force before.
    :param target: the version that is put back; its artifact has been verified against the digest in the record.
    :param restores: number of the record whose promotion is in force again; ``None`` for a champion older than
        the record.
    :param probe_rows: rows of the stored probe batch that the target answered in the smoke test.
    :param probe_mismatches: answers that are not those stored with the version; ``None`` without stored answers.
    """

    champion: ModelRef
    target: ModelRef
    restores: int | None
    probe_rows: int
    probe_mismatches: int | None = None
