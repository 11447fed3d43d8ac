"""The layers are contracts in pyproject.toml; here they are held inside the test run too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_every_room_imports_only_what_lies_below_it():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_there_is_no_room_without_a_name():
    forbidden = {"utils", "helpers", "common", "misc", "manager"}
    found = {path.stem for path in (REPOSITORY / "airflow_mlops_provider").rglob("*.py")}
    assert not found & forbidden
