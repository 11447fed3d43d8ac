"""``python -m airflow_mlops_provider.jobs NAME SPEC.json``: one job, its Outcome as one line of JSON.

Exit status: 0 for any verdict, 2 for a bad spec or unreadable input, 1 for a failed backend or a fault of the job.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError, MLOpsError
from airflow_mlops_provider.jobs import JOBS, run

EXIT_OK, EXIT_FAULT, EXIT_BAD_INPUT = 0, 1, 2


def read_spec(source: str) -> dict[str, Any]:
    """The spec in file ``source``, or on standard input for ``-``."""
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"spec {source}: {getattr(error, 'strerror', None) or error}") from error
    try:
        spec = json.loads(text)
    except ValueError as error:
        raise BadInputError(f"spec {source} is not JSON: {error}") from error
    if not isinstance(spec, dict):
        raise BadInputError(f"spec {source} must be a JSON object, not {type(spec).__name__}")
    return spec


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m airflow_mlops_provider.jobs", description=__doc__)
    parser.add_argument("name", metavar="NAME", help=f"one of: {', '.join(JOBS)}")
    parser.add_argument("spec", metavar="SPEC.json", help="the job's keys as a JSON file; - reads standard input")
    parsed = parser.parse_args(arguments)
    try:
        outcome = run(parsed.name, read_spec(parsed.spec))
    except MLOpsError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return EXIT_BAD_INPUT if isinstance(error, BadInputError) else EXIT_FAULT
    except Exception:
        traceback.print_exc()
        return EXIT_FAULT
    print(json.dumps(outcome.to_json(), allow_nan=False), flush=True)
    return EXIT_OK


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Libraries leave threads behind that can keep a finished job alive or make it die at exit.
    os._exit(status)
