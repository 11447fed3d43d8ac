"""What each feature is worth to a model."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_mlops_provider.pages.charts.intervals import Line, Reference, interval_chart
from airflow_mlops_provider.pages.charts.theme import Spec
from airflow_mlops_provider.records.reports.training import Importance

MAX_FEATURES = 30
"""More features than this are left out, the least important first."""


def importance_chart(importance: Sequence[Importance]) -> Spec:
    """How much the deciding metric loses when a feature is shuffled, with its standard deviation.

    :param importance: of at least one feature, the greatest loss first.
    """
    lines = [
        Line(
            label=each.feature,
            value=each.mean,
            low=each.mean - each.std,
            high=each.mean + each.std,
            text=f"{each.mean:.3g} ± {each.std:.2g}",
        )
        for each in importance[:MAX_FEATURES]
    ]
    return interval_chart(
        lines,
        reference=Reference(value=0.0, text="no loss"),
        title="Permutation importance on held-out rows",
        axis_title="loss of the deciding metric when the feature is shuffled",
    )
