"""The protocol of the command line: exit statuses, the line of the Outcome, how errors are reported.

The command writes it and every runner that starts the command reads it. Standard output is what the job prints, and its
last line is the Outcome. Standard error is one sentence that says what is wrong or, for a fault, the traceback.
"""

from __future__ import annotations

import json
import signal
import traceback
from collections.abc import Sequence
from enum import IntEnum

from airflow_mlops_provider.exceptions import (
    BackendError,
    BadInputError,
    JobFaultError,
    MLOpsError,
    RemoteTraceback,
    one_line,
)
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.secrets_in_text import masked

PARENT_PIPE = "MLOPS_PARENT_PIPE"
"""Environment variable with the number of an inherited pipe, at whose end the job ends too."""

LONGEST_TRACEBACK = 2000
"""Lines of a traceback that are kept."""

_TRACEBACK = "Traceback (most recent call last):"


class ExitStatus(IntEnum):
    """How the command ends."""

    OUTCOME = 0
    """There is an Outcome."""
    FAILED = 1
    """A backend failed, or the job has a fault."""
    BAD_INPUT = 2
    """The spec or what it points at cannot be used."""
    VERDICT = 3
    """There is an Outcome, whose verdict is one of those that ``--fail-on`` names."""


def outcome_line(outcome: Outcome) -> str:
    """The Outcome as the last line of standard output."""
    return json.dumps(outcome.to_json(), allow_nan=False)


def outcome_in(line: str) -> Outcome | None:
    """The Outcome that ``line`` is, or ``None`` for any other line."""
    if not (line.startswith("{") and '"verdict"' in line):
        return None
    try:
        return Outcome.from_json(json.loads(line))
    except (ValueError, BadInputError):
        return None


def report_of_error(error: Exception) -> tuple[ExitStatus, str]:
    """How the command ends on ``error``, and what standard error says of it."""
    if isinstance(error, BadInputError):
        return ExitStatus.BAD_INPUT, one_line(error)
    if isinstance(error, MLOpsError):
        return ExitStatus.FAILED, one_line(error)
    return ExitStatus.FAILED, masked("".join(traceback.format_exception(error)).rstrip())


def error_of(status: int | None, errors: Sequence[str], *, where: str) -> MLOpsError:
    """The error that a command without an Outcome reported; the inverse of :func:`report_of_error`.

    :param status: its exit status; negative for the signal that killed it, as in :mod:`subprocess`; ``None`` when it is
        not known.
    :param errors: the lines of its standard error.
    :param where: the job and its place, for the message.
    """
    said = [line for line in errors if line.strip()]
    if status == ExitStatus.BAD_INPUT and said:
        return BadInputError(said[-1])
    if status is not None and status < 0:
        return BackendError(f"{where}: it ended without a word, killed by {_signal(-status)}")
    if _TRACEBACK in said:
        return _fault(errors[errors.index(_TRACEBACK) :], where=where)
    if status == ExitStatus.FAILED and said:
        return BackendError(f"{where}: {said[-1]}")
    return BackendError(f"{where}: it ended without a word and without an Outcome (exit status {status})")


def released(held: list[str], line: str) -> list[str]:
    """The lines of standard error that are no message of the protocol, now that ``line`` follows them.

    :param held: the lines that may be such a message: the last one, or all since a traceback began; updated in place.
    """
    go_on = held[:1] == [_TRACEBACK] and len(held) < LONGEST_TRACEBACK
    free = [] if go_on else held.copy()
    held[:] = [*held, line] if go_on else [line]
    return free


def tells(result: Outcome | MLOpsError, held: Sequence[str]) -> bool:
    """Whether ``result`` says what the last lines of standard error say, so that the log need not."""
    if isinstance(result, JobFaultError):
        return True
    return len(held) == 1 and isinstance(result, MLOpsError) and str(result).endswith(held[0])


def _fault(lines: Sequence[str], *, where: str) -> JobFaultError:
    frames = max((i for i, line in enumerate(lines) if line.startswith('  File "')), default=0)
    message = next((i for i in range(frames, len(lines)) if lines[i][:1].strip()), len(lines) - 1)
    fault = JobFaultError(f"{where}: {one_line(' '.join(lines[message:]))}")
    fault.__cause__ = RemoteTraceback("\n".join(lines))
    return fault


def _signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "a signal"
    hint = "; the machine may have run out of memory" if number == signal.SIGKILL else ""
    return f"{name} (signal {number}){hint}"
