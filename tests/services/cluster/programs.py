"""Kubernetes' programs: built once for each machine by ``build.sh``, and kept outside of the repository.

``python -m tests.services.cluster.programs`` builds them where they are absent, before a test waits for them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

VERSION = "1.20.2"
PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


def folder() -> Path:
    """Where the programs lie."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "airflow-mlops-provider" / f"kubernetes-{VERSION}"


def are_built() -> bool:
    return all((folder() / name).exists() for name in PROGRAMS)


def build() -> str:
    """Build what is absent; returns what went wrong, or nothing."""
    if are_built():
        return ""
    command = [Path(__file__).with_name("build.sh"), folder()]
    built = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    return "" if are_built() else built.stderr[-2000:] or "no reason given"


def require_programs() -> Path:
    """The folder of the programs; where CI runs, those that cannot be built are a failure and no skip."""
    if problem := build():
        said = f"Kubernetes could not be built: {problem}"
        pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)
    return folder()


if __name__ == "__main__":
    if not are_built():
        print("Kubernetes is built from Debian's sources, once for this machine; it takes some minutes", flush=True)
    if problem := build():
        print(f"it could not be built: {problem}", file=sys.stderr)
