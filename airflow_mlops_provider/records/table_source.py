"""A table or query of a database as a dataset: named by an Airflow Connection, written as one URI without a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from airflow_mlops_provider.exceptions import BadInputError

SCHEME = "sql://"

_KEYS = ("table", "query", "where", "version", "key", "pushdown")
_PART = r"""(?:[^\W\d][\w$]*|"(?:[^"]|"")+"|`[^`]+`|\[[^\]]+\])"""
_TABLE = re.compile(rf"{_PART}(?:\.{_PART}){{0,3}}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_READABLE = "/,.:;()[]*+-=<>!|'\"`$@~"
"""Marks that may stand in a URI of ours as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSource:
    """Rows of a database.

    :param conn_id: the Airflow Connection, or the name in the environment variable of the command line.
    :param table: ``table`` or ``schema.table``, each part as SQL of that database takes it: plain, or in its quotes.
    :param query: a SELECT in place of a table.
    :param where: a condition in SQL of that database, which picks the rows.
    :param version: a SELECT whose answer changes whenever the rows do, such as a count and a newest time of change; a
        sensor asks it in place of reading the rows again.
    :param key: columns that name a row.
    :param pushdown: let the database count where it can, and fetch only the rows that break a rule.
    :raises BadInputError: when it names no rows, naming the key.
    """

    conn_id: str
    table: str | None = None
    query: str | None = None
    where: str | None = None
    version: str | None = None
    key: tuple[str, ...] = ()
    pushdown: bool = False

    def __post_init__(self) -> None:
        if not self.conn_id.strip():
            raise BadInputError("dataset: key 'conn_id' is empty")
        if (self.table is None) == (self.query is None):
            raise BadInputError(f"dataset {SCHEME}{self.conn_id}: give one of 'table' and 'query'")
        if self.table is not None and not _TABLE.fullmatch(self.table):
            raise BadInputError(
                f"dataset {SCHEME}{self.conn_id}: key 'table' is {self.table!r}, which is no name of a table; "
                "a part with other marks than letters, digits and _ stands in the quotes of its database"
            )
        for name in ("query", "where", "version"):
            value = getattr(self, name)
            if value is not None and (not value.strip() or _CONTROL.search(value)):
                raise BadInputError(f"dataset {SCHEME}{self.conn_id}: key {name!r} is {value!r}, which is no SQL")
        if len(set(self.key)) < len(self.key) or "" in self.key:
            raise BadInputError(f"dataset {SCHEME}{self.conn_id}: key 'key' must name each column once")

    @property
    def uri(self) -> str:
        """``sql://CONN_ID/schema.table?where=...``, in one spelling."""
        texts = [(name, getattr(self, name)) for name in ("query", "where", "version")]
        said = [*texts, *(("key", name) for name in self.key), *([("pushdown", "true")] if self.pushdown else [])]
        asked = "&".join(f"{name}={quote(value, safe=_READABLE)}" for name, value in said if value is not None)
        place = quote(self.conn_id, safe="") + (f"/{quote(self.table, safe=_READABLE)}" if self.table else "")
        return f"{SCHEME}{place}{'?' if asked else ''}{asked}"


def is_table_uri(uri: str) -> bool:
    """Whether a dataset's URI names rows of a database."""
    return uri.startswith(SCHEME)


def table_source(uri: str) -> TableSource:
    """The rows that ``sql://CONN_ID/schema.table?where=...&key=...`` names; ``query=`` in place of the table.

    :raises BadInputError: when it names none, or can be read in two ways.
    """
    place, _, asked = uri.removeprefix(SCHEME).partition("?")
    conn_id, _, table = place.partition("/")
    found: dict[str, list[str]] = {}
    for part in filter(None, asked.split("&")):
        name, _, value = part.partition("=")
        if name not in _KEYS[1:]:
            raise BadInputError(
                f"dataset {uri}: {name!r} is no key of a table; they are {', '.join(_KEYS[1:])}, and an & within SQL "
                "is written %26"
            )
        found.setdefault(name, []).append(_decoded(value, uri))
    for name in ("query", "where", "version", "pushdown"):
        if len(found.get(name, ())) > 1:
            raise BadInputError(f"dataset {uri}: {name!r} is given twice")
    return TableSource(
        conn_id=_decoded(conn_id, uri),
        table=_decoded(table, uri) or None,
        query=next(iter(found.get("query", ())), None),
        where=next(iter(found.get("where", ())), None),
        version=next(iter(found.get("version", ())), None),
        key=tuple(found.get("key", ())),
        pushdown=_is_true(next(iter(found.get("pushdown", ())), "false"), uri),
    )


def as_table_uri(value: Mapping[str, Any]) -> dict[str, Any]:
    """A reference whose ``conn_id`` and further keys of a table, such as ``where``, are its ``uri``.

    Other references stay as they are.

    :raises BadInputError: when the keys name no rows, or there is a ``uri`` beside them.
    """
    rest = {name: item for name, item in value.items() if name not in ("conn_id", *_KEYS)}
    given = {name: item for name, item in value.items() if name not in rest and item is not None}
    if not given:
        uri = rest.get("uri")
        return {**rest, "uri": table_source(uri).uri} if isinstance(uri, str) and is_table_uri(uri) else dict(value)
    if rest.get("uri") is not None:
        raise BadInputError(f"dataset: give 'uri' or {', '.join(map(repr, given))}, not both")
    key, pushdown = given.pop("key", ()), given.pop("pushdown", False)
    if not isinstance(pushdown, bool):
        raise BadInputError("dataset: key 'pushdown' must be true or false")
    texts = {name: item for name, item in given.items() if not isinstance(item, str)}
    if texts:
        raise BadInputError(f"dataset: key {next(iter(texts))!r} must be a text")
    if not isinstance(key, str | list | tuple) or not all(isinstance(name, str) for name in key):
        raise BadInputError("dataset: key 'key' must be the name of a column or a list of them")
    names = (key,) if isinstance(key, str) else tuple(key)
    source = TableSource(**{"conn_id": "", **given}, key=names, pushdown=pushdown)
    return {**rest, "uri": source.uri}


def _is_true(text: str, uri: str) -> bool:
    if text not in ("true", "false"):
        raise BadInputError(f"dataset {uri}: key 'pushdown' is {text!r}; it is true or false")
    return text == "true"


def _decoded(text: str, uri: str) -> str:
    if "%" in text and re.search(r"\s", text):
        raise BadInputError(
            f"dataset {uri}: it is not percent-encoded and holds a %, which can be read in two ways; give 'conn_id', "
            "'table' and 'where' apart, or encode it"
        )
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise BadInputError(f"dataset {uri}: its percent-encoding is not UTF-8") from None
