"""What to say of data that were read at an older version than the one that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict, worst

FALLBACK = "fallback_revision"
"""Measure of the finding that a dataset was read at its fallback revision."""

_READERS = (
    Kind.VALIDATION,
    Kind.DRIFT,
    Kind.TRAINING,
    Kind.EVALUATION,
    Kind.BIAS,
    Kind.DECAY,
    Kind.PREDICTION,
    Kind.PROFILE,
)
"""Kinds that read the datasets that their evidence names; a decision only cites them."""


def note_fallbacks(kind: Kind, verdict: Verdict, inputs: Mapping[str, DatasetRef]) -> Verdict:
    """The verdict with a notice for every input that was read at its fallback revision.

    :param kind: of the evidence.
    :param inputs: the datasets of the evidence, by role.
    :returns: ``verdict`` itself when there is none.
    """
    findings = [_notice(role, ref.fallback) for role, ref in inputs.items() if ref.fallback]
    if not findings or kind not in _READERS:
        return verdict
    noted = Verdict.of([*verdict.findings, *findings], summary=verdict.summary)
    return replace(noted, status=worst((verdict.status, noted.status)))


def _notice(role: str, reason: str) -> Finding:
    detail = f"{role} is not the newest version: {reason}"
    return Finding(subject=role, measure=FALLBACK, observed=1.0, limit=0.0, status=Status.NOTICE, detail=detail)
