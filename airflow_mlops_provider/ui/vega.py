"""The script that draws charts in the browser, out of the installed package and never out of a copy of it."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from importlib import metadata

from airflow_mlops_provider.exceptions import BackendError

_CHILD = """
import sys, vl_convert
sys.stdout.buffer.write(vl_convert.javascript_bundle().encode())
"""


@cache
def vega_version() -> str:
    """Of the package that holds the script; empty when it is not installed, and then the page shows tables."""
    try:
        return metadata.version("vl-convert-python")
    except metadata.PackageNotFoundError:
        return ""


@cache
def vega_script() -> bytes:
    """Vega, Vega-Lite, Vega-Embed and the expression interpreter that needs no ``eval``, as one script.

    It is made in a process of its own, because that loads a JavaScript engine which the API server has no use for.

    :raises BackendError: when the package cannot make it.
    """
    try:
        done = subprocess.run(  # noqa: S603  # this interpreter, with the program above
            [sys.executable, "-c", _CHILD], capture_output=True, timeout=60, check=True
        )
    except subprocess.SubprocessError as error:
        raise BackendError(f"the script for charts cannot be made: {error}") from error
    return done.stdout
