"""Rules that are a query of their own: business rules on the whole table."""

from __future__ import annotations

import math
from typing import Any

from airflow_mlops_provider.analysis.validation.custom_sql import batch_query
from airflow_mlops_provider.analysis.validation.sql_checks import Conclusion, QueryCheck
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.rules import Limits, Rule


def query_check(rule: Rule) -> QueryCheck:
    """Return the rule as a query of one value.

    :raises BadInputError: when its limits are invalid.
    """
    if rule.type == "unexpected_rows_expectation":
        query = f"SELECT count(*) FROM ({batch_query(rule.kwargs['unexpected_rows_query']).rstrip().rstrip(';')})"
        return QueryCheck(rule=rule, query=query, conclude=_no_rows)
    limits = decode(Limits, rule.kwargs["limits"], where=f"{rule.source}: limits")
    return QueryCheck(rule=rule, query=batch_query(rule.kwargs["query"]), conclude=lambda value: _within(value, limits))


def _no_rows(count: Any) -> Conclusion:
    return Conclusion(success=count == 0, result={"observed_value": count}, observed=float(count))


def _within(value: Any, limits: Limits) -> Conclusion:
    try:
        observed = float(value)
    except (TypeError, ValueError):
        return Conclusion(success=False, result={"observed_value": None}, problem="its query gives no number")
    if not math.isfinite(observed):
        return Conclusion(success=False, result={"observed_value": None}, problem=f"its query gives {observed}")
    return Conclusion(success=limits.holds(observed), result={"observed_value": observed}, observed=observed)
