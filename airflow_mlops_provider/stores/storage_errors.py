"""Telling a store of files that does not answer or refuses from everything else that goes wrong around it."""

from __future__ import annotations

from airflow_mlops_provider.exceptions import one_line

_CLIENTS = frozenset(
    {
        *("botocore", "aiobotocore", "boto3", "s3transfer", "s3fs"),
        *("google", "gcsfs", "azure", "adlfs"),
        *("aiohttp", "urllib3", "requests", "httpx"),
    }
)
"""Packages by which stores are reached; the classes of their errors have no base in common, and some are made at run
time."""
_GONE = ("NoSuchBucket", "NoSuchKey", "404")
_NETWORK = (ConnectionError, TimeoutError)


def is_storage_error(error: BaseException) -> bool:
    """Whether a store, or the way to it, is what failed, and not what was done with the bytes.

    s3fs tells an answer of S3 as a plain ``OSError`` whose cause is the client's own error.
    """
    if isinstance(error, _NETWORK) or _is_of_client(error):
        return True
    return isinstance(error, OSError) and error.__cause__ is not None and _is_of_client(error.__cause__)


def is_not_found(error: BaseException | None) -> bool:
    """Whether S3 says that there is no such bucket or object; also of an error that was made of what it said."""
    while error is not None:
        response = getattr(error, "response", None)
        found = response.get("Error", {}) if isinstance(response, dict) else {}
        if found.get("Code") in _GONE:
            return True
        error = error.__cause__ or error.__context__
    return False


def storage_reason(error: BaseException) -> str:
    """What a store or its client says, as one line that is never empty."""
    strerror = error.strerror if isinstance(error, OSError) else None
    return one_line(strerror or error) or type(error).__name__


def _is_of_client(error: BaseException) -> bool:
    return any(kind.__module__.partition(".")[0] in _CLIENTS for kind in type(error).__mro__)
