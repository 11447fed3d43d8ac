"""What a database offers to a job: one transaction, which reads rows as Arrow batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import pyarrow as pa


class Session(Protocol):
    """One transaction on one connection; everything in it sees one state of the database."""

    def rows(self, statement: str, *, name: str) -> Iterator[pa.RecordBatch]:
        """The rows of a SELECT as they come, under the types that datasets have; at least one batch, also of no rows.

        A later batch may have wider types than an earlier one, where the database does not tell them beforehand.

        :param name: of the dataset, for errors.
        """

    def close(self) -> None:
        """End the transaction without effect, and the connection."""


class WritingSession(Session, Protocol):
    """A transaction that also writes; what it wrote appears with :meth:`commit`, all at once."""

    tells_types: bool
    """Whether a table has the types of the rows that were written into it, whichever rows they are."""
    is_one_state: bool
    """Whether statements that write see the very rows that were read, whatever changed meanwhile."""

    def quoted(self, column: str) -> str:
        """The exact name of a column."""

    def as_text(self, expression: str) -> str:
        """What is compared with a text, of a column that comes as text."""

    def execute(self, statement: str) -> None:
        """Run a statement that gives no rows."""

    def load(self, name: str, batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> None:
        """Fill a new temporary table of this session."""

    def create_table(self, name: str, statement: str, texts: Sequence[str] = ()) -> None:
        """Make a table with the columns of a SELECT, and further ones of text, unless there is one of this name."""

    def commit(self) -> None:
        """Let what was written appear."""


def in_batches(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of about ``rows``; batches of one schema are joined, larger ones are cut."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        if held and held[0].schema != batch.schema:
            yield from _joined(held)
            held = []
        held += [batch.slice(start, rows) for start in range(0, max(batch.num_rows, 1), rows)]
        while len(held) > 1 and sum(each.num_rows for each in held) >= rows:
            count = _enough(held, rows)
            yield from _joined(held[:count])
            held = held[count:]
    yield from _joined(held)


def _enough(held: list[pa.RecordBatch], rows: int) -> int:
    total = 0
    for number, batch in enumerate(held, start=1):
        total += batch.num_rows
        if total >= rows:
            return number
    return len(held)


def _joined(held: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    if len(held) == 1:
        yield held[0]
    elif held:
        table = pa.Table.from_batches(held).combine_chunks()
        yield from table.to_batches() or [held[0]]
