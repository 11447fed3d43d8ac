"""When a candidate is better than the champion."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_mlops_provider.records.policies.gate import GateLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPolicy(GateLimits):
    """When a candidate is better than the champion.

    The candidate passes when the lower one-sided bound of its gain over the champion on the same rows is above
    ``-margin`` and the gain itself is above 0; and, champion or not, when it beats a dummy beyond chance.

    :param margin: how much worse the candidate may truly be, in units of the metric (0.005 is half a point).
    :param superiority: ask for a lower bound above 0 instead: for models whose swap is costly.
    :param confidence: of each one-sided bound.
    :param min_rows: below this many rows, a gain whose interval contains 0 is ``insufficient_evidence``, not a fail.
    :param required: which evidence a promotion asks for; an evaluation ignores it, so that one block of policy
        serves both steps.
    :param max_p99_latency_ms: limit on the 99th percentile of single-row latency; no limit by default.
    :param challengers: how many candidates are judged on the same test set; each is held to ``alpha / challengers``.
    :param allow_unasked_champion: whether a candidate may be promoted on the comparison with a dummy alone when the
        champion could not be asked: its version is lost, or it needs a column that the data have no more. Otherwise
        that is insufficient evidence.
    :param max_champion_overlap: the largest share of the rows that the champion may have been trained on, half of them
        by default; beyond it their comparison is insufficient evidence, and any overlap is a notice.
    :param guards: metric name to its limits, in place of those that the model declares for this metric.
    :param allow_undecided_guards: whether a metric whose interval contains its limit is a notice when its value is
        within the limit. Otherwise, and beyond the limit, that is insufficient evidence.
    :raises BadInputError: when a value is out of range, naming the key.
    """

    @property
    def alpha(self) -> float:
        """The one-sided level of each bound, shared over the challengers of one test set."""
        return (1 - self.confidence) / self.challengers
