"""A batch of data inside DuckDB: read where it lies, larger than memory, and nothing else within reach of its SQL."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_mlops_provider.analysis.validation import regexes
from airflow_mlops_provider.analysis.validation.check_time import present_macros
from airflow_mlops_provider.analysis.validation.custom_sql import BATCH
from airflow_mlops_provider.analysis.validation.sql_columns import Column, columns_of, quote, text_literal
from airflow_mlops_provider.exceptions import BadInputError, one_line

ROW = "mlops_row_number"
SOURCE = "mlops_source"
_RESERVED = ("file_row_number", "file_index", "rowid", ROW)


class Batch:
    """The rows of one dataset as the table ``mlops_source``, which has a row number, and ``batch``, which has none.

    Parquet files on local disk are scanned in place, whichever columns a query names; anything else is streamed once
    into a table of DuckDB's, which spills to disk when it outgrows memory. SQL of rules can read the batch alone:
    other files and the network are out of its reach.

    :param schema: columns and types.
    :param files: local Parquet files in row order, or none.
    :param batches: gives the rows when there are no such files.
    :param extras: tables to have beside the batch, by name.
    :param now: the time of the check, which SQL knows as its present; the machine's clock by default.
    """

    def __init__(
        self,
        schema: pa.Schema,
        *,
        files: Sequence[str] = (),
        batches: Callable[[], Iterator[pa.RecordBatch]] | None = None,
        extras: dict[str, pa.Table] | None = None,
        now: dt.datetime | None = None,
    ) -> None:
        _refuse_twins(schema.names)
        self.schema = schema
        self.columns: dict[str, Column] = columns_of(schema)
        self.is_in_place = False
        self._spill = tempfile.mkdtemp(prefix="mlops-validation-")
        self.connection = duckdb.connect(config={"temp_directory": self._spill})
        self.connection.execute("SET autoinstall_known_extensions = false")
        # Global, because every cursor is a session; else the machine's zone decides which day a moment is on.
        self.connection.execute("SET GLOBAL TimeZone = 'UTC'")
        for statement in present_macros(now or dt.datetime.now(dt.UTC)):
            self.connection.execute(statement)
        # Parquet's statistics leave NaN out, and DuckDB takes them for the whole truth: with them, no row is NaN.
        self.connection.execute("SET disabled_optimizers = 'statistics_propagation,filter_pushdown'")
        regexes.register(self.connection)
        if files and not set(schema.names) & set(_RESERVED) and _is_of_one_schema(files, schema):
            self._scan_in_place(files)
        elif batches is not None:
            self._stream_in(schema, batches)
        else:
            raise BadInputError(f"columns may not be called {', '.join(_RESERVED)}")
        for name, table in (extras or {}).items():
            self._load(name, table, kind="TABLE")
        self._lock(files)

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()
        shutil.rmtree(self._spill, ignore_errors=True)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return list(self.connection.execute(query).fetchall())

    def row(self, query: str) -> tuple[Any, ...]:
        """The only row of a query."""
        found = self.rows(query)
        if not found:
            raise BadInputError(f"the query {query!r} returned no row")
        return found[0]

    def at_once(self, statements: Sequence[str]) -> list[tuple[Any, ...]]:
        """The first row of each statement, two of them at a time.

        DuckDB reads one row group of Parquet with one thread, and many files have but one. Only what is no temporary
        table or view can be named here.
        """
        if not self.is_in_place:
            return [self.connection.execute(statement).fetchone() for statement in statements]
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(self._beside, statements))

    def _beside(self, statement: str) -> tuple[Any, ...]:
        with self.connection.cursor() as cursor:
            found: tuple[Any, ...] = cursor.execute(statement).fetchone()
            return found

    def table(self, query: str) -> pa.Table:
        """All rows of a query as Arrow."""
        return self.connection.sql(query).to_arrow_table()

    def execute(self, statement: str) -> None:
        """Run a statement."""
        self.connection.execute(statement)

    def stream(self, query: str, *, some: int) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query in order, at most ``some`` at a time; no other query may run until it ends."""
        found = self.connection.execute(query)
        while rows := found.fetchmany(some):
            yield rows

    def _scan_in_place(self, files: Sequence[str]) -> None:
        counts = [pq.ParquetFile(file).metadata.num_rows for file in files]
        offsets = [0, *accumulate(counts)][:-1]
        number = "file_row_number" if len(files) == 1 else f"{offsets}[file_index::BIGINT + 1] + file_row_number"
        # A list of paths, each taken literally: a bracket in a name is no glob.
        listed = ", ".join(text_literal(_literal_path(file)) for file in files)
        source = f"read_parquet([{listed}])"
        self.execute(f"CREATE VIEW {SOURCE} AS SELECT *, ({number})::BIGINT AS {ROW} FROM {source}")
        self.execute(f"CREATE VIEW {BATCH} AS SELECT * FROM {source}")
        self.is_in_place = True

    def _stream_in(self, schema: pa.Schema, batches: Callable[[], Iterator[pa.RecordBatch]]) -> None:
        if ROW in schema.names:
            raise BadInputError(f"a column may not be called {ROW!r}")
        numbered = schema.append(pa.field(ROW, pa.int64()))
        refusals: list[BadInputError] = []
        rows = _numbered(_noting(batches(), refusals), numbered)
        try:
            self._load("mlops_rows", pa.RecordBatchReader.from_batches(numbered, rows))
        except duckdb.Error:
            # What stops the reading comes back as DuckDB's own error, with our trace for a text.
            if refusals:
                raise refusals[0] from None
            raise
        self.execute(f"CREATE TEMP VIEW {SOURCE} AS SELECT * FROM mlops_rows")
        self.execute(f"CREATE TEMP VIEW {BATCH} AS SELECT * EXCLUDE ({ROW}) FROM mlops_rows")

    def _load(self, name: str, data: pa.Table | pa.RecordBatchReader, *, kind: str = "TEMP TABLE") -> None:
        self.connection.register("mlops_arriving", data)
        self.execute(f"CREATE {kind} {quote(name)} AS SELECT * FROM mlops_arriving")
        self.connection.unregister("mlops_arriving")

    def _lock(self, files: Sequence[str]) -> None:
        # Both spellings: access is checked before and after names are looked up.
        allowed = ", ".join(text_literal(spelt) for file in files for spelt in (file, _literal_path(file)))
        self.execute(f"SET allowed_paths = [{allowed}]")
        self.execute("SET enable_external_access = false")
        self.execute("SET lock_configuration = true")


def _numbered(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    # Not DuckDB's rowid, which a column of that name would hide.
    start = 0
    for records in batches:
        stop = start + records.num_rows
        yield pa.RecordBatch.from_arrays([*records.columns, pa.array(range(start, stop), pa.int64())], schema=schema)
        start = stop


def _noting(batches: Iterator[pa.RecordBatch], refusals: list[BadInputError]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except BadInputError as error:
        refusals.append(error)
        raise


def _refuse_twins(names: Sequence[str]) -> None:
    known: dict[str, str] = {}
    for name in names:
        twin = known.setdefault(_folded(name), name)
        if twin != name:
            raise BadInputError(f"columns {twin!r} and {name!r} differ in case only, which SQL cannot tell apart")


def _folded(name: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


def _is_of_one_schema(files: Sequence[str], schema: pa.Schema) -> bool:
    # DuckDB would cast the others to the first file's types and round on the way.
    return len(files) == 1 or all(pq.read_schema(file).remove_metadata().equals(schema) for file in files)


def _literal_path(file: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(Path(file)))


def what_duckdb_says(error: duckdb.Error) -> str:
    """What DuckDB says, without the query it quotes."""
    return one_line(str(error).split("LINE 1")[0])
