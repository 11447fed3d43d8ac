"""A snapshot added to the DVC repository that its folder lies in, and committed to Git."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from airflow_mlops_provider.exceptions import BackendError, BadInputError, one_line
from airflow_mlops_provider.records.snapshot import LATEST, SNAPSHOT, Snapshot
from airflow_mlops_provider.stores.datasets.filesystems import filesystem, is_local

_SECONDS = 60


@dataclass(frozen=True, slots=True)
class DvcFolder:
    """A folder of snapshots within a DVC repository.

    :param folder: of the snapshots.
    :param repository: the repository's own folder.
    """

    folder: Path
    repository: Path

    def commit(self, snapshot: Snapshot) -> str:
        """Add the data files to DVC, and commit what names them; returns the commit. A repetition finds the same one.

        Nothing is pushed, and what else lies changed in the repository is left out.

        :raises BackendError: when DVC or Git cannot, with the reason.
        """
        files = [self.folder / file.path for file in snapshot.files]
        self._add([file for file in files if not _pointer(file).exists()])
        marks = [self.folder / f"{snapshot.name}{SNAPSHOT}", self.folder / LATEST, self.folder / "published"]
        paths = [str(path) for path in (*map(_pointer, files), self.folder / "data" / ".gitignore", *marks)]
        # The pointers of other data files are other snapshots' matter.
        self._git("add", "--", *paths)
        if self._git("status", "--porcelain", "--untracked-files=no", "--", *paths):
            message = f"Snapshot {snapshot.name} of {self.folder.name}: {snapshot.rows:,} rows"
            self._git("commit", "--quiet", "--message", message, "--", *paths)
        return self._git("log", "-1", "--format=%H", "--", str(marks[0]))

    def _add(self, files: list[Path]) -> None:
        from dvc.exceptions import DvcException
        from dvc.repo import Repo

        if not files:
            return
        try:
            with Repo(str(self.repository)) as repo:
                repo.add([str(file) for file in files])
        except (DvcException, OSError) as error:
            raise BackendError(f"{self.folder} cannot be added to DVC: {one_line(error)}") from error

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.repository), *arguments]
        try:
            done = subprocess.run(  # noqa: S603  # fixed words and paths, no shell
                command, capture_output=True, text=True, check=False, timeout=_SECONDS
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise BackendError(f"{self.folder} cannot be committed: {one_line(error)}") from error
        if done.returncode:
            said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
            raise BackendError(
                f"{self.folder} cannot be committed: {said[-1] if said else f'git {arguments[0]} failed'}"
            )
        return done.stdout.strip()


def dvc_folder(uri: str) -> DvcFolder:
    """The folder of snapshots at ``uri`` in its DVC repository.

    :raises BadInputError: when it lies in none.
    :raises BackendError: when DVC is not installed.
    """
    try:
        from dvc.exceptions import NotDvcRepoError
        from dvc.repo import Repo
    except ImportError as error:
        raise BackendError(f"key 'dvc' needs DVC: pip install 'airflow-mlops-provider[dvc]' ({error})") from error
    fs, path = filesystem(uri)
    if not is_local(fs):
        raise BadInputError(f"key 'dvc': {uri} is no local folder, and only such lie in a DVC repository")
    folder = Path(path).resolve()
    standing = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        return DvcFolder(folder=folder, repository=Path(Repo.find_root(str(standing))))
    except NotDvcRepoError as error:
        raise BadInputError(f"key 'dvc': {uri} lies in no DVC repository; make one with dvc init") from error


def _pointer(file: Path) -> Path:
    return file.with_name(f"{file.name}.dvc")
