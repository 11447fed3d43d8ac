"""One piece of evidence: everything a verdict was made from, so that it can be recomputed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow_mlops_provider.records.moments import require_moment
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a job measured, how it judged, and on what.

    :param kind: which check it is.
    :param created_at: ISO 8601, UTC.
    :param inputs: every dataset that was read, by role (``reference``, ``current``, ``dataset``), pinned.
    :param report: the measured numbers, as plain JSON of the topic's report record.
    :param policy: the limits that were applied, as plain JSON of the topic's policy.
    :param verdict: the judgement.
    :param dataset: as in the Outcome.
    :param model: as in the Outcome.
    :param origin: who asked: ``dag_id``, ``run_id``, ``task_id``, ``try_number`` under Airflow; empty elsewhere.
    :param versions: Python and package versions that computed the report.
    :param attachments: things to look at (HTML reports, charts), name to URI.
    :param details: what else the topic records: the model's declaration, trainer hash, git commit, record number.
    """

    kind: Kind
    created_at: str
    inputs: dict[str, DatasetRef] = field(default_factory=dict)
    report: Any = None
    policy: Any = None
    verdict: Verdict
    dataset: DatasetRef | None = None
    model: ModelRef | None = None
    origin: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    attachments: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    schema: int = 1

    def __post_init__(self) -> None:
        require_moment(self.created_at, key="created_at")
