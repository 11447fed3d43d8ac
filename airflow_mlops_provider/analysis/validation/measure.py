"""Check a batch against its rules: plan, scan, run Great Expectations for other rules, and find the failing rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import pyarrow as pa

from airflow_mlops_provider.analysis.validation.batch import Batch, duckdb_message
from airflow_mlops_provider.analysis.validation.check_time import depends_on_check_time
from airflow_mlops_provider.analysis.validation.failing_rows import FailingRows, find_failing_rows
from airflow_mlops_provider.analysis.validation.great_expectations_engine import (
    ExpectationResult,
    run_great_expectations,
)
from airflow_mlops_provider.analysis.validation.misfits import MISFIT, MisfitCells, misfit_result
from airflow_mlops_provider.analysis.validation.plan import Plan, make_plan
from airflow_mlops_provider.analysis.validation.pushdown.counting import Counted
from airflow_mlops_provider.analysis.validation.result_format import (
    HiddenColumns,
    conclusion_result,
    expectation_result,
    query_result,
    row_result,
)
from airflow_mlops_provider.analysis.validation.rule_bitmask import BrokenRows, mark_broken_rows
from airflow_mlops_provider.analysis.validation.sample_rows import Sample, take_samples
from airflow_mlops_provider.analysis.validation.scan import Scanned, require_binds, scan
from airflow_mlops_provider.analysis.validation.sql_checks import Conclusion, RowCheck, TableCheck
from airflow_mlops_provider.analysis.validation.sql_columns import Column, columns_of
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.validation import RuleResult, ValidationReport
from airflow_mlops_provider.records.rules import Engine, Rule, Scope

_STATISTICS = ("z_score", "quantile", "kl_divergence", "mean", "stdev", "median", "sum_to", "skew", "kurtosis")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The batch to check.

    :param schema: columns and types of the rows.
    :param batches: returns the rows, in order, at each call.
    :param frame: returns some columns, or all for ``None``, as a pandas frame; called only for rules outside the scan.
    :param files: the same rows as local Parquet files, in order; empty when there are none.
    :param name: name of the batch in errors, such as its URI.
    :param misfits: cells that are not of the declared type of their column; ``batches`` has them as missing values.
    :param counted: what a database counted over all rows, where ``batches`` are only those that break a rule.
    """

    schema: pa.Schema
    batches: Callable[[], Iterator[pa.RecordBatch]]
    frame: Callable[[Sequence[str] | None], Any]
    files: tuple[str, ...] = ()
    name: str = "the batch"
    misfits: tuple[MisfitCells, ...] = ()
    counted: Counted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A report, and the rows that break a failed rule.

    :param report: the results.
    :param failing: the rows, which can be read while the context of the measurement is open.
    """

    report: ValidationReport
    failing: FailingRows


@contextmanager
def measure_validation(
    source: Source,
    rules: Sequence[Rule],
    *,
    name: str = "suite",
    sensitive: Collection[str] = (),
    now: dt.datetime | None = None,
    unchecked: Sequence[str] = (),
) -> Iterator[Measurement]:
    """Check the rows of ``source`` against ``rules``.

    :param source: the batch.
    :param rules: the rules.
    :param name: name of the suite or contract.
    :param sensitive: columns whose values must not be in the report.
    :param now: the time of the check, for freshness and for ``now()`` in SQL; the current time by default.
    :param unchecked: declared statements that cannot be checked, for the report.
    :returns: a context manager of the measurement, whose rows can be read until the context ends.
    :raises BadInputError: when a rule is invalid or the data cannot be read; names it.
    """
    now = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
    plan = make_plan(rules, columns_of(source.schema), now=now)
    expectation_results = _run_great_expectations(plan, source, sensitive)
    expectation_results |= dict(enumerate(map(misfit_result, source.misfits), start=len(plan.rules)))
    plan.rules.extend(
        expectation_results[number].rule for number in range(len(plan.rules), len(plan.rules) + len(source.misfits))
    )
    extras = {f"unexpected_{number}": _positions(result) for number, result in expectation_results.items()}
    checks: list[RowCheck | TableCheck] = [*plan.rows.values(), *plan.tables.values()]
    for check in checks:
        extras |= check.tables
    try:
        with Batch(source.schema, files=source.files, batches=source.batches, extras=extras, now=now) as batch:
            measured = _measure(
                plan, batch, expectation_results, name=name, sensitive=sensitive, counted=source.counted
            )
            checked_at = now.isoformat() if any(map(depends_on_check_time, rules)) else None
            report = replace(measured.report, unchecked=tuple(unchecked), checked_at=checked_at)
            yield replace(measured, report=report)
    except duckdb.Error as error:
        # DuckDB's message may contain a value.
        reason = type(error).__name__ if sensitive else duckdb_message(error)
        raise BadInputError(f"{source.name} cannot be read: {reason}") from error


def _measure(
    plan: Plan,
    batch: Batch,
    expectation_results: dict[int, ExpectationResult],
    *,
    name: str,
    sensitive: Collection[str],
    counted: Counted | None = None,
) -> Measurement:
    scanned = scan(plan, batch, sensitive=sensitive)
    if counted is not None:
        scanned = counted.over(scanned, plan, sensitive=sensitive)
    hidden = HiddenColumns(columns=frozenset(sensitive))
    query_conclusions = {number: _run_query(plan, number, batch) for number in plan.queries}
    broken = mark_broken_rows(
        scanned, {n: len(result.unexpected_rows) for n, result in expectation_results.items()}, batch
    )
    samples = _samples(plan, scanned, broken, batch, sensitive)
    found = _EngineResults(
        plan=plan,
        scanned=scanned,
        samples=samples,
        expectation_results=expectation_results,
        query_conclusions=query_conclusions,
        hidden=hidden,
        columns=batch.columns,
    )
    results = tuple(found.result(number) for number in range(len(plan.rules)))
    failing = find_failing_rows(results, broken, batch)
    report = ValidationReport(
        name=name,
        rows=scanned.rows,
        failing_rows=failing.count,
        results=results,
        all_missing=tuple(sorted(c for c, count in scanned.present.items() if count == 0 and scanned.rows)),
        infinite=scanned.infinite,
        sensitive=tuple(sorted(sensitive)),
    )
    return Measurement(report=report, failing=failing)


def _samples(
    plan: Plan, scanned: Scanned, broken: BrokenRows, batch: Batch, sensitive: Collection[str]
) -> dict[int, Sample]:
    # Unexpected values that are missing, or that the rule tolerates, are not counted by value.
    counted = {
        number
        for number, count in scanned.counts.items()
        if "_null" not in plan.rules[number].type
        and not (count.unexpected and plan.rules[number].accepts(count.unexpected, count.considered))
    }
    return take_samples(plan.rows, broken, batch, hidden=sensitive, counted=counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class _EngineResults:
    """Results of all engines, by the position of the rule."""

    plan: Plan
    scanned: Scanned
    samples: dict[int, Sample]
    expectation_results: dict[int, ExpectationResult]
    query_conclusions: dict[int, Conclusion]
    hidden: HiddenColumns
    columns: Mapping[str, Column]

    def result(self, number: int) -> RuleResult:
        found = self._result(number)
        found = found if found.success or self.scanned.rows else self._of_column_without_type(found)
        return self._without_infinite_values(found) if number in self.expectation_results else found

    def _of_column_without_type(self, found: RuleResult) -> RuleResult:
        """Return success for a column without a type in an empty batch, as in a CSV file with a header only."""
        untyped = any(name in self.columns and pa.types.is_null(self.columns[name].type) for name in found.rule.columns)
        there = all(name in self.columns for name in found.rule.columns)
        if not (untyped and there):
            return found
        counted = {"element_count": 0, "unexpected_count": 0}
        scope, engine = Scope.ROW, Engine.SCAN
        return RuleResult(
            rule=found.rule, scope=scope, engine=engine, success=True, result=counted, considered=0, unexpected=0
        )

    def _without_infinite_values(self, found: RuleResult) -> RuleResult:
        """Return a failure when Great Expectations computed a statistic that includes infinite values."""
        if not any(word in found.rule.type for word in _STATISTICS):
            return found
        infinite = [name for name in found.rule.columns if name in self.scanned.infinite]
        if not infinite:
            return found
        problem = f"column {infinite[0]!r} holds {self.scanned.infinite[infinite[0]]} infinite value(s)"
        table = replace(found, scope=Scope.TABLE, success=False, result={"observed_value": None}, problem=problem)
        return replace(table, considered=None, unexpected=None, observed=None)

    def _result(self, number: int) -> RuleResult:
        rule = self.plan.rules[number]
        if number in self.plan.unfit:
            problem = self.plan.unfit[number]
            return RuleResult(rule=rule, scope=Scope.TABLE, engine=Engine.SCAN, success=False, problem=problem)
        if number in self.expectation_results:
            if rule.type == MISFIT:
                return replace(expectation_result(self.expectation_results[number], self.hidden), engine=Engine.SCAN)
            return expectation_result(self.expectation_results[number], self.hidden)
        if number in self.query_conclusions:
            return query_result(rule, self.query_conclusions[number], self.hidden, self.columns)
        if number in self.plan.tables:
            return conclusion_result(rule, self.scanned.conclusions[number], self.hidden)
        return row_result(rule, self.scanned.counts[number], self.samples[number], self.scanned.ranges)


def _run_query(plan: Plan, number: int, batch: Batch) -> Conclusion:
    check = plan.queries[number]
    require_binds(check.rule, check.query, batch)
    try:
        found = batch.row(check.query)
    except (duckdb.OperationalError, duckdb.InterruptException):  # caused by a file or the machine, not by a value
        raise
    except duckdb.Error:
        # The query is valid, because it was bound before. DuckDB's message would contain the value.
        return Conclusion(success=False, problem="its query meets a value that it cannot convert or compute with")
    if len(found) != 1:
        raise BadInputError(f"{check.rule.source}: {check.rule.type}: its query must give one value")
    return check.conclude(found[0])


def _run_great_expectations(plan: Plan, source: Source, sensitive: Collection[str]) -> dict[int, ExpectationResult]:
    if not plan.others:
        return {}
    rules = list(plan.others.values())
    # A row condition in text may read any column.
    free = any(not rule.columns or isinstance(rule.kwargs.get("row_condition"), str) for rule in rules)
    wanted = (
        None if free else sorted({name for rule in rules for name in rule.columns} | _columns_of_row_conditions(rules))
    )
    expectation_results = run_great_expectations(rules, source.frame(wanted), sensitive=tuple(sensitive))
    return dict(zip(plan.others, expectation_results, strict=True))


def _columns_of_row_conditions(rules: Sequence[Rule]) -> set[str]:
    found: set[str] = set()

    def walk(condition: Any) -> None:
        if isinstance(condition, dict):
            named = condition.get("column")
            if named is not None:
                found.add(named["name"] if isinstance(named, dict) else str(named))
            for part in condition.get("conditions") or ():
                walk(part)

    for rule in rules:
        walk(rule.kwargs.get("row_condition"))
    return found


def _positions(result: ExpectationResult) -> pa.Table:
    return pa.table({"mlops_position": pa.array(sorted(set(result.unexpected_rows)), pa.int64())})
