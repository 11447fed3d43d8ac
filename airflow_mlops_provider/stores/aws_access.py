"""How S3 is reached: as the environment says, or within a block as a Connection says.

A task, a trigger and the MLOps page read evidence in processes that others share, whose environment they leave alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

from airflow_mlops_provider.exceptions import BackendError

PREFIX = "AWS_"
"""What the variables of Amazon's clients begin with."""

_access: ContextVar[Mapping[str, str]] = ContextVar("aws access", default={})  # noqa: B039  # never written to
_P = ParamSpec("_P")
_R = TypeVar("_R")


@contextmanager
def aws_access(variables: Mapping[str, str]) -> Iterator[None]:
    """Within the block, S3 is reached as ``variables`` say, and as the environment says where they say nothing.

    :param variables: environment variables; those whose names do not begin with ``AWS_`` are passed over.
    """
    token = _access.set({name: value for name, value in variables.items() if name.startswith(PREFIX)})
    try:
        yield
    finally:
        _access.reset(token)


def is_within_access() -> bool:
    """Whether a Connection says here how S3 is reached."""
    return bool(_access.get())


def as_here(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """``function`` with the access of the caller, for what is called later or in a thread, which begins without one."""
    variables = _access.get()

    def run(*arguments: _P.args, **named: _P.kwargs) -> _R:
        with aws_access(variables):
            return function(*arguments, **named)

    return run


def s3_filesystem(*, keeps_listings: bool) -> Any:
    """The s3fs filesystem that reaches S3 as is said here; the same one as long as the same is said.

    :param keeps_listings: whether it may answer from an earlier listing.
    :raises BackendError: when s3fs is not installed.
    """
    environment = sorted((name, value) for name, value in os.environ.items() if name.startswith(PREFIX))
    return _made(os.getpid(), keeps_listings, tuple(environment), tuple(sorted(_access.get().items())))


def s3_credentials() -> dict[str, str]:
    """The same, as the ``AWS_`` variables that other clients of S3 take; keys of a profile or a role are looked up.

    :returns: variables by name; those that nothing says are absent.
    """
    environment = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    found = environment | dict(_access.get())
    if found.get("AWS_ACCESS_KEY_ID"):
        return found
    try:
        import botocore.session
    except ImportError:
        return found  # the client looks for itself
    looked_up = botocore.session.Session().get_credentials()
    if looked_up is None:
        return found
    keys = looked_up.get_frozen_credentials()
    named = (("ACCESS_KEY_ID", keys.access_key), ("SECRET_ACCESS_KEY", keys.secret_key), ("SESSION_TOKEN", keys.token))
    return found | {f"{PREFIX}{name}": value for name, value in named if value}


@lru_cache(maxsize=8)
def _made(_process: int, keeps_listings: bool, _environment: Any, access: tuple[tuple[str, str], ...]) -> Any:
    # fsspec keeps its instances by their arguments for good: it would answer with what the environment said first.
    import fsspec

    try:
        kind = fsspec.get_filesystem_class("s3")
    except ImportError as error:
        raise BackendError("s3:// needs s3fs: pip install 'airflow-mlops-provider[amazon]'") from error
    return kind(use_listings_cache=keeps_listings, skip_instance_cache=True, **_options(dict(access)))


def _options(access: Mapping[str, str]) -> dict[str, Any]:
    client = {"region_name": access.get("AWS_DEFAULT_REGION"), "verify": access.get("AWS_CA_BUNDLE")}
    found = {
        "key": access.get("AWS_ACCESS_KEY_ID"),
        "secret": access.get("AWS_SECRET_ACCESS_KEY"),
        "token": access.get("AWS_SESSION_TOKEN"),
        "endpoint_url": access.get("AWS_ENDPOINT_URL_S3") or access.get("AWS_ENDPOINT_URL"),
        "client_kwargs": {name: value for name, value in client.items() if value},
    }
    return {name: value for name, value in found.items() if value}
