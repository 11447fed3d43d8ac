"""Spark for tests: pyspark in a folder of its own, installed once for each machine and kept outside of the repository.

``python -m tests.services.spark_programs`` installs it where it is absent, before a test waits for it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployment.servers import require_program

VERSION = "4.1"
"""At least; of pyspark, whose sources of 450 MB are more than the other tests install together."""


def folder() -> Path:
    """Where it lies: a folder for ``PYTHONPATH``."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "airflow-mlops-provider" / f"pyspark-{VERSION}"


def install() -> str:
    """Install what is absent; returns what went wrong, or nothing."""
    if (folder() / "installed").exists():
        return ""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", folder()]
    done = subprocess.run(
        [*command, f"pyspark>={VERSION},<5", "py4j"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        (folder() / "installed").touch()
    return "" if done.returncode == 0 else done.stderr[-2000:] or "no reason given"


def require_spark() -> Path:
    """The folder of pyspark, where Java is too; where CI runs, what is absent is a failure and no skip."""
    require_program("java", "openjdk-17-jre-headless")
    if problem := install():
        said = f"pyspark could not be installed: {problem}"
        pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)
    return folder()


if __name__ == "__main__":
    if problem := install():
        print(f"pyspark could not be installed: {problem}", file=sys.stderr)
