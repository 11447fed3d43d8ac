"""A batch of data in DuckDB, which may be larger than memory, and whose SQL can read nothing else."""

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
from airflow_mlops_provider.analysis.validation.check_time import current_time_macros
from airflow_mlops_provider.analysis.validation.custom_sql import BATCH
from airflow_mlops_provider.analysis.validation.sql_columns import Column, columns_of, quote, text_literal
from airflow_mlops_provider.exceptions import BadInputError, one_line

ROW = "mlops_row_number"
SOURCE = "mlops_source"
_RESERVED = ("file_row_number", "file_index", "rowid", ROW)


class Batch:
    """The rows of one dataset as the relations ``mlops_source``, with row numbers, and ``batch``, without them.

    Parquet files on local disk are scanned in place, and only the columns of a query are read. Other data is streamed
    once into a table of DuckDB, which is moved to disk when it does not fit into memory. The SQL of rules can read only
    the batch, no other files and nothing from the network.

    :param schema: columns and types of the rows.
    :param files: local Parquet files in the order of the rows; empty when there are none.
    :param batches: returns the rows, when there are no such files.
    :param extras: further tables, by name.
    :param now: the time of the check, which ``now()`` and the like return; the machine's clock by default.
    :raises BadInputError: when two columns differ in case only, or a column has a reserved name.
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
        _refuse_case_collisions(schema.names)
        self.schema = schema
        self.columns: dict[str, Column] = columns_of(schema)
        self.is_in_place = False
        self._spill = tempfile.mkdtemp(prefix="mlops-validation-")
        self.connection = duckdb.connect(config={"temp_directory": self._spill})
        self.connection.execute("SET autoinstall_known_extensions = false")
        # Else DuckDB keeps for longer what each query has freed: some 50 MB in a job of a few seconds.
        self.connection.execute("SET allocator_background_threads = true")
        self.connection.execute("SET allocator_flush_threshold = '8MB'")
        # Global, because every cursor is a session. Otherwise the machine's time zone would decide the day of a time.
        self.connection.execute("SET GLOBAL TimeZone = 'UTC'")
        for statement in current_time_macros(now or dt.datetime.now(dt.UTC)):
            self.connection.execute(statement)
        # The statistics of Parquet files ignore NaN, and with them DuckDB would find no row with NaN.
        self.connection.execute("SET disabled_optimizers = 'statistics_propagation,filter_pushdown'")
        regexes.register_regex_function(self.connection)
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
        """Return all rows of a query."""
        return list(self.connection.execute(query).fetchall())

    def row(self, query: str) -> tuple[Any, ...]:
        """Return the first row of a query.

        :raises BadInputError: when there is none.
        """
        found = self.rows(query)
        if not found:
            raise BadInputError(f"the query {query!r} returned no row")
        return found[0]

    def first_rows(self, statements: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return the first row of each statement, running two statements at the same time when files are scanned.

        DuckDB reads a row group of Parquet with one thread, and many files have only one. The statements must not name
        temporary tables or views, because each runs in a session of its own.
        """
        if not self.is_in_place:
            return [self.connection.execute(statement).fetchone() for statement in statements]
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(self._first_row_in_session, statements))

    def _first_row_in_session(self, statement: str) -> tuple[Any, ...]:
        with self.connection.cursor() as cursor:
            found: tuple[Any, ...] = cursor.execute(statement).fetchone()
            return found

    def table(self, query: str) -> pa.Table:
        """Return all rows of a query as an Arrow table."""
        return self.connection.sql(query).to_arrow_table()

    def execute(self, statement: str) -> None:
        """Run a statement."""
        self.connection.execute(statement)

    def stream(self, query: str, *, some: int) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a query in order, at most ``some`` at a time; no other query may run until the end."""
        found = self.connection.execute(query)
        while rows := found.fetchmany(some):
            yield rows

    def _scan_in_place(self, files: Sequence[str]) -> None:
        counts = [pq.ParquetFile(file).metadata.num_rows for file in files]
        offsets = [0, *accumulate(counts)][:-1]
        number = "file_row_number" if len(files) == 1 else f"{offsets}[file_index::BIGINT + 1] + file_row_number"
        # A list of literal paths, in which a bracket is not a glob pattern.
        listed = ", ".join(text_literal(_literal_path(file)) for file in files)
        source = f"read_parquet([{listed}])"
        self.execute(f"CREATE VIEW {SOURCE} AS SELECT *, ({number})::BIGINT AS {ROW} FROM {source}")
        self.execute(f"CREATE VIEW {BATCH} AS SELECT * FROM {source}")
        self.is_in_place = True

    def _stream_in(self, schema: pa.Schema, batches: Callable[[], Iterator[pa.RecordBatch]]) -> None:
        if ROW in schema.names:
            raise BadInputError(f"a column may not be called {ROW!r}")
        numbered = schema.append(pa.field(ROW, pa.int64()))
        errors: list[BadInputError] = []
        rows = _numbered(_keeping_errors(batches(), errors), numbered)
        try:
            self._load("mlops_rows", pa.RecordBatchReader.from_batches(numbered, rows))
        except duckdb.Error:
            # DuckDB wraps an error of the reader in its own error, with the traceback as text.
            if errors:
                raise errors[0] from None
            raise
        self.execute(f"CREATE TEMP VIEW {SOURCE} AS SELECT * FROM mlops_rows")
        self.execute(f"CREATE TEMP VIEW {BATCH} AS SELECT * EXCLUDE ({ROW}) FROM mlops_rows")

    def _load(self, name: str, data: pa.Table | pa.RecordBatchReader, *, kind: str = "TEMP TABLE") -> None:
        self.connection.register("mlops_arriving", data)
        self.execute(f"CREATE {kind} {quote(name)} AS SELECT * FROM mlops_arriving")
        self.connection.unregister("mlops_arriving")

    def _lock(self, files: Sequence[str]) -> None:
        # Both the name and its glob-safe form, because access is checked before and after globs are expanded.
        allowed = ", ".join(text_literal(spelt) for file in files for spelt in (file, _literal_path(file)))
        self.execute(f"SET allowed_paths = [{allowed}]")
        self.execute("SET enable_external_access = false")
        self.execute("SET lock_configuration = true")


def _numbered(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    # DuckDB's rowid is not used, because a column of that name would hide it.
    start = 0
    for records in batches:
        stop = start + records.num_rows
        yield pa.RecordBatch.from_arrays([*records.columns, pa.array(range(start, stop), pa.int64())], schema=schema)
        start = stop


def _keeping_errors(batches: Iterator[pa.RecordBatch], errors: list[BadInputError]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except BadInputError as error:
        errors.append(error)
        raise


def _refuse_case_collisions(names: Sequence[str]) -> None:
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(_ascii_lower(name), name)
        if other != name:
            raise BadInputError(f"columns {other!r} and {name!r} differ in case only, which SQL cannot tell apart")


def _ascii_lower(name: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


def _is_of_one_schema(files: Sequence[str], schema: pa.Schema) -> bool:
    # DuckDB would cast files of another schema to the types of the first file, which rounds values.
    return len(files) == 1 or all(pq.read_schema(file).remove_metadata().equals(schema) for file in files)


def _literal_path(file: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(Path(file)))


def duckdb_message(error: duckdb.Error) -> str:
    """Return the message of DuckDB's error in one line, without the query."""
    return one_line(str(error).split("LINE 1")[0])
