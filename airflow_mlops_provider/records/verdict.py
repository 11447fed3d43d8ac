"""A verdict is a status plus the findings that led to it: which number against which limit."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from airflow_mlops_provider.exceptions import MLOpsError


class Status(StrEnum):
    """What a check found. ``insufficient_evidence`` is never shown or counted as a pass."""

    PASS = "pass"  # noqa: S105  # a status, not a password
    NOTICE = "notice"
    FAIL = "fail"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"

    @property
    def severity(self) -> int:
        """Rank from 0 (pass) to 3 (fail); a verdict is the worst of its findings."""
        return _SEVERITY[self]


_SEVERITY = {
    Status.PASS: 0,
    Status.NOTICE: 1,
    Status.INSUFFICIENT_EVIDENCE: 2,
    Status.FAIL: 3,
}


def worst(statuses: Iterable[Status]) -> Status:
    """The worst status in the order fail, insufficient_evidence, notice, pass.

    :param statuses: any number of statuses; none at all is ``insufficient_evidence``, because nothing was checked.
    """
    return max(statuses, key=lambda status: status.severity, default=Status.INSUFFICIENT_EVIDENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One number held against one limit.

    :param subject: what was looked at: a column, a rule, a slice such as ``race=Hispanic & sex=f``.
    :param measure: which number, in snake case with its unit or direction in the name: ``ks_d``, ``p99_latency_ms``.
    :param observed: the number; ``None`` when there is none, which is never a pass.
    :param limit: the limit it was held against; ``None`` when there is none.
    :param p_value: of the test behind it, unadjusted unless ``detail`` says otherwise; ``None`` without a test.
    :param status: what this finding alone amounts to.
    :param detail: one sentence for a person; empty when the numbers say it all.
    :raises MLOpsError: when a number is NaN or infinite (NaN compares false and would pass every limit),
        or when a pass carries no observed number.
    """

    subject: str
    measure: str
    observed: float | None
    limit: float | None = None
    p_value: float | None = None
    status: Status
    detail: str = ""

    def __post_init__(self) -> None:
        for name in ("observed", "limit", "p_value"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise MLOpsError(f"finding {self.subject}/{self.measure}: {name} is {value}, not a number to judge by")
        if self.observed is None and self.status is Status.PASS:
            raise MLOpsError(f"finding {self.subject}/{self.measure}: a pass needs an observed number")

    @property
    def is_within_chance(self) -> bool:
        """Whether the number is beyond its limit and passes because that may well be chance."""
        if self.status is not Status.PASS or self.observed is None or self.limit is None or self.p_value is None:
            return False
        is_floor = self.measure.endswith("_ratio_to_rest")
        return self.observed < self.limit if is_floor else self.observed >= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The judgement of one check.

    :param status: the worst of the findings.
    :param summary: for a person, with the number that decided: at most 120 characters and two clauses.
    :param findings: the numbers and their limits, worst first.
    """

    status: Status
    summary: str
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        expected = worst(finding.status for finding in self.findings)
        if self.status.severity < expected.severity:
            raise MLOpsError(f"verdict {self.status} is milder than its worst finding {expected}")

    @classmethod
    def of(cls, findings: Iterable[Finding], *, summary: str) -> Verdict:
        """The verdict whose status is the worst of ``findings``, which are sorted worst first (stable)."""
        ordered = tuple(sorted(findings, key=lambda finding: -finding.status.severity))
        return cls(status=worst(finding.status for finding in ordered), summary=summary, findings=ordered)

    def with_detail(self, *details: str) -> Verdict:
        """The verdict whose worst finding also says ``details``; itself without details or findings."""
        if not (any(details) and self.findings):
            return self
        worst_one, *others = self.findings
        detail = "; ".join(filter(None, [worst_one.detail, *details]))
        return replace(self, findings=(replace(worst_one, detail=detail), *others))

    def of_status(self, status: Status) -> tuple[Finding, ...]:
        """The findings of one status, in order."""
        return tuple(finding for finding in self.findings if finding.status is status)
