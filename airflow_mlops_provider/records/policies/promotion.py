"""What a promotion asks for."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.policies.gate import GateLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionPolicy(GateLimits):
    """The limits of a promotion.

    :param margin: how much worse than the champion the candidate may plausibly be, in units of the deciding metric.
    :param superiority: the candidate must be plausibly better, not just no worse; for swaps that are costly.
    :param confidence: one-sided, of the bound that is held against the margin.
    :param min_rows: below this, an undecided comparison is insufficient evidence.
    :param required: kinds of evidence that must be there.
    :param max_p99_latency_ms: limit on the 99th percentile of the time of one prediction; ``None`` for no limit.
    :param challengers: how many candidates share one test set; the larger of this and the evaluation's own counts.
    :param allow_unasked_champion: whether a candidate may be promoted on the comparison with a dummy alone when the
        champion could not be asked: its version is lost, or it needs a column that the data have no more. Otherwise
        that is insufficient evidence.
    :param max_champion_overlap: the largest share of the rows that the champion may have been trained on, half of them
        by default; beyond it their comparison is insufficient evidence, and any overlap is a notice.
    :param guards: metric name to its limits, in place of those that the model declares for this metric.
    :param allow_undecided_guards: whether a metric whose interval contains its limit is a notice when its value is
        within the limit. Otherwise, and beyond the limit, that is insufficient evidence.
    :param tolerate_insufficient: kinds whose insufficient evidence is accepted, and recorded as a notice. Meant for
        small data, where some slices can never be judged; ``evaluation`` cannot be named here.
    :raises BadInputError: for a value out of range or an unknown kind, naming the key.
    """

    tolerate_insufficient: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        GateLimits.__post_init__(self)
        for key in ("required", "tolerate_insufficient"):
            unknown = [kind for kind in getattr(self, key) if kind not in tuple(Kind)]
            if unknown:
                raise BadInputError(
                    f"promotion policy: {key!r} names {unknown[0]!r}; kinds of evidence are {', '.join(Kind)}"
                )
        if Kind.EVALUATION in self.tolerate_insufficient:
            raise BadInputError("promotion policy: 'tolerate_insufficient' cannot name 'evaluation': it decides")
