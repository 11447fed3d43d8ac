"""What datasets made of files have in common, whatever the files' format."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from itertools import accumulate
from typing import Any, Self

import pyarrow as pa

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError, one_line
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.secrets_in_text import masked
from airflow_mlops_provider.stores.datasets.file_names import compression_of, format_of
from airflow_mlops_provider.stores.datasets.filesystems import DamagedFileError, writing
from airflow_mlops_provider.stores.datasets.fingerprints import CHUNK_BYTES
from airflow_mlops_provider.stores.datasets.listing import Listing
from airflow_mlops_provider.stores.datasets.pinned_files import PinnedFiles
from airflow_mlops_provider.stores.datasets.schemas import coded_text, misfit
from airflow_mlops_provider.stores.datasets.stamps import file_stamps

BATCH_ROWS = 65_536
_LINE_ITSELF = re.compile(r"(Expected \d+ columns, got \d+): .*")
_NAMED_LETTERS = 1000  # of the files that are left out; a reference is to stay short


class FileDataset(ABC):
    """Files of one schema, read as one table, each of which stays the same bytes while it is in use.

    :param ref: what to open.
    :param listing: its files.
    :param pinned: the same, where they are pinned already.
    :ivar uri: as it was given, without secrets.
    :ivar address: as it was given.
    :ivar files: the data files, sorted by path.
    :ivar format: ``parquet`` or ``csv``.
    :ivar refusal: what ended the last reading of rows; a library that was handed the rows may tell it as its own.
    """

    format: str

    def __init__(self, ref: DatasetRef, listing: Listing, pinned: PinnedFiles | None = None) -> None:
        self.uri = masked(ref.uri)
        self.address = ref.uri
        self.files = listing.files
        self.refusal: BadInputError | None = None
        self._expected = ref
        self._listing = listing
        self._pinned = pinned or PinnedFiles(listing)

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns, in the order of the first file with rows, and types that hold the values of all files."""
        return self._read_schema()

    @cached_property
    def rows(self) -> int:
        """Number of rows over all files."""
        return self._count_rows()

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(self.schema.names)

    @property
    def source(self) -> DatasetRef:
        """What was opened, at its version when it is under version control; nothing is read."""
        version = self._listing.version
        found = replace(self._expected, uri=self._listing.uri or self.uri, left_out=_some(self._listing.left_out))
        if version is None:
            return found
        return replace(found, uri=masked(version.uri), revision=version.commit, fallback=version.fallback)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the files' content; they are hashed for it once."""
        return self._pinned.fingerprint()

    @property
    def ref(self) -> DatasetRef:
        """The pinned reference: content fingerprint, rows, schema hash and, under version control, the commit.

        All that was read until now is confirmed to be that content, so ask for it when the reading is done.

        :raises IntegrityError: when the reference it was opened by pins other content, or a file changed meanwhile.
        """
        pinned = self.reference
        self._pinned.confirm()
        return pinned

    @cached_property
    def reference(self) -> DatasetRef:
        """The same, of a file that nobody else knows of, so that nothing is to be confirmed.

        :raises IntegrityError: when the reference it was opened by pins other content.
        """
        pinned = replace(
            self.source,
            fingerprint=self.fingerprint,
            rows=self.rows,
            schema_hash=schema_hash(self.schema),
        )
        expected = self._expected.fingerprint or self._listing.fingerprint
        if expected is not None and expected != pinned.fingerprint:
            raise IntegrityError(
                f"dataset {self.uri} changed: its content is {pinned.fingerprint}, {expected} was expected"
            )
        return pinned

    def confirm(self) -> None:
        """Raise ``IntegrityError`` that names a file which is no longer what was read of it first."""
        self._pinned.confirm()

    @contextmanager
    def in_place(self) -> Iterator[tuple[str, ...]]:
        """Paths of the files, for a library that opens them by itself; none where it cannot read them in place.

        Call :meth:`confirm` in the block, once the library is done and before anything is made of what it read.

        :raises IntegrityError: that names a file which changed; also in place of the error that came of it.
        """
        yield ()

    def digest_of(self, file: str) -> bytes:
        """SHA-256 of the content of one of the files."""
        return self._pinned.digest(file)

    def only(self, files: Sequence[str]) -> Self:
        """Some of the files, at least one, as a dataset of their own, with the types that all of them have together."""
        if tuple(files) == self.files:
            return self
        uri = (
            (files[0] if self._pinned.is_local else self._listing.fs.unstrip_protocol(files[0])) if files else self.uri
        )
        pinned = self._pinned.only(files)
        part = self._part(type(self)(DatasetRef(uri=uri), pinned.listing, pinned))
        part.__dict__["schema"] = self.schema  # some files alone may tell less
        return part

    def stamps(self) -> tuple[str, ...]:
        """A cheap mark of each file, which changes when the file is written; as it was when first asked for."""
        return self._stamps

    @cached_property
    def _stamps(self) -> tuple[str, ...]:
        return file_stamps(self._listing)

    def require(self, columns: Iterable[str], *, role: str = "dataset") -> None:
        """Raise ``BadInputError`` that names the first of ``columns`` that is not there.

        :param role: what to call this dataset in the error.
        """
        for column in columns:
            if column not in self.columns:
                raise BadInputError(f"{role} {self.uri} has no column {column!r}; it has {', '.join(self.columns)}")

    def batches(
        self, columns: Sequence[str] | None = None, *, batch_size: int = BATCH_ROWS, coded: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """The rows in file order, in batches of at most ``batch_size``; constant memory for Parquet.

        :param columns: which columns, in this order; all by default.
        :param coded: give text as dictionary-coded arrays, which Parquet mostly holds it in and which are faster to
            count.
        :raises BadInputError: on a damaged file, one that lacks a column, or, when all columns are read, one that has
            more than the first file.
        :raises IntegrityError: on a file that changed since it was first read.
        """
        wanted = list(columns) if columns is not None else list(self.schema.names)
        self.require(wanted)
        target = pa.schema([self.schema.field(name) for name in wanted])
        target = coded_text(target) if coded else target
        try:
            for file in self.files:
                yield from self._file_batches(file, target, batch_size, whole=columns is None)
        except BadInputError as error:
            self.refusal = error
            raise

    def reader(self, columns: Sequence[str], *, coded: bool = False) -> pa.RecordBatchReader:
        """The same rows as a reader, which DuckDB takes as well."""
        wanted = pa.schema([self.schema.field(name) for name in columns])
        return pa.RecordBatchReader.from_batches(
            coded_text(wanted) if coded else wanted, self.batches(columns, coded=coded)
        )

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows in memory."""
        batches = list(self.batches(columns))
        names = columns if columns is not None else self.schema.names
        return pa.Table.from_batches(batches, schema=pa.schema([self.schema.field(name) for name in names]))

    def frame(self, columns: Sequence[str] | None = None) -> Any:
        """All rows as a pandas ``DataFrame``."""
        return self.table(columns).to_pandas()

    @contextmanager
    def copied_to(self, uri: str) -> Iterator[DatasetRef | None]:
        """The same bytes, which appear at ``uri`` when the block ends well; ``None`` for several files or other types.

        :raises IntegrityError: when they are not the bytes that were pinned; nothing is written then.
        """
        if len(self.files) != 1 or self._encoding(uri) != self._encoding(self._name(self.files[0])):
            yield None
            return
        file, running = self.files[0], hashlib.sha256()
        with writing(uri) as target:
            with self._reading(file, packed=True) as source:
                while chunk := source.read(CHUNK_BYTES):
                    running.update(chunk)
                    target.write(chunk)
            if running.digest() != self._pinned.digest(file):
                raise IntegrityError(f"{self._name(file)} changed while it was copied; nothing was written")
            # The commit stays: it is what this content was made from.
            yield replace(self.reference, uri=masked(uri), fallback=None, left_out=None)

    @abstractmethod
    def _read_schema(self) -> pa.Schema: ...

    @abstractmethod
    def _count_rows(self) -> int: ...

    @abstractmethod
    def _file_batches(
        self, file: str, target: pa.Schema, batch_size: int, *, whole: bool
    ) -> Iterator[pa.RecordBatch]: ...

    @abstractmethod
    def _owner(self, column: str) -> str:
        """The first file with this column."""

    def _part(self, part: Self) -> Self:
        """One file as a dataset, with what all files together say of it."""
        return part

    def _cast(self, file: str, data: Any, target: pa.Schema) -> Any:
        try:
            return data.cast(target)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            # Not Arrow's own words, which quote the value.
            column, kind = misfit(data, target)
            raise BadInputError(
                f"{self._name(file)} does not fit the types of {self._owner(column)}: column {column!r} is "
                f"{data.column(column).type}, and not every value is {kind}"
            ) from None

    def _same_columns(self, file: str, schema: pa.Schema, target: pa.Schema, *, whole: bool) -> None:
        missing = [name for name in target.names if name not in schema.names]
        if missing:
            raise BadInputError(f"{self._name(file)} has no column {missing[0]!r}, which {self._owner(missing[0])} has")
        more = [name for name in schema.names if name not in self.schema.names] if whole else []
        if more:
            first = self._name(self.files[0])
            raise BadInputError(f"{first} has no column {more[0]!r}, which {self._name(file)} has")

    @contextmanager
    def _reading(self, file: str, *, packed: bool = False, as_declared: bool = True) -> Iterator[Any]:
        """A handle of the file's bytes, whose errors name it.

        :param packed: as they are stored, where the file is compressed as a whole.
        :param as_declared: of text, in UTF-8; else in the encoding that the file has.
        """
        try:
            with self._pinned.open(file) as handle:
                yield handle if packed else self._unpacked(file, handle, as_declared=as_declared)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, DamagedFileError) as error:
            # After the number of columns comes the line itself, whose values are nobody's business.
            text = _LINE_ITSELF.sub(r"\1", said := one_line(error))
            refusal = BadInputError(f"{self._name(file)} cannot be read as {self.format}: {text}")
            raise refusal from error if text == said else None

    def _unpacked(self, file: str, handle: Any, *, as_declared: bool = True) -> Any:  # noqa: ARG002  # of one format
        return handle

    def _name(self, file: str) -> str:
        return self._listing.name_of(file)

    @staticmethod
    def _encoding(name: str) -> tuple[str, str | None]:
        return format_of(name), compression_of(name)


def checked_names(schema: pa.Schema, file: str) -> pa.Schema:
    """The schema; raises ``BadInputError`` naming ``file`` when it has no columns, or two of one name."""
    if not schema.names:
        raise BadInputError(f"{file} has no columns")
    repeated = [name for name, times in Counter(schema.names).items() if times > 1]
    if repeated:
        raise BadInputError(f"{file} has several columns called {repeated[0]!r}")
    return schema


def schema_hash(schema: pa.Schema) -> str:
    """``sha256:...`` over the names and types of the columns."""
    text = "\n".join(f"{field.name}\t{field.type}" for field in schema)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _some(names: tuple[str, ...]) -> tuple[str, ...] | None:
    """As many names as fit into a reference, and how many more there are; ``None`` for none."""
    lengths = accumulate(len(name) for name in names)
    named = tuple(name for name, length in zip(names, lengths, strict=True) if length <= _NAMED_LETTERS)
    rest = len(names) - len(named)
    return (*named, *((f"... and {rest:,} more",) if rest else ())) or None
