"""What the name of a file says: whether it is data that can be read, data that cannot, a leftover, or part of a table.

Names are read without regard to case.
"""

from __future__ import annotations

from collections.abc import Iterable

from airflow_mlops_provider.exceptions import BadInputError

PARQUET, CSV = "parquet", "csv"

_ENDINGS = {
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".parq": PARQUET,
    ".parquet.gzip": PARQUET,  # a Parquet file whose pages are compressed, as pandas' own example calls it
    ".csv": CSV,
    ".csv.gz": CSV,
    ".csv.zst": CSV,
    ".csv.bz2": CSV,
}
_CODECS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}

# Files of these kinds hold rows, or may hold them, and nothing here reads them.
_OTHER_DATA = (".tsv", ".jsonl", ".ndjson", ".avro", ".orc", ".feather", ".arrow", ".xls", ".xlsx")
_PACKED = (".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz", ".lz4", ".br", ".snappy", ".zip")


def format_of(uri: str) -> str:
    """``parquet`` or ``csv``, by the name's ending; ``BadInputError`` for any other."""
    ending = _ending(uri)
    if ending is None:
        raise BadInputError(f"{uri}: the name must end in {', '.join(_ENDINGS)}")
    return _ENDINGS[ending]


def ending_of(uri: str) -> str:
    """The ending that tells the format, such as ``.csv.gz``, as it is written; empty for a name that tells none."""
    ending = _ending(uri)
    return uri[len(uri) - len(ending) :] if ending else ""


def compression_of(uri: str) -> str | None:
    """``gzip``, ``zstd`` or ``bz2`` for the name of a CSV file that is compressed as a whole; ``None`` for others."""
    ending = _ending(uri)
    if ending is None or _ENDINGS[ending] != CSV:
        return None
    return _CODECS.get(ending.removeprefix(".csv"))


def is_data(name: str) -> bool:
    """Whether a file of this name can be read as part of a dataset."""
    return _ending(name) is not None


def looks_like_data(name: str) -> bool:
    """Whether a file of this name holds rows in a form that cannot be read here."""
    return not is_data(name) and name.lower().endswith((*_OTHER_DATA, *_PACKED))


def is_leftover(relative: str) -> bool:
    """Whether a path within a dataset's folder has a hidden or underscored part, such as ``_temporary``.

    A folder such as ``_day=3`` is none: that is a value of the column ``_day``.
    """
    return any(part.startswith(".") or (part.startswith("_") and "=" not in part) for part in relative.split("/"))


def table_format(relatives: Iterable[str]) -> tuple[str, str] | None:
    """The table format that paths within a folder tell, and the path that tells it: Delta, Iceberg or Hudi."""
    for relative in relatives:
        folders = relative.split("/")[:-1]
        if "_delta_log" in folders:
            return "Delta", relative
        if ".hoodie" in folders:
            return "Hudi", relative
        if folders[-1:] == ["metadata"] and relative.endswith(".metadata.json"):
            return "Iceberg", relative
    return None


def _ending(uri: str) -> str | None:
    # A signed address ends in its query.
    path = uri.partition("?")[0] if uri.startswith(("http://", "https://")) else uri
    name = path.rsplit("/", 1)[-1].lower()
    # A name that is nothing but its ending is a hidden file.
    return next((ending for ending in _LONGEST_FIRST if name.endswith(ending) and name != ending), None)


_LONGEST_FIRST = sorted(_ENDINGS, key=len, reverse=True)
