"""A table whose rules its database counts: its numbers, and the rows that break a rule."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from airflow_mlops_provider.analysis.validation import Source, measure_validation
from airflow_mlops_provider.analysis.validation.plan import make_plan
from airflow_mlops_provider.analysis.validation.pushdown.counting import NAME, Counted, Pushdown, pushdown_of
from airflow_mlops_provider.analysis.validation.sql_columns import columns_of
from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.validation import RuleResult, ValidationReport
from airflow_mlops_provider.records.rules import Rule
from airflow_mlops_provider.records.table_source import TableSource, is_table_uri, table_source
from airflow_mlops_provider.stores.datasets.tables.compared_alike import DIALECTS, compared_alike
from airflow_mlops_provider.stores.datasets.tables.sessions import reading_session, rows_in, rows_of
from airflow_mlops_provider.stores.datasets.tables.statements import quoted, select_rows
from airflow_mlops_provider.stores.datasets.tables.table_dataset import TableDataset, open_table


@dataclass(frozen=True, kw_only=True)
class PushedTable:
    """What was fetched of a table.

    :param data: the rows that break a rule; all rows where ``counted`` is ``None``.
    :param counted: what the database counted.
    :param left: positions of the rules that need all values of some columns.
    :param columns: those columns, of all rows; ``None`` without such a rule.
    :param now: the time of the check.
    """

    data: TableDataset
    counted: Counted | None
    left: tuple[int, ...]
    columns: TableDataset | None
    now: dt.datetime

    @property
    def ref(self) -> DatasetRef:
        """The table: without a fingerprint where its rows were counted and not read."""
        if self.counted is None:
            return self.data.ref
        return replace(self.data.ref, rows=self.counted.rows, fingerprint=None, identified_by=None)

    def counted_rules(self, rules: Sequence[Rule]) -> list[Rule]:
        """The rules that the database counted."""
        return [rule for number, rule in enumerate(rules) if number not in self.left]

    def completed(
        self, report: ValidationReport, rules: Sequence[Rule], *, name: str, sensitive: set[str]
    ) -> ValidationReport:
        """The report with the results of the rules that needed all values of some columns, in the order of all."""
        if self.columns is None:
            return report
        data = self.columns
        source = Source(schema=data.schema, batches=data.batches, frame=data.frame, name=data.uri)
        rest = [rules[number] for number in self.left]
        with measure_validation(source, rest, name=name, sensitive=sensitive, now=self.now) as measured:
            found = measured.report
        counted, fetched = iter(report.results), iter(found.results)
        results: tuple[RuleResult, ...] = tuple(
            next(fetched if number in self.left else counted) for number in range(len(rules))
        )
        return replace(report, results=results, checked_at=report.checked_at or found.checked_at)


def is_pushed_down(ref: DatasetRef) -> bool:
    """Whether a dataset is a table whose reference asks its database to count, and pins no rows that must be read."""
    return is_table_uri(ref.uri) and table_source(ref.uri).pushdown and ref.fingerprint is None


def open_pushed(ref: DatasetRef, rules: Sequence[Rule], *, outputs: Mapping[str, str | None]) -> PushedTable:
    """Let the database of a table count, and fetch the rows that break a rule; all rows where a rule needs them.

    Everything is read in one transaction.

    :param outputs: ``clean_uri`` and ``quarantine_uri`` of the spec; clean rows are not fetched.
    :raises BadInputError: for a database that is not known to count as the scan does, or with a place for clean rows.
    :raises BackendError: when the extra is not installed, or the database cannot be reached.
    """
    if any(uri is not None and is_table_uri(uri) for uri in outputs.values()):
        raise BadInputError(f"dataset {ref.uri}: with 'pushdown' the key 'quarantine_uri' names a file, not a table")
    if outputs.get("clean_uri") is not None:
        raise BadInputError(
            f"dataset {ref.uri}: 'pushdown' leaves the clean rows in the database; give it or 'clean_uri', not both"
        )
    _require_ibis(ref)
    source, now = table_source(ref.uri), dt.datetime.now(dt.UTC)
    with reading_session(source) as (session, address):
        dialect = DIALECTS.get(address.kind)
        if dialect is None or "+" in address.parts.scheme:
            raise BadInputError(
                f"dataset {ref.uri}: 'pushdown' is for PostgreSQL and DuckDB, and this is {address.kind}: leave it out"
            )
        run = partial(rows_of, session, source=source, address=address)
        found = _planned(run, source, rules, dialect=dialect, now=now)
        if found is None:
            return PushedTable(
                data=open_table(ref, rows_in(session, source, address)), counted=None, left=(), columns=None, now=now
            )
        counts, failing = (_of_rows(source, each) for each in found.statements(dialect))
        values = next(row for batch in run(counts) for row in batch.to_pylist())
        return PushedTable(
            data=open_table(ref, run(failing)),
            counted=Counted(values=values),
            left=found.left,
            columns=_columns(run, ref, [rules[number] for number in found.left]),
            now=now,
        )


def _planned(
    run: Any, source: TableSource, rules: Sequence[Rule], *, dialect: str, now: dt.datetime
) -> Pushdown | None:
    rows = select_rows(source)
    none = f"SELECT * FROM ({rows}\n) r WHERE 1 = 0"  # noqa: S608  # the user's own SELECT
    schema = next(batch.schema for batch in run(none))
    allowed = compared_alike(run, schema, dialect=dialect, rows=rows)
    return pushdown_of(make_plan(rules, columns_of(schema), now=now), schema, allowed=allowed)


def _of_rows(source: TableSource, statement: str) -> str:
    """A statement about the rows of a dataset, which it calls :data:`NAME`."""
    rest = f", {statement[4:]}" if statement.startswith("WITH") else statement
    return f'WITH "{NAME}" AS ({select_rows(source)}\n) {rest}'


def _columns(run: Any, ref: DatasetRef, rules: Sequence[Rule]) -> TableDataset | None:
    """All values of the columns that some rules read."""
    if not rules:
        return None
    source = table_source(ref.uri)
    names = ", ".join(quoted(name) for name in dict.fromkeys(name for rule in rules for name in rule.columns))
    statement = f"SELECT {names} FROM ({select_rows(source)}\n) r"  # noqa: S608  # quoted names
    return open_table(DatasetRef(uri=replace(source, key=()).uri), run(statement))


def _require_ibis(ref: DatasetRef) -> None:
    try:
        import ibis  # noqa: F401  # asked for once, before anything is read
    except ImportError as error:
        raise BackendError(
            f"dataset {ref.uri}: 'pushdown' needs ibis: pip install 'airflow-mlops-provider[pushdown]'"
        ) from error
