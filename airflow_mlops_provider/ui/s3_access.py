"""How the page reaches evidence on S3, where ``[mlops] aws_conn_id`` names a Connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import lru_cache

from fastapi.concurrency import run_in_threadpool

from airflow_mlops_provider.hooks.aws import AwsAccess
from airflow_mlops_provider.stores.aws_access import aws_access
from airflow_mlops_provider.tasks.settings import aws_conn_id


async def s3_access() -> AsyncIterator[None]:
    """FastAPI dependency: while a request is answered, S3 is reached by that Connection.

    :raises BackendError: when it does not exist or gives no access.
    """
    named = aws_conn_id()
    variables = await run_in_threadpool(_access(named).variables) if named else {}
    with aws_access(variables):
        yield


@lru_cache(maxsize=1)
def _access(named: str) -> AwsAccess:
    return AwsAccess(named)
