"""A version trained again from its record, beside what was recorded."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.reports.training import Symmetry


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproducedMetric:
    """A held-out metric then and now; ``None`` where no fold could be judged."""

    name: str
    recorded: float | None
    again: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproductionReport:
    """One reproduction.

    :param model: the version that was trained again.
    :param trainer_unchanged: whether the trainer's file has the recorded SHA-256.
    :param changed_packages: package to ``recorded -> now``, of those whose versions differ.
    :param content_digest: recorded, of what was learnt.
    :param content_digest_again: of what was learnt now.
    :param probe: the new model on the recorded probe batch, against the recorded answers.
    :param metrics: held-out metrics then and now.
    :param seconds: that training again took.
    """

    model: ModelRef
    trainer_unchanged: bool
    changed_packages: dict[str, str] = field(default_factory=dict)
    content_digest: str | None
    content_digest_again: str
    probe: Symmetry | None = None
    metrics: tuple[ReproducedMetric, ...] = ()
    seconds: float
