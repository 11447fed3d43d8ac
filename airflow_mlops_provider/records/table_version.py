"""A version of a Delta or Iceberg table, as a dataset's URI names it."""

from __future__ import annotations

import re
from dataclasses import dataclass

CATALOGUE_SCHEME = "iceberg://"
"""Of an Iceberg table that a catalogue knows: ``iceberg://CATALOGUE/namespace.table``."""

METADATA_FILE = ".metadata.json"
"""What the name of the file ends in that describes an Iceberg table."""

_VERSION = re.compile(r"^(?P<place>.+)#(?P<key>version|snapshot)=(?P<number>\d+)$", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableVersion:
    """Where a table is, and which of its versions is meant.

    :param place: the URI without the version.
    :param version: number of a version of a Delta table; ``None`` for the newest.
    :param snapshot: id of a snapshot of an Iceberg table; ``None`` for the current one.
    """

    place: str
    version: int | None = None
    snapshot: int | None = None

    @property
    def uri(self) -> str:
        """The URI that names it.

        >>> TableVersion(place="s3://lake/orders", version=3).uri
        's3://lake/orders#version=3'
        """
        if self.version is not None:
            return f"{self.place}#version={self.version}"
        return f"{self.place}#snapshot={self.snapshot}" if self.snapshot is not None else self.place


def table_version(uri: str) -> TableVersion:
    """The table and version that ``uri`` names; without ``#version=`` or ``#snapshot=`` the newest one.

    >>> table_version("s3://lake/orders#version=3")
    TableVersion(place='s3://lake/orders', version=3, snapshot=None)
    """
    match = _VERSION.match(uri)
    if match is None:
        return TableVersion(place=uri)
    number = int(match["number"])
    if match["key"] == "version":
        return TableVersion(place=match["place"], version=number)
    return TableVersion(place=match["place"], snapshot=number)


def is_catalogue_uri(uri: str) -> bool:
    """Whether a dataset's URI names an Iceberg table of a catalogue."""
    return uri.startswith(CATALOGUE_SCHEME)


def catalogue_of(uri: str) -> str:
    """The name of the catalogue in ``iceberg://CATALOGUE/namespace.table``."""
    return uri.removeprefix(CATALOGUE_SCHEME).partition("/")[0]
