"""Secrets within a text: passwords and keys in addresses, signed queries, tokens of Slack.

Beside the rooms, because every message of the package goes through here: see ``MLOpsError``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

HIDDEN = "***"
"""What stands where a secret stood."""

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>[^\s'\"<>|`{}\\]+)")
_PORT = re.compile(r"[^:]*(:\d*)?|\[[^\]]*\](:\d*)?|arn:.*")
_USER_ALONE = frozenset({"http", "https"})
"""Where a user without a password is a token; elsewhere it is a name, as in ``ssh://git@host`` or ``abfs://files@account``."""
_QUERY = re.compile(
    r"(?P<name>[?&;](?:x-(?:amz|goog)-(?:signature|credential|security-token)|signature|sig|awsaccesskeyid|googleaccessid"
    r"|[\w-]*(?:token|secret|passw(?:or)?d|pwd|api[_-]?key|access[_-]?key|account[_-]?key))=)"
    # Of a sentence that goes on, the full stop or colon is no part of the address.
    r"(?P<secret>[^&\s'\"#;<>]+?)(?=[:,.)]*(?:[&\s'\"#;<>]|$))",
    re.IGNORECASE,
)
_SLACK = re.compile(
    r"(?P<name>(?:/services|/workflows|/triggers)/(?=[TE][A-Z0-9]{4,}/)|\bxox[a-z]-)(?P<secret>[\w/%-]+)"
)
_MARKS = ("://", "=", "xox", "/services/", "/workflows/", "/triggers/")


def masked(text: str) -> str:
    """``text`` with every secret in it hidden, and all else as it is.

    >>> masked("no answer from https://ada:s3cr3t@example.com/mlflow")
    'no answer from https://ada:***@example.com/mlflow'
    >>> masked("https://b.example.com/x.parquet?X-Amz-Signature=d3adb33f&a=1")
    'https://b.example.com/x.parquet?X-Amz-Signature=***&a=1'
    >>> masked("s3://bucket/a@b.parquet is read by models:/wage@champion")
    's3://bucket/a@b.parquet is read by models:/wage@champion'
    """
    if not any(mark in text for mark in _MARKS):
        return text
    text = _ADDRESS.sub(_without_password, text)
    text = _QUERY.sub(rf"\g<name>{HIDDEN}", text)
    return _SLACK.sub(rf"\g<name>{HIDDEN}", text)


def masked_values(value: Any) -> Any:
    """Plain JSON with every text in it masked."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {name: masked_values(each) for name, each in value.items()}
    return [masked_values(each) for each in value] if isinstance(value, list | tuple) else value


def secrets_of(value: Any) -> Iterator[str]:
    """Every secret in the texts of ``value``, which is plain JSON: for whoever hides them by their values."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from secrets_of(each)
    if isinstance(value, str):
        for match in _ADDRESS.finditer(value):
            if parts := _divided(match):
                yield parts[1]
        for match in (*_QUERY.finditer(value), *_SLACK.finditer(value)):
            yield match["secret"]


def _without_password(match: re.Match[str]) -> str:
    parts = _divided(match)
    if parts is None:
        return match[0]
    user, _, rest = parts
    return f"{match['scheme']}://{user}{HIDDEN}@{rest}"


def _divided(match: re.Match[str]) -> tuple[str, str, str] | None:
    """User with a colon, secret, and what comes after them; ``None`` when there is no secret before the host.

    People paste passwords as they are: one with ``@`` or ``/`` in it ends at the last ``@``.
    """
    rest = match["rest"]
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" not in rest or ("@" not in host and _PORT.fullmatch(host)):
        return None
    before, _, after = rest.rpartition("@")
    user, colon, secret = before.partition(":")
    if not colon:
        return ("", user, after) if match["scheme"].lower() in _USER_ALONE else None
    return f"{user}:", secret, after
