"""A real DVC repository on disk, with a Git history and a folder as its remote."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pandas as pd

_AUTHOR = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")


class DvcRepository:
    """A repository below ``root`` and the folder that it pushes to.

    :param root: an empty folder.
    """

    def __init__(self, root: Path) -> None:
        from dvc.repo import Repo

        self.folder, self.remote = root / "registry", root / "remote"
        self.folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch", "main")
        Repo.init(str(self.folder)).close()
        config = ("[core]", "    remote = store", "['remote \"store\"']", f"    url = {self.remote}", "")
        (self.folder / ".dvc" / "config").write_text("\n".join(config), encoding="utf-8")

    def git(self, *arguments: str) -> str:
        """Run Git here; returns what it prints."""
        done = subprocess.run(
            ["git", *_AUTHOR, *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, files: dict[str, pd.DataFrame], *, tracked: str, push: bool = True, tag: str | None = None) -> str:
        """Write ``files``, track ``tracked`` (one of them or their folder) and commit; returns the commit."""
        from dvc.repo import Repo

        for name, frame in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            write = frame.to_csv if name.endswith(".csv") else frame.to_parquet
            write(self.folder / name, index=False)
        with Repo(str(self.folder)) as repo:
            repo.add([str(self.folder / tracked)])
            if push:
                repo.push()
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "data")
        if tag:
            self.git("tag", "--force", tag)
        return self.git("rev-parse", "HEAD")

    def lose_the_bytes(self) -> None:
        """Empty the remote, as a mistaken garbage collection does."""
        shutil.rmtree(self.remote)

    def uri(self, path: str, **keys: str) -> str:
        """The ``dvc:`` URI of ``path`` here."""
        return f"dvc://{self.folder}?path={path}" + "".join(f"&{key}={value}" for key, value in keys.items())
