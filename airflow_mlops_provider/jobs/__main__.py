"""``python -m airflow_mlops_provider.jobs NAME SPEC.json``: one job, its Outcome as one line of JSON.

Exit status: 0 for any verdict, 2 for a bad spec or unreadable input, 1 for a failed backend or a fault of the job.
Whatever libraries and trainers print on the way goes to standard output, whose last line is the Outcome; standard error
holds the one line that says what is wrong, or, for a fault of the job itself, its traceback.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import TextIOBase
from pathlib import Path
from typing import Any, NoReturn, TextIO

from airflow_mlops_provider.exceptions import BadInputError, MLOpsError
from airflow_mlops_provider.jobs import JOBS, run
from airflow_mlops_provider.records.outcome import Outcome

EXIT_OK, EXIT_FAULT, EXIT_BAD_INPUT = 0, 1, 2


def read_spec(source: str) -> dict[str, Any]:
    """The spec in file ``source``, or on standard input for ``-``."""
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BadInputError(f"spec {source}: {getattr(error, 'strerror', None) or error}") from error
    try:
        spec = json.loads(text, object_pairs_hook=_without_repeats)
    except RecursionError as error:
        raise BadInputError(f"spec {source} is not a spec: it is nested too deeply") from error
    except ValueError as error:
        raise BadInputError(f"spec {source} is not JSON: {error}") from error
    if not isinstance(spec, dict):
        raise BadInputError(f"spec {source} must be a JSON object, not {type(spec).__name__}")
    return spec


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} is given twice")
    return found


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line, as for every other bad input."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_BAD_INPUT, f"{message}; usage: {self.prog} NAME SPEC.json\n")


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
    parser = _Parser(prog="python -m airflow_mlops_provider.jobs", description=__doc__)
    parser.add_argument("name", metavar="NAME", help=f"one of: {', '.join(JOBS)}")
    parser.add_argument("spec", metavar="SPEC.json", help="the job's keys as a JSON file; - reads standard input")
    parsed = parser.parse_args(arguments)
    chatter = _Chatter(sys.stdout)
    try:
        with redirect_stdout(chatter), redirect_stderr(chatter):
            outcome = run(parsed.name, read_spec(parsed.spec))
            line = _line(outcome)
    except MLOpsError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return EXIT_BAD_INPUT if isinstance(error, BadInputError) else EXIT_FAULT
    except SystemExit as error:
        # A trainer that calls exit(0) has not given the Outcome that status 0 promises.
        print(f"job {parsed.name!r} was ended from inside by exit({error.code!r})", file=sys.stderr)
        return EXIT_FAULT
    except Exception:
        traceback.print_exc()
        return EXIT_FAULT
    print(f"\n{line}" if chatter.is_line_open else line, flush=True)
    return EXIT_OK


def _line(outcome: Outcome) -> str:
    return json.dumps(outcome.to_json(), allow_nan=False)


def _send_chatter_to_standard_output() -> None:
    # Libraries also write past sys.stderr: to a handler made earlier, or from C.
    own = os.dup(sys.stderr.fileno())
    os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
    sys.stderr = os.fdopen(own, "w", encoding="utf-8", errors="backslashreplace", buffering=1)


if __name__ == "__main__":
    _send_chatter_to_standard_output()
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Libraries leave threads behind that can keep a finished job alive or make it die at exit.
    os._exit(status)
