"""Bias slices as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.policies.bias import BiasPolicy
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef


class BiasSliceOperator(JobOperator):
    """Measures every slice and intersection of slices against the rest of the rows.

    The task succeeds whatever the verdict: promotion decides.

    :param model: ``models:/name/version``, :class:`ModelRef` or the Outcome of a training task.
    :param dataset: the held-out rows, with labels: URI, :class:`DatasetRef` or an upstream Outcome.
    :param slices: columns to slice by.
    :param max_depth: how many columns an intersection may combine.
    :param metric: which metric is compared.
    :param policy: support, gap and significance that a finding needs, and critical slices with their own floor.
    """

    job = "bias"
    keys = ("model", "dataset", "slices", "max_depth", "metric", "policy")
    template_fields: Sequence[str] = ("model", "dataset", "slices", "evidence_root")

    def __init__(
        self,
        *,
        model: str | ModelRef | Any,
        dataset: str | DatasetRef | Any,
        slices: Sequence[Any],
        max_depth: int = 2,
        metric: str = "accuracy",
        policy: BiasPolicy = BiasPolicy(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.dataset = dataset
        self.slices = slices
        self.max_depth = max_depth
        self.metric = metric
        self.policy = policy
