"""Errors of the package, free of Airflow; operators translate them into Airflow's own."""

from __future__ import annotations


class MLOpsError(Exception):
    """Base of every error that this package raises on purpose; its text is one line for a person."""


class BadInputError(MLOpsError):
    """The caller's spec, file, column or key is wrong; trying again without a change cannot help."""


class IntegrityError(BadInputError):
    """Stored bytes do not match the hash they were recorded under: an artifact, record or evidence file changed."""


class BackendError(MLOpsError):
    """A store or service cannot be reached or written; the data has not been judged, and a retry may help."""


class AlreadyExistsError(MLOpsError):
    """An exclusive create lost against an earlier writer; the earlier content stands."""
