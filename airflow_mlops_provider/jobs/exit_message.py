"""The last word of a job in a container: a file of a few kilobytes that the place hands to whoever asks for it.

Kubernetes keeps it as the termination message of a container (4,096 bytes), SageMaker as the exit message of a job
(1,024). It says where the Outcome lies, or what went wrong, so that nobody has to read it out of a log.
"""

from __future__ import annotations

import bisect
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.records.codec import decode, encode, parse_json

_CUT = "..."


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitMessage:
    """How a job ended.

    :param status: exit status of the command, see :class:`~airflow_mlops_provider.jobs.protocol.ExitStatus`.
    :param outcome_uri: where the Outcome lies in the evidence root; empty when there is none.
    :param error: what standard error says; empty when there is an Outcome.
    """

    status: int
    outcome_uri: str = ""
    error: str = ""

    def to_bytes(self, *, at_most: int) -> bytes:
        """The message as one line of JSON; an error too long for it keeps its first line, and as much of its end.

        :param at_most: bytes.
        :raises BackendError: when not even the Outcome's address fits.
        """
        data = _json(encode(self))
        if len(data) > at_most:
            fits = bisect.bisect_right(range(len(self.error)), at_most, key=lambda n: len(_json(encode(self._cut(n)))))
            data = _json(encode(self._cut(fits - 1)))
        if len(data) > at_most:
            raise BackendError(f"exit message {data.decode()} has {len(data):,} bytes; at most {at_most:,} are kept")
        return data

    def write(self, path: Path, *, at_most: int) -> None:
        """Write the message to ``path``.

        :raises BackendError: when the file cannot be written.
        """
        data = self.to_bytes(at_most=at_most)
        try:
            path.write_bytes(data)
        except OSError as error:
            raise BackendError(f"exit message {path} cannot be written: {error.strerror}") from error

    @classmethod
    def parse(cls, text: str | None) -> ExitMessage | None:
        """The inverse of :meth:`to_bytes`; ``None`` for any other text, such as the last lines of a log."""
        try:
            return decode(cls, parse_json((text or "").strip().encode(), where="exit message"))
        except BadInputError:
            return None

    def _cut(self, length: int) -> ExitMessage:
        """The message with at most ``length`` characters of its error."""
        first, newline, rest = self.error.partition("\n")
        if not newline:
            return replace(self, error=f"{first[:length]} {_CUT}")
        # The end of a traceback names the error.
        return replace(self, error=f"{first}\n  {_CUT}\n{rest[len(rest) - length :] if length > 0 else ''}")


def _json(plain: Any) -> bytes:
    return json.dumps(plain, ensure_ascii=False, allow_nan=False).encode(errors="backslashreplace")
