"""Kubernetes' programs: built once for each machine by ``build.sh``, and kept outside of the repository.

``python -m tests.services.cluster.programs`` builds them where they are absent; ``make test-services`` begins with it,
beside the tests that need none of them.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
    """Build what is absent, or wait for whoever does; returns what went wrong, or nothing."""
    with _alone():
        if are_built():
            return ""
        command = [Path(__file__).with_name("build.sh"), folder()]
        built = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        return "" if are_built() else built.stderr[-2000:] or "no reason given"


@contextmanager
def _alone() -> Iterator[None]:
    """One process of this machine at a time; the lock goes with the process that holds it."""
    folder().parent.mkdir(parents=True, exist_ok=True)
    with folder().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


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
        sys.exit(f"Kubernetes could not be built: {problem}")
