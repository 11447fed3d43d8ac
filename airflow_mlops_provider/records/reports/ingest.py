"""What was taken over from a source, beside the snapshot before."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """One snapshot.

    :param snapshot: its name.
    :param rows: number of rows, those of earlier increments included.
    :param new_rows: rows that this ingest read from the source.
    :param previous: name of the snapshot before; ``None`` for the first one.
    :param previous_rows: its number of rows.
    :param added_columns: columns that it lacks.
    :param removed_columns: columns that only it has.
    :param changed_types: column to ``int64 -> string``.
    :param is_new: whether this run made the snapshot; a repeated run finds it and reads nothing.
    """

    snapshot: str
    rows: int
    new_rows: int
    previous: str | None = None
    previous_rows: int | None = None
    added_columns: tuple[str, ...] = ()
    removed_columns: tuple[str, ...] = ()
    changed_types: dict[str, str] = field(default_factory=dict)
    is_new: bool = True
