"""Which request a job was given: the same for every try of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_mlops_provider.records.codec import digest, encode


def request_identity(job: str, keys: Mapping[str, Any]) -> str:
    """64 hex digits: the SHA-256 of the job and its keys, the run key among them.

    The number of the try and the sender are left out: another worker, or one that was upgraded, asks for the same.

    A place where jobs run names a job by it, so that a retry finds the job of the earlier try.

    :param keys: the keys of the job, as records or plain JSON; equal keys in another order give the same identity.
    """
    plain = {name: value for name, value in encode(dict(keys)).items() if name != "sender"}
    origin = {name: value for name, value in (plain.pop("origin", None) or {}).items() if name != "try_number"}
    return digest({"job": job, "keys": plain, "origin": origin}).removeprefix("sha256:")
