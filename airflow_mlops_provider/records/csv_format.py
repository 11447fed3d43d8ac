"""How a CSV file is written, and what its columns hold: neither stands in the file itself."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from enum import StrEnum

from airflow_mlops_provider.exceptions import BadInputError

NULL_VALUES = ("", "NA", "N/A", "NaN", "null", "#N/A")
"""Cells that are missing in columns of other types than text, whatever their case."""


class ColumnType(StrEnum):
    """What the cells of a CSV column hold."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    """Days, or moments where a cell tells the time of day."""
    TIMESTAMP = "timestamp"
    TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFormat:
    """The dialect of CSV files.

    :param separator: one character between the fields of a line.
    :param decimal_mark: ``.`` or ``,``.
    :param quote: the character around fields that hold a separator, doubled within them.
    :param encoding: a name that Python knows, such as ``cp1252`` or ``utf-16``.
    :param columns: names of the columns, for files without a header; ``None`` when the first line has them.
    :param null_values: cells that are missing in columns of other types than text, whatever their case. In a text
        column an empty cell without quotes is missing, and nothing else.
    :param types: column to what it holds, where that is to be taken for certain; see the order of precedence in
        ``docs/how-to/csv-files.md``.
    :raises BadInputError: for a value that no file can be read with, naming its key.
    """

    separator: str = ","
    decimal_mark: str = "."
    quote: str = '"'
    encoding: str = "utf-8"
    columns: tuple[str, ...] | None = None
    null_values: tuple[str, ...] = NULL_VALUES
    types: dict[str, ColumnType] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for key in ("separator", "quote"):
            value = getattr(self, key)
            if len(value) != 1 or not value.isascii() or value in "\r\n":
                raise BadInputError(f"csv: {key!r} must be one ASCII character, not {value!r}")
        if self.decimal_mark not in (".", ","):
            raise BadInputError(f"csv: 'decimal_mark' must be '.' or ',', not {self.decimal_mark!r}")
        if len({self.separator, self.quote, self.decimal_mark}) < 3:
            raise BadInputError("csv: 'separator', 'quote' and 'decimal_mark' must be three characters")
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise BadInputError(f"csv: no encoding is called {self.encoding!r}") from None
        if self.columns is not None and (not self.columns or len(set(self.columns)) < len(self.columns)):
            raise BadInputError("csv: 'columns' must name each column once")

    @property
    def is_utf8(self) -> bool:
        """Whether the bytes are UTF-8, with or without a mark in front."""
        return codecs.lookup(self.encoding).name in ("utf-8", "ascii")

    @property
    def missing(self) -> frozenset[str]:
        """The null values in lower case."""
        return frozenset(value.lower() for value in self.null_values)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredType:
    """What a column is declared to hold.

    :param kind: what its cells hold.
    :param form: how days and times are written, as ``strptime`` reads them; ``None`` for ISO 8601.
    :param by: what declares it, for messages: ``contract orders, property amount``.
    """

    kind: ColumnType
    form: str | None = None
    by: str = ""
