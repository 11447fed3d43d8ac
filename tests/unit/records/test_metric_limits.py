from __future__ import annotations

from typing import Any

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode, encode
from airflow_mlops_provider.records.metric_limits import Direction, MetricLimits
from airflow_mlops_provider.records.model_spec import ModelSpec

MODEL: dict[str, Any] = {
    "name": "wage",
    "task": "classification",
    "target": "high",
    "features": ["hours"],
    "trainer": "wage_model:build",
}


def spec(**metrics: Any) -> ModelSpec:
    return decode(ModelSpec, MODEL | {"metrics": metrics})


def test_a_metric_is_declared_by_its_direction_or_by_its_limits() -> None:
    declared = spec(accuracy="higher", recall={"min": 0.7, "max_drop": 0.02})
    assert declared.deciding_metric == "accuracy"
    assert declared.limits_of("accuracy") == MetricLimits(direction=Direction.HIGHER)
    assert declared.limits_of("recall") == MetricLimits(min=0.7, max_drop=0.02)
    assert decode(ModelSpec, encode(declared)) == declared


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("hgher", r"metrics.recall is 'hgher'; allowed are 'higher', 'lower'"),
        ({"mim": 0.7}, r"metrics.recall: unknown key 'mim'"),
        ({"max_drop": -0.1}, r"metric limit 'max_drop' is -0.1; it must be 0 or more"),
        ({"direction": "lower", "min": 0.7}, r"'min' of the metric: lower values are better, so give 'max'"),
        ({"function": "nothing"}, r"function 'nothing' is not 'module:function'"),
        ({"function": "a:b"}, r"'direction' of function a:b is missing"),
    ],
)
def test_what_cannot_be_a_limit_is_named_with_its_metric(declared: Any, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        spec(recall=declared)


def test_classes_of_cell_values_may_be_text_numbers_or_truth_values() -> None:
    declared = spec(money={"cell_values": {1: {1: 120, 0: -40}, 0: {1: -15, 0: 0}}})
    assert declared.limits_of("money").direction is Direction.HIGHER
    assert decode(ModelSpec, encode(declared)).digest == declared.digest
