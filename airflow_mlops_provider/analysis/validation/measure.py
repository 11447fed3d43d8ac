"""Hold a batch to its rules: plan, scan, ask Great Expectations for the rest, and find the rows to set aside."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import pyarrow as pa

from airflow_mlops_provider.analysis.validation.batch import Batch, what_duckdb_says
from airflow_mlops_provider.analysis.validation.check_time import asks_for_time
from airflow_mlops_provider.analysis.validation.failing_rows import FailingRows, find_failing_rows
from airflow_mlops_provider.analysis.validation.great_expectations_engine import Answer, ask_great_expectations
from airflow_mlops_provider.analysis.validation.misfits import MISFIT, MisfitCells, misfit_answer
from airflow_mlops_provider.analysis.validation.plan import Plan, make_plan
from airflow_mlops_provider.analysis.validation.result_format import (
    Sensitive,
    conclusion_result,
    foreign_result,
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
    """Where the rows of a batch come from.

    :param schema: columns and types.
    :param batches: gives the rows, in order, each time it is called.
    :param frame: gives columns (all for ``None``) as a pandas frame; only asked for rules outside the scan.
    :param files: the same rows as local Parquet files, in order; empty when they are something else.
    :param name: what to call the batch in errors, such as its URI.
    :param misfits: cells that do not fit what their column is declared to hold; missing in ``batches``.
    """

    schema: pa.Schema
    batches: Callable[[], Iterator[pa.RecordBatch]]
    frame: Callable[[Sequence[str] | None], Any]
    files: tuple[str, ...] = ()
    name: str = "the batch"
    misfits: tuple[MisfitCells, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A report, and the rows that break a failed rule.

    :param report: the numbers.
    :param failing: the rows; readable while the measurement is open.
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
    """Hold the rows of ``source`` to ``rules``.

    :param source: the batch.
    :param rules: what to hold it to.
    :param name: of the suite or contract.
    :param sensitive: columns whose values appear nowhere in the report.
    :param now: the time of the check, for freshness and for ``now()`` in SQL; the present by default.
    :param unchecked: what was declared and cannot be checked, for the report.
    :returns: (as a context) the measurement; its rows can be read until the context ends.
    :raises BadInputError: when a rule is broken or the data cannot be read, naming it.
    """
    now = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
    plan = make_plan(rules, columns_of(source.schema), now=now)
    answers = _ask_others(plan, source, sensitive)
    answers |= dict(enumerate(map(misfit_answer, source.misfits), start=len(plan.rules)))
    plan.rules.extend(answers[number].rule for number in range(len(plan.rules), len(plan.rules) + len(source.misfits)))
    extras = {f"unexpected_{number}": _positions(answer) for number, answer in answers.items()}
    checks: list[RowCheck | TableCheck] = [*plan.rows.values(), *plan.tables.values()]
    for check in checks:
        extras |= check.tables
    try:
        with Batch(source.schema, files=source.files, batches=source.batches, extras=extras, now=now) as batch:
            measured = _measure(plan, batch, answers, name=name, sensitive=sensitive)
            checked_at = now.isoformat() if any(map(asks_for_time, rules)) else None
            report = replace(measured.report, unchecked=tuple(unchecked), checked_at=checked_at)
            yield replace(measured, report=report)
    except duckdb.Error as error:
        # The engine's own words may quote a value.
        told = type(error).__name__ if sensitive else what_duckdb_says(error)
        raise BadInputError(f"{source.name} cannot be read: {told}") from error


def _measure(
    plan: Plan, batch: Batch, answers: dict[int, Answer], *, name: str, sensitive: Collection[str]
) -> Measurement:
    scanned = scan(plan, batch, sensitive=sensitive)
    hidden = Sensitive(columns=frozenset(sensitive))
    asked = {number: _ask(plan, number, batch) for number in plan.queries}
    broken = mark_broken_rows(scanned, {n: len(answer.unexpected_rows) for n, answer in answers.items()}, batch)
    samples = _samples(plan, scanned, broken, batch, sensitive)
    found = _Found(
        plan=plan,
        scanned=scanned,
        samples=samples,
        answers=answers,
        asked=asked,
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
    # Values that are all missing, or tolerated, are not worth counting.
    counted = {
        number
        for number, count in scanned.counts.items()
        if "_null" not in plan.rules[number].type
        and not (count.unexpected and plan.rules[number].accepts(count.unexpected, count.considered))
    }
    return take_samples(plan.rows, broken, batch, hidden=sensitive, counted=counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What every way found, by the rule's position."""

    plan: Plan
    scanned: Scanned
    samples: dict[int, Sample]
    answers: dict[int, Answer]
    asked: dict[int, Conclusion]
    hidden: Sensitive
    columns: Mapping[str, Column]

    def result(self, number: int) -> RuleResult:
        found = self._result(number)
        found = found if found.success or self.scanned.rows else self._unseen(found)
        return self._of_finite(found) if number in self.answers else found

    def _unseen(self, found: RuleResult) -> RuleResult:
        """A column of an empty batch that has no type, as in a CSV file with a header alone, fits every rule."""
        untyped = any(name in self.columns and pa.types.is_null(self.columns[name].type) for name in found.rule.columns)
        there = all(name in self.columns for name in found.rule.columns)
        if not (untyped and there):
            return found
        counted = {"element_count": 0, "unexpected_count": 0}
        scope, engine = Scope.ROW, Engine.SCAN
        return RuleResult(
            rule=found.rule, scope=scope, engine=engine, success=True, result=counted, considered=0, unexpected=0
        )

    def _of_finite(self, found: RuleResult) -> RuleResult:
        """Great Expectations computes statistics of infinite values, and compares rows with them."""
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
        if number in self.answers:
            if rule.type == MISFIT:
                return replace(foreign_result(self.answers[number], self.hidden), engine=Engine.SCAN)
            return foreign_result(self.answers[number], self.hidden)
        if number in self.asked:
            return query_result(rule, self.asked[number], self.hidden, self.columns)
        if number in self.plan.tables:
            return conclusion_result(rule, self.scanned.conclusions[number], self.hidden)
        return row_result(rule, self.scanned.counts[number], self.samples[number], self.scanned.ranges)


def _ask(plan: Plan, number: int, batch: Batch) -> Conclusion:
    check = plan.queries[number]
    require_binds(check.rule, check.query, batch)
    try:
        found = batch.row(check.query)
    except (duckdb.OperationalError, duckdb.InterruptException):  # no value's fault: a file, or the machine
        raise
    except duckdb.Error:
        # The rule is sound, or it would not have bound; the engine's own words would quote the value.
        return Conclusion(success=False, problem="its query meets a value that it cannot convert or compute with")
    if len(found) != 1:
        raise BadInputError(f"{check.rule.source}: {check.rule.type}: its query must give one value")
    return check.conclude(found[0])


def _ask_others(plan: Plan, source: Source, sensitive: Collection[str]) -> dict[int, Answer]:
    if not plan.others:
        return {}
    rules = list(plan.others.values())
    # A row condition in text may name any column.
    free = any(not rule.columns or isinstance(rule.kwargs.get("row_condition"), str) for rule in rules)
    wanted = None if free else sorted({name for rule in rules for name in rule.columns} | _conditioned(rules))
    answers = ask_great_expectations(rules, source.frame(wanted), sensitive=tuple(sensitive))
    return dict(zip(plan.others, answers, strict=True))


def _conditioned(rules: Sequence[Rule]) -> set[str]:
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


def _positions(answer: Answer) -> pa.Table:
    return pa.table({"mlops_position": pa.array(sorted(set(answer.unexpected_rows)), pa.int64())})
