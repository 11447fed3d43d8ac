"""The address of a database, read from the job's environment; its secrets stay out of every text that leaves it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from airflow_mlops_provider.exceptions import BadInputError, one_line
from airflow_mlops_provider.records.database_address import address_variable

_SECRET_NAMES = ("pass", "secret", "token", "key", "credential", "private")
_HIDDEN = "***"
_SHORTEST = 4
"""Letters from which a secret is taken out of any text; a shorter one only where it stands between marks."""


@dataclass(frozen=True)
class DatabaseAddress:
    """Where a database is and how to get in: ``postgresql://login:password@host:5432/name?sslmode=require``.

    :param conn_id: the name that messages call it by.
    :param text: the address itself, which nothing may print.
    """

    conn_id: str
    text: str = field(repr=False)

    @cached_property
    def parts(self) -> SplitResult:
        """The address in its parts.

        :raises BadInputError: when it is none; the message does not repeat it.
        """
        try:
            found = urlsplit(self.text)
            _ = found.port
        except ValueError:
            raise self._malformed() from None
        if not found.scheme or "://" not in self.text:
            raise self._malformed()
        return found

    @property
    def kind(self) -> str:
        """``postgresql``, ``mysql``, ``sqlite`` ...: the address's scheme, without a driver."""
        return self.parts.scheme.lower().partition("+")[0]

    @property
    def options(self) -> dict[str, str]:
        """What follows the question mark."""
        return dict(parse_qsl(self.parts.query))

    @property
    def path(self) -> str:
        """The path of a database that is a file: three slashes before a relative one, four before an absolute one."""
        return unquote(self.parts.path).removeprefix("/")

    def hidden(self, said: object) -> str:
        """The text of an error in one line, without what gets one into the database."""
        text = one_line(said)
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        return text

    @property
    def _secrets(self) -> set[str]:
        try:
            parts = self.parts
        except BadInputError:
            return {self.text}
        login = parts.netloc.rpartition("@")[0]
        found = {self.text, login, *([self.text.partition("://")[2]] if login else [])}
        found |= {
            value for name, value in parse_qsl(parts.query) if any(mark in name.lower() for mark in _SECRET_NAMES)
        }
        password = parts.password or ""
        found |= {password, unquote(password)}
        return {secret for secret in found if len(secret) >= _SHORTEST}

    def _malformed(self) -> BadInputError:
        return BadInputError(
            f"database {self.conn_id!r}: {address_variable(self.conn_id)} is no address such as "
            "postgresql://login:password@host:5432/name"
        )


def address_of(conn_id: str) -> DatabaseAddress:
    """The address of the database that ``conn_id`` names.

    :raises BadInputError: when the environment has none.
    """
    variable = address_variable(conn_id)
    text = os.environ.get(variable, "").strip()
    if not text:
        raise BadInputError(
            f"database {conn_id!r} has no address here: the environment variable {variable} is not set; a task sets it "
            f"from the Airflow Connection {conn_id!r}"
        )
    return DatabaseAddress(conn_id=conn_id, text=text)
