"""When a message to Slack is sent again: Slack asks to wait, answers with a server error, or cannot be reached.

Waits are bounded, because a worker waits with them.
"""

from __future__ import annotations

from typing import Any

from slack_sdk.http_retry.builtin_handlers import (
    ConnectionErrorRetryHandler,
    RateLimitErrorRetryHandler,
    ServerErrorRetryHandler,
)
from slack_sdk.http_retry.handler import RetryHandler
from slack_sdk.http_retry.response import HttpResponse

MAX_RETRIES = 3
MAX_WAIT_SECONDS = 30
"""The longest time that Slack may ask for; whoever must wait longer keeps the message instead."""


class _RateLimit(RateLimitErrorRetryHandler):
    def _can_retry(self, *, response: HttpResponse | None = None, **rest: Any) -> bool:
        return super()._can_retry(response=response, **rest) and is_short_wait(response)


class _ServerError(ServerErrorRetryHandler):
    def _can_retry(self, *, response: HttpResponse | None = None, **_: Any) -> bool:
        return is_server_error(response)


def is_short_wait(response: HttpResponse | None) -> bool:
    """Whether the ``Retry-After`` of a response, in seconds, is one that a worker can wait for."""
    headers = {} if response is None else response.headers
    given = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    text = given[0] if isinstance(given, list) else given
    return text is None or (str(text).isdigit() and int(text) <= MAX_WAIT_SECONDS)


def is_server_error(response: HttpResponse | None) -> bool:
    """Whether Slack, or a proxy before it, answered with 500 to 599."""
    return response is not None and 500 <= response.status_code < 600


def retry_handlers() -> list[RetryHandler]:
    """Handlers for Slack's blocking client."""
    return [
        ConnectionErrorRetryHandler(max_retry_count=1),
        _RateLimit(max_retry_count=MAX_RETRIES),
        _ServerError(max_retry_count=MAX_RETRIES),
    ]
