"""``python -m airflow_mlops_provider.jobs NAME SPEC.json``: one job, its Outcome as one line of JSON.

Exit status: 0 for any verdict, 3 for a verdict that ``--fail-on`` names, 2 for a bad spec or unreadable input, 1 for a
failed backend or a fault of the job. Whatever libraries and trainers print on the way goes to standard output, whose
last line is the Outcome; standard error holds the one line that says what is wrong, or, for a fault of the job itself,
its traceback. See :mod:`airflow_mlops_provider.jobs.protocol`.

In a container, ``--message-file`` names the file whose content the place keeps when the container is gone; see
:mod:`airflow_mlops_provider.jobs.exit_message`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import TextIOBase, TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn, TextIO

from airflow_mlops_provider.exceptions import BadInputError, FormerNameWarning, MLOpsError, one_line
from airflow_mlops_provider.jobs import JOBS, run, run_and_leave
from airflow_mlops_provider.jobs.exit_message import ExitMessage
from airflow_mlops_provider.jobs.parent import end_when_told, end_with_parent
from airflow_mlops_provider.jobs.protocol import ExitStatus, outcome_line, report_of_error
from airflow_mlops_provider.jobs.secret_variables import read_secret_variables
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.code.modules import remove_placed
from airflow_mlops_provider.stores.evidence.job_specs import read_spec as read_kept_spec


def read_spec(source: str) -> dict[str, Any]:
    """The spec in file ``source``, in an evidence root for a URI, or on standard input for ``-``."""
    spec = read_kept_spec(source) if "://" in source else _spec_in(source)
    if not isinstance(spec, dict):
        raise BadInputError(f"spec {source} must be a JSON object, not {type(spec).__name__}")
    return spec


def _spec_in(source: str) -> Any:
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BadInputError(f"spec {source}: {getattr(error, 'strerror', None) or error}") from error
    try:
        return json.loads(text, object_pairs_hook=_without_repeats)
    except RecursionError as error:
        raise BadInputError(f"spec {source} is not a spec: it is nested too deeply") from error
    except ValueError as error:
        raise BadInputError(f"spec {source} is not JSON: {error}") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} is given twice")
    return found


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line, as for every other bad input."""

    def error(self, message: str) -> NoReturn:
        self.exit(ExitStatus.BAD_INPUT, f"{message}; usage: {self.prog} NAME SPEC.json\n")


class _Chatter(TextIOBase):
    """Passes text on to ``stream`` and remembers whether it ended its last line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.is_line_open = False

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        if text:
            self.is_line_open = not text.endswith("\n")
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parsed = _parser().parse_args(arguments)
    chatter = _Chatter(sys.stdout)
    try:
        with redirect_stdout(chatter), redirect_stderr(chatter):
            outcome, uri = _run(parsed)
            line = outcome_line(outcome)
    except SystemExit as error:
        # A trainer that calls exit(0) has not given the Outcome that status 0 promises.
        said = f"job {parsed.name!r} was ended from inside by exit({error.code!r})"
        return _failed(parsed, ExitStatus.FAILED, said)
    except Exception as error:
        return _failed(parsed, *report_of_error(error))
    print(f"\n{line}" if chatter.is_line_open else line, flush=True)
    status = ExitStatus.VERDICT if outcome.verdict.status in parsed.fail_on else ExitStatus.OUTCOME
    return _with_message(parsed, ExitMessage(status=status, outcome_uri=uri))


def _run(parsed: argparse.Namespace) -> tuple[Outcome, str]:
    read_secret_variables()
    spec = read_spec(parsed.spec)
    return run_and_leave(parsed.name, spec) if parsed.message_file else (run(parsed.name, spec), "")


def _failed(parsed: argparse.Namespace, status: ExitStatus, said: str) -> int:
    print(said, file=sys.stderr)
    return _with_message(parsed, ExitMessage(status=status, error=said))


def _with_message(parsed: argparse.Namespace, message: ExitMessage) -> int:
    """The exit status of the command, once its message is written where one is asked for."""
    if parsed.message_file:
        try:
            message.write(parsed.message_file, at_most=parsed.message_bytes)
        except MLOpsError as error:
            print(one_line(error), file=sys.stderr)
            return ExitStatus.FAILED
    return message.status


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m airflow_mlops_provider.jobs", description=__doc__)
    parser.add_argument("name", metavar="NAME", help=f"one of: {', '.join(JOBS)}")
    parser.add_argument(
        "spec",
        metavar="SPEC.json",
        help="the job's keys: a JSON file, a spec in an evidence root, or - for standard input",
    )
    parser.add_argument(
        "--fail-on",
        metavar="STATUSES",
        type=_statuses,
        default=frozenset(),
        help=f"verdicts, separated by commas, that end with status {ExitStatus.VERDICT:d}: {', '.join(Status)}",
    )
    parser.add_argument(
        "--message-file", metavar="FILE", type=Path, help="where to leave the address of the Outcome, or the error"
    )
    parser.add_argument(
        "--message-bytes", metavar="COUNT", type=int, default=4096, help="what FILE may hold (default: %(default)s)"
    )
    return parser


def _statuses(text: str) -> frozenset[Status]:
    try:
        return frozenset(Status(name.strip()) for name in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of verdicts; they are {', '.join(Status)}") from None


def _redirect_stderr_to_stdout() -> None:
    # Libraries also write past sys.stderr: to a handler made earlier, or from C.
    own = os.dup(sys.stderr.fileno())
    os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
    sys.stderr = os.fdopen(own, "w", encoding="utf-8", errors="backslashreplace", buffering=1)


def _flush_each_line() -> None:
    # Whoever reads standard output through a pipe sees each line when it is printed.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)


if __name__ == "__main__":
    # Python shows deprecations to programmers alone; whoever wrote the spec is to see these.
    warnings.simplefilter("default", FormerNameWarning)
    end_with_parent()
    end_when_told(os.getpid())
    _flush_each_line()
    _redirect_stderr_to_stdout()
    status = main()
    remove_placed()
    sys.stdout.flush()
    sys.stderr.flush()
    # Libraries leave threads behind that can keep a finished job alive or make it die at exit.
    os._exit(status)
