"""The metrics that a model declares."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, cast

from airflow_mlops_provider.analysis.evaluation.metrics import METRICS, Metric, find_metric
from airflow_mlops_provider.analysis.evaluation.own_metrics import metric_of_cells, metric_of_function
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.metric_limits import MetricLimits
from airflow_mlops_provider.records.model_spec import ModelSpec, Task

FindFunction = Callable[[str], Callable[..., Any]]
"""Returns the function that ``module:function`` names."""


def imported_function(name: str) -> Callable[..., Any]:
    """Return the function that ``module:function`` names, from a module that Python finds in this process.

    :raises BadInputError: when there is no such module or function.
    """
    module, _, function = name.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), function, None)
    except ImportError as error:
        raise BadInputError(f"metric function {name!r}: {error}") from error
    if not callable(found):
        raise BadInputError(f"metric function {name!r}: module {module!r} has no function {function!r}")
    return cast("Callable[..., Any]", found)


def metrics_of(spec: ModelSpec, find_function: FindFunction = imported_function) -> tuple[Metric, ...]:
    """Return the metrics that ``spec`` declares, the deciding one first; raises as :func:`metric_of`."""
    return tuple(metric_of(spec, name, find_function=find_function) for name in spec.metrics)


def metric_of(
    spec: ModelSpec,
    name: str | None = None,
    among: Mapping[str, Metric] = METRICS,
    *,
    find_function: FindFunction = imported_function,
) -> Metric:
    """Return the metric called ``name``, as the model declares it.

    :param spec: the declaration of the model.
    :param name: name of the metric; the model's deciding one by default.
    :param among: known metrics by name.
    :param find_function: finds the functions of metrics that the model brings along.
    :raises BadInputError: when the metric is unknown or for another task, or its direction or a limit does not fit it.
    """
    name = name or spec.deciding_metric
    declared = spec.limits_of(name)
    metric = _own_metric(spec, name, declared, find_function) or find_metric(name, among)
    if metric.task is not spec.task:
        raise BadInputError(f"model {spec.name}: metric {metric.name!r} is for {metric.task}, the task is {spec.task}")
    if declared.direction not in (None, metric.direction):
        raise BadInputError(f"model {spec.name}: metric {metric.name!r} is better when {metric.direction}")
    declared.require_fit(f"metric {metric.name} of model {spec.name}", metric.direction)
    return metric


def _own_metric(spec: ModelSpec, name: str, declared: MetricLimits, find_function: FindFunction) -> Metric | None:
    if declared.cell_values is None and declared.function is None:
        return None
    if name in METRICS:
        raise BadInputError(f"model {spec.name}: metric {name!r} is a known one; give your own another name")
    assert declared.direction is not None  # noqa: S101  # limits with either of the two have one
    if declared.function is not None:
        return metric_of_function(name, find_function(declared.function), declared.direction, spec.task)
    if spec.task is not Task.CLASSIFICATION:
        raise BadInputError(f"model {spec.name}: 'cell_values' of {name!r} are for classification")
    return metric_of_cells(name, declared.cell_values or {}, declared.direction)
