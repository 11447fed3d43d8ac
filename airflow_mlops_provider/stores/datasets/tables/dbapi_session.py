"""Any other database, by the DB-API driver that SQLAlchemy knows: rows as Python objects, in batches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pyarrow as pa

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.stores.datasets.file_dataset import BATCH_ROWS
from airflow_mlops_provider.stores.datasets.tables.address import DatabaseAddress
from airflow_mlops_provider.stores.datasets.tables.arrow_columns import MOST_DIGITS
from airflow_mlops_provider.stores.datasets.tables.python_columns import ColumnOf, record_batch

_DRIVERS = {
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "redshift": "postgresql+psycopg2",  # the protocol is PostgreSQL's, and its ADBC driver reads Redshift no more
}
"""Schemes without a driver of their own, and what reads them."""


class DbApiSession:
    """One transaction through a DB-API driver.

    :param address: an address as SQLAlchemy takes it, with or without a driver: ``mysql://...``, ``mssql+pymssql://...``.
    """

    def __init__(self, address: DatabaseAddress) -> None:
        self._connection = _connect(address)
        self._is_pymysql = type(self._connection).__module__.partition(".")[0] == "pymysql"
        self._is_psycopg = type(self._connection).__module__.partition(".")[0].startswith("psycopg")
        if self._is_pymysql:
            with self._connection.cursor() as cursor:
                # TIMESTAMP is a moment, which the server tells in the zone of the session.
                cursor.execute("SET SESSION time_zone = '+00:00'")
                cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def rows(self, statement: str, *, name: str) -> Iterator[pa.RecordBatch]:
        """The rows of a SELECT; see :class:`~airflow_mlops_provider.stores.datasets.tables.session.Session`."""
        # The cursor goes with the connection: closing one in its midst reads what is left of the result.
        cursor = self._cursor()
        cursor.arraysize = BATCH_ROWS
        cursor.execute(statement)
        rows = cursor.fetchmany(BATCH_ROWS)
        columns = self._columns(cursor)
        yield record_batch([], columns, name=name)
        while rows:
            yield record_batch(rows, columns, name=name)
            rows = cursor.fetchmany(BATCH_ROWS)

    def close(self) -> None:
        """End the connection, and the transaction with it."""
        with suppress(Exception):  # it may be the connection that failed
            if self._is_pymysql:
                self._drop_rest()
            self._connection.close()

    def _drop_rest(self) -> None:
        """Leave the rows that nobody read: PyMySQL would read them all, and again when its objects go."""
        if self._connection._result is not None:
            self._connection._result.unbuffered_active = False
        self._connection._force_close()

    def _cursor(self) -> Any:
        """A cursor that keeps the rows on the server, where the driver has one."""
        if self._is_pymysql:
            from pymysql.cursors import SSCursor

            return self._connection.cursor(SSCursor)
        if self._is_psycopg:
            return self._connection.cursor(name="mlops_rows")
        return self._connection.cursor()

    def _columns(self, cursor: Any) -> list[ColumnOf]:
        if self._is_pymysql:
            return [_mysql_column(field) for field in cursor._result.fields]
        return [ColumnOf(name=str(each[0])) for each in cursor.description]


def _connect(address: DatabaseAddress) -> Any:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    scheme, mark, rest = address.text.partition("://")
    try:
        url = make_url(f"{_DRIVERS.get(scheme.lower(), scheme)}{mark}{rest}")
        kind: Any = url.get_dialect()
    except ArgumentError:
        raise BadInputError(
            f"database {address.conn_id!r}: no installed package reads addresses that begin with {scheme}://"
        ) from None
    driver = kind.import_dbapi()
    # Nothing else of SQLAlchemy is used, so that nothing is asked of the database but the rows.
    arguments, options = kind(dbapi=driver).create_connect_args(url)
    if driver.__name__ == "pymysql" and "password" in options:
        options["password"] = options["password"].encode()  # as other clients of MySQL: PyMySQL would take Latin-1
    return driver.connect(*arguments, **options)


def _mysql_column(field: Any) -> ColumnOf:
    """A column by the type that the server names, so that it has that type whatever its values."""
    from pymysql.constants import FIELD_TYPE, FLAG

    kinds: dict[int, tuple[pa.DataType, Callable[[Any], Any] | None]] = {
        FIELD_TYPE.TINY: (pa.int8(), None),
        FIELD_TYPE.SHORT: (pa.int16(), None),
        FIELD_TYPE.YEAR: (pa.int16(), None),
        FIELD_TYPE.INT24: (pa.int32(), None),
        FIELD_TYPE.LONG: (pa.int32(), None),
        FIELD_TYPE.LONGLONG: (pa.int64(), None),
        FIELD_TYPE.FLOAT: (pa.float32(), None),
        FIELD_TYPE.DOUBLE: (pa.float64(), None),
        FIELD_TYPE.DATE: (pa.date32(), _day),
        FIELD_TYPE.DATETIME: (pa.timestamp("us"), _moment),
        FIELD_TYPE.TIMESTAMP: (pa.timestamp("us", "UTC"), lambda value: _moment(value).replace(tzinfo=dt.UTC)),
        FIELD_TYPE.TIME: (pa.time64("us"), _time_of_day),
    }
    if field.type_code in (FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL):
        return ColumnOf(name=field.name, type=_mysql_decimal(field, is_unsigned=bool(field.flags & FLAG.UNSIGNED)))
    if field.type_code in kinds:
        found, convert = kinds[field.type_code]
        if field.flags & FLAG.UNSIGNED and pa.types.is_signed_integer(found):
            found = getattr(pa, f"u{found}")()
        return ColumnOf(name=field.name, type=found, convert=convert)
    is_bytes = field.charsetnr == _BINARY and field.type_code != FIELD_TYPE.JSON
    if field.type_code in (FIELD_TYPE.BIT, FIELD_TYPE.GEOMETRY) or is_bytes:
        return ColumnOf(name=field.name, type=pa.binary())
    return ColumnOf(name=field.name, type=pa.string())


_BINARY = 63
"""The number of the character set that bytes have."""


def _mysql_decimal(field: Any, *, is_unsigned: bool) -> pa.DataType:
    digits = field.length - (field.scale > 0) - (not is_unsigned)
    if digits > MOST_DIGITS:
        raise BadInputError(
            f"column {field.name!r} has {digits} digits; {MOST_DIGITS} are the most; round it in a query"
        )
    return pa.decimal128(digits, field.scale)


def _day(value: Any) -> dt.date:
    if not isinstance(value, dt.date):  # 0000-00-00, which PyMySQL gives as text
        raise TypeError("no day")
    return value


def _moment(value: Any) -> dt.datetime:
    if not isinstance(value, dt.datetime):
        raise TypeError("no moment")
    return value


def _time_of_day(value: Any) -> dt.time:
    if not isinstance(value, dt.timedelta) or not dt.timedelta(0) <= value < dt.timedelta(days=1):
        raise ValueError("no time of the day")
    return (dt.datetime.min + value).time()  # noqa: DTZ901  # its day and zone are not used
