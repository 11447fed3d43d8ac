"""A fresh virtual environment with an Airflow in it, and wheels of this package."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
BUNDLE = {"name": "mlops", "classpath": "airflow_mlops_provider.bundles.PackagedDagBundle", "kwargs": {}}
UV = shutil.which("uv")
HELD_BACK = {"3.2": ("fastapi<0.137", "cadwyn<7", "starlette<1.3", "svcs<26")}
"""What Airflow's own constraints file holds back: with newer ones no task of Airflow 3.2.2 runs, whatever its Dag."""


class StepFailedError(Exception):
    """A command failed; the text is the end of what it said."""


def execute(command: list[str], *, env: dict[str, str] | None = None, cwd: Path = Path("/")) -> str:
    """Run a command, with the machine's other work before it; returns its standard output."""
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False, preexec_fn=_be_nice)
    if done.returncode:
        said = f"{done.stdout}\n{done.stderr}".strip()
        raise StepFailedError(f"{' '.join(command[:4])}: exit {done.returncode}\n{said[-3000:]}")
    return done.stdout


def _be_nice() -> None:
    os.nice(10)


def build_wheel(into: Path, *, commit: str | None = None) -> Path:
    """The wheel of the working tree, or of ``commit``."""
    source = REPOSITORY
    if commit:
        archive = subprocess.run(["git", "archive", commit], cwd=REPOSITORY, capture_output=True, check=True).stdout
        source = into / "source"
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(source, filter="data")
    execute([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(into), str(source)])
    [wheel] = into.glob("*.whl")
    return wheel


class Environment:
    """A virtual environment with the newest patch of one Airflow series, and Airflow's migrated database.

    A context manager that removes it. What is there at first is kept aside: :meth:`renew` starts from it again.

    :param folder: where to make it.
    :param airflow: the series, such as ``3.2``.
    """

    def __init__(self, folder: Path, *, airflow: str) -> None:
        self.series, self._folder = airflow, folder
        self.place, self.home = folder / "environment", folder / "airflow"
        self.python = self.place / "bin" / "python"

    def __enter__(self) -> Environment:
        how = [UV, "venv", "--quiet", "--python", sys.executable] if UV else [sys.executable, "-m", "venv"]
        execute([*how, str(self.place)])
        self.install(f"apache-airflow=={self.series}.*", *HELD_BACK.get(self.series, ()))
        self.home.mkdir()
        self.airflow("db", "migrate")
        for path in (self.place, self.home):
            path.rename(self._kept(path))
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kept(self, path: Path) -> Path:
        return self._folder / f"first-{path.name}"

    def renew(self) -> None:
        """Airflow alone, as it was installed; what was added since is gone."""
        for path in (self.place, self.home):
            shutil.rmtree(path, ignore_errors=True)
        # Installers replace files and never write into them, so those of the environment may share their bytes.
        shutil.copytree(self._kept(self.place), self.place, symlinks=True, copy_function=os.link)
        shutil.copytree(self._kept(self.home), self.home)

    @property
    def variables(self) -> dict[str, str]:
        """The variables of a process in it: none of whoever runs this."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "PYTHON"))}
        return kept | {
            "PATH": f"{self.place / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([BUNDLE]),
            "VIRTUAL_ENV": str(self.place),
        }

    def install(self, *requirements: str) -> None:
        """Install, as a person would who has Airflow already: nothing is pinned."""
        how = [UV, "pip", "install", "--quiet", "--python", str(self.python)] if UV else self._pip("install", "--quiet")
        execute([*how, *requirements])

    def _pip(self, *arguments: str) -> list[str]:
        return [str(self.python), "-m", "pip", *arguments]

    def check(self) -> None:
        """``pip check``."""
        execute([UV, "pip", "check", "--python", str(self.python)] if UV else self._pip("check"))

    def version(self, package: str) -> str:
        """The installed version of ``package``, or ``none``."""
        asked = (
            "import importlib.metadata as m, sys\n"
            "try: print(m.version(sys.argv[1]))\n"
            "except m.PackageNotFoundError: print('none')"
        )
        return execute([str(self.python), "-c", asked, package]).strip()

    def airflow(self, *arguments: str) -> str:
        """Output of the ``airflow`` command."""
        return execute([str(self.place / "bin" / "airflow"), *arguments], env=self.variables)

    def run(self, script: Path, *arguments: str, **variables: str) -> str:
        """Output of a script in this environment."""
        return execute([str(self.python), str(script), *arguments], env=self.variables | variables)
