"""Merge the reports of parts of one dataset into the report of the whole, where the numbers of the parts add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from airflow_mlops_provider.analysis.validation.misfits import MISFIT
from airflow_mlops_provider.analysis.validation.result_format import count_result
from airflow_mlops_provider.analysis.validation.sample_rows import SAMPLES
from airflow_mlops_provider.analysis.validation.table_checks import SCHEMA_RULES, conclude_row_count, within
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import digest
from airflow_mlops_provider.records.reports.validation import RuleResult, ValidationReport
from airflow_mlops_provider.records.rules import Engine, Scope

_COMPARES_ROWS = ("unique", "increasing", "decreasing", "z_score", "outlier")
"""Parts of the types of row rules that compare a row with the other rows."""
_EXACT = 2**53


def merge_validations(parts: Sequence[ValidationReport]) -> ValidationReport:
    """Merge the reports of parts into the report that a validation of all rows together would give.

    Examples of unexpected rows are those of the first parts; their most frequent values are left out.

    :param parts: reports of parts of one dataset, in the order of the rows, made with the same rules; at least one.
    :raises BadInputError: when the parts were held to other rules, or a rule does not add up; names the rule.
    """
    keys = _rules_of(parts)
    results = tuple(_merged([_result(part, key) for part in parts], parts) for key in keys)
    infinite: Counter[str] = Counter()
    for part in parts:
        infinite.update(part.infinite)
    return ValidationReport(
        name=parts[0].name,
        rows=sum(part.rows for part in parts),
        failing_rows=sum(part.failing_rows for part in parts),
        results=results,
        all_missing=_all_missing(parts),
        infinite=dict(infinite),
        sensitive=parts[0].sensitive,
        unchecked=parts[0].unchecked,
        checked_at=max((part.checked_at for part in parts if part.checked_at), default=None),
    )


def _key(result: RuleResult) -> str:
    return digest([result.rule.type, result.rule.kwargs, result.rule.severity])


def _rules_of(parts: Sequence[ValidationReport]) -> list[str]:
    """The rules of all parts, in order. Only parts with cells of another type have the rule on them."""
    keys: dict[str, None] = {}
    for part in parts:
        keys |= dict.fromkeys(map(_key, part.results))
        own = [_key(result) for result in part.results if result.rule.type != MISFIT]
        if own != [_key(result) for result in parts[0].results if result.rule.type != MISFIT]:
            raise BadInputError(
                f"{part.name} and {parts[0].name} hold other rules, so that their reports do not add up"
            )
    return list(keys)


def _result(part: ValidationReport, key: str) -> RuleResult | None:
    return next((result for result in part.results if _key(result) == key), None)


def _all_missing(parts: Sequence[ValidationReport]) -> tuple[str, ...]:
    """Columns without a value in every part that has rows."""
    found = [set(part.all_missing) for part in parts if part.rows]
    return tuple(sorted(set.intersection(*found))) if found else ()


def _merged(found: Sequence[RuleResult | None], parts: Sequence[ValidationReport]) -> RuleResult:
    starts = [sum(part.rows for part in parts[:number]) for number in range(len(parts))]
    # A part without rows says nothing of a column, unless all are without.
    are_empty = not any(part.rows for part in parts)
    measured = [
        (result, part.rows, start)
        for result, part, start in zip(found, parts, starts, strict=True)
        if result is not None and (part.rows or are_empty)
    ]
    results = [result for result, _, _ in measured]
    wrong = next((result for result in results if result.problem), None)
    if wrong is not None:
        return wrong
    if all(result.unexpected is not None for result in results):
        return _merged_counts([(result, start) for result, _, start in measured])
    merge = _TABLE_RULES.get(results[0].rule.type)
    if merge is None or results[0].engine is not Engine.SCAN:
        raise _does_not_add_up(results[0])
    return merge(results, [rows for _, rows, _ in measured])


def _does_not_add_up(result: RuleResult, why: str = "") -> BadInputError:
    return BadInputError(
        f"{result.rule.source}: {result.rule.type} on {result.rule.subject} does not add up over parts{why}; "
        "validate all rows in one task, or leave the rule out"
    )


def _merged_counts(found: Sequence[tuple[RuleResult, int]]) -> RuleResult:
    """A row rule, whose counts of rows add up."""
    first = found[0][0]
    if any(word in first.rule.type for word in _COMPARES_ROWS):
        raise _does_not_add_up(first, ", because it compares rows of different parts")
    considered = sum(result.considered or 0 for result, _ in found)
    unexpected = sum(result.unexpected or 0 for result, _ in found)
    success = first.rule.type != MISFIT and first.rule.accepts(unexpected, considered)
    if any(result.unexpected and result.success is not success for result, _ in found):
        # Each part set its rows aside, or kept them, by a share of its own.
        raise _does_not_add_up(first, ", because it is met in some of them and not in others")
    in_scope = sum(int(result.result.get("element_count") or 0) for result, _ in found)
    return replace(
        first,
        scope=Scope.ROW if first.rule.sets_rows_aside else Scope.TABLE,
        success=success,
        result=count_result(first.rule, in_scope=in_scope, considered=considered, unexpected=unexpected)
        | _examples(found),
        considered=considered,
        unexpected=unexpected,
        observed_min=_extreme(min, [result.observed_min for result, _ in found]),
        observed_max=_extreme(max, [result.observed_max for result, _ in found]),
    )


def _examples(found: Sequence[tuple[RuleResult, int]]) -> dict[str, Any]:
    rows = [row + start for result, start in found for row in result.result.get("partial_unexpected_index_list", ())]
    values = [result.result.get("partial_unexpected_list") for result, _ in found]
    examples: dict[str, Any] = {"partial_unexpected_index_list": rows[:SAMPLES]}
    if all(value is not None for value in values):
        examples["partial_unexpected_list"] = [each for value in values for each in value or ()][:SAMPLES]
    return examples


def _extreme(choose: Callable[..., Any], values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    return choose(known) if known else None


def _row_count(results: Sequence[RuleResult], rows: Sequence[int]) -> RuleResult:  # noqa: ARG001  # as its siblings
    total = sum(int(result.result["observed_value"]) for result in results)
    found = conclude_row_count(results[0].rule, total)
    return replace(results[0], success=found.success, result=found.result, observed=found.observed)


def _schema(results: Sequence[RuleResult], rows: Sequence[int]) -> RuleResult:  # noqa: ARG001
    """A rule on columns and types: it must be met in every part."""
    return next((result for result in results if not result.success), results[0])


def _of_extreme(choose: Callable[..., RuleResult]) -> Callable[[Sequence[RuleResult], Sequence[int]], RuleResult]:
    """A rule on the smallest or largest value: that of the part which has it."""

    def merge(results: Sequence[RuleResult], rows: Sequence[int]) -> RuleResult:  # noqa: ARG001
        if any("observed_value" not in result.result for result in results):
            raise _does_not_add_up(results[0], ", because its values are hidden")
        known = [result for result in results if result.result["observed_value"] is not None]
        return choose(known, key=lambda result: result.result["observed_value"]) if known else results[0]

    return merge


def _sum(results: Sequence[RuleResult], rows: Sequence[int]) -> RuleResult:  # noqa: ARG001
    known = [result.observed for result in results if result.observed is not None]
    total = sum(known)
    if any(not value.is_integer() for value in known) or abs(total) >= _EXACT:
        raise _does_not_add_up(results[0], ", because sums of rounded numbers are not exact")
    if not known:
        return results[0]
    return replace(
        results[0],
        success=within(total, results[0].rule.kwargs),
        result={"observed_value": total},
        observed=float(total),
    )


def _present_share(results: Sequence[RuleResult], rows: Sequence[int]) -> RuleResult:
    if results[0].rule.kwargs.get("row_condition"):
        raise _does_not_add_up(results[0], ", because it has a row condition")
    present = sum(round((result.observed or 0.0) * count) for result, count in zip(results, rows, strict=True))
    share = present / sum(rows) if sum(rows) else 0
    return replace(
        results[0],
        success=within(share, results[0].rule.kwargs),
        result={"observed_value": share},
        observed=float(share),
    )


def _worst(results: Sequence[RuleResult], rows: Sequence[int]) -> RuleResult:  # noqa: ARG001
    """A rule that no value may break: the part with the most values that do."""
    return max(results, key=lambda result: result.observed or 0.0)


_TABLE_RULES: dict[str, Callable[[Sequence[RuleResult], Sequence[int]], RuleResult]] = {
    **dict.fromkeys(SCHEMA_RULES, _schema),
    "expect_table_row_count_to_be_between": _row_count,
    "expect_table_row_count_to_equal": _row_count,
    "expect_column_min_to_be_between": _of_extreme(min),
    "expect_column_max_to_be_between": _of_extreme(max),
    "expect_column_to_be_fresh": _of_extreme(max),
    "expect_column_sum_to_be_between": _sum,
    "expect_column_proportion_of_non_null_values_to_be_between": _present_share,
    "expect_column_distinct_values_to_be_in_set": _worst,
}
"""How a table rule is merged; the others do not add up."""
