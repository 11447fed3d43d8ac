"""Errors of drivers, told in one sentence without secrets and values, retried where that may help."""

from __future__ import annotations

import importlib

import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.stores.datasets.tables.address import DatabaseAddress
from airflow_mlops_provider.stores.datasets.tables.failures import telling

ADDRESS = DatabaseAddress("shop", "postgresql://ada:s3cret%2Fpass@h:5432/x?sslpassword=other-one")

OF_A_VALUE = "the database met a value that it cannot convert or compute with"


class Error(Exception):
    """As a DB-API module has one."""

    def __init__(self, *args, sqlstate=None):
        super().__init__(*args)
        self.sqlstate = sqlstate


class OperationalError(Error):
    """As above."""


class ProgrammingError(Error):
    """As above."""


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (Error("IO: [libpq] it closed the line\n\tunexpectedly"), BackendError, "it closed the line unexpectedly"),
        (Error("ERROR:  x\nLINE 1: SELECT 'a'\n ^", sqlstate="42P01"), BadInputError, "x"),
        (Error("value 7 is odd", sqlstate="22P02"), BadInputError, f"{OF_A_VALUE} (SQLSTATE 22P02)"),
        (Error("too many", sqlstate="53300"), BackendError, "too many"),
        (Error("cannot serialize", sqlstate="40001"), BackendError, "cannot serialize"),
        (OperationalError(2013, "Lost connection"), BackendError, "Lost connection"),
        (OperationalError(1045, "Access denied"), BadInputError, "Access denied"),
        (ProgrammingError("no such thing"), BadInputError, "no such thing"),
        (OSError("stream ended. SQLSTATE: 57P01"), BackendError, "stream ended"),
        (Error("s3cret%2Fpass and s3cret/pass and other-one"), BackendError, "*** and *** and ***"),
    ],
)  # fmt: skip
def test_an_error_of_a_driver_is_told_in_one_sentence(error, kind, said):
    with pytest.raises(kind) as told, telling(ADDRESS, "reading"):
        raise error
    assert type(told.value) is kind
    assert str(told.value) == f"reading: {said}"
    assert told.value.__suppress_context__


def test_an_error_of_ours_or_of_the_code_passes():
    for error in (BadInputError("own"), BackendError("own"), ZeroDivisionError("own"), MemoryError()):
        with pytest.raises(type(error)), telling(ADDRESS, "reading"):
            raise error


def test_a_package_that_is_missing_is_named():
    with pytest.raises(BackendError, match="package 'no_such_driver' is not installed"), telling(ADDRESS, "reading"):
        importlib.import_module("no_such_driver")


def test_an_address_is_not_part_of_what_is_printed_of_it():
    assert "s3cret" not in repr(ADDRESS)
