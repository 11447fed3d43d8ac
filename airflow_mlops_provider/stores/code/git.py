"""The Git commit that a file of the user's code is at."""

from __future__ import annotations

import subprocess
from pathlib import Path

_SECONDS = 5


def git_commit(path: Path) -> str | None:
    """The commit that the file's folder is at, or ``None`` outside a repository or without git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(path.resolve().parent), *arguments]
        done = subprocess.run(  # noqa: S603  # fixed words and a path, no shell
            command, capture_output=True, text=True, check=True, timeout=_SECONDS
        )
        return done.stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        return f"{commit}+changes" if git("status", "--porcelain", "--", path.name) else commit
    except (OSError, subprocess.SubprocessError):
        return None
