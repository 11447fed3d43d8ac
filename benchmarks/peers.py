"""Environments of their own for the peers that cannot be installed beside Airflow; made once, in ``.venv-bench``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PLACE = REPOSITORY / ".venv-bench"
PINS = REPOSITORY / "requirements" / "peers"
TIMEOUT_SECONDS = 1200


def prepare() -> None:
    """Install what is not there yet. A peer that does not install is remembered with the reason, and left out."""
    PLACE.mkdir(exist_ok=True)
    for pins in sorted(PINS.glob("*.in")):
        if not _is_current(pins):
            print(f"  installing {pins.stem} into {PLACE.name}/{pins.stem} ...", file=sys.stderr, flush=True)
            _install(pins)


def python_of(peer: str) -> Path | str:
    """The interpreter of a peer's environment, or why there is none."""
    reason = _reason(peer)
    if reason.exists():
        return reason.read_text().strip()
    python = PLACE / peer / "bin" / "python"
    return python if python.exists() else "does not install: never tried"


def _reason(peer: str) -> Path:
    return PLACE / f"{peer}.failed"


def _is_current(pins: Path) -> bool:
    marker = PLACE / pins.stem / ".installed"
    known = marker if marker.exists() else _reason(pins.stem)
    return known.exists() and known.stat().st_mtime >= pins.stat().st_mtime


def _install(pins: Path) -> None:
    folder = PLACE / pins.stem
    shutil.rmtree(folder, ignore_errors=True)
    _reason(pins.stem).unlink(missing_ok=True)
    # Without .pyc files imports take two to four times as long, and rankings change.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--compile", "-r", str(pins)]
    for command in ([sys.executable, "-m", "venv", str(folder)], install):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=environment, timeout=TIMEOUT_SECONDS
            )
            problem = _last_error(done.stderr) if done.returncode else None
        except subprocess.TimeoutExpired:
            problem = f"took more than {TIMEOUT_SECONDS} s"
        if problem is not None:
            shutil.rmtree(folder, ignore_errors=True)
            _reason(pins.stem).write_text(f"does not install: {problem}\n")
            return
    (folder / ".installed").touch()


def _last_error(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip().lower().startswith("error")]
    return (lines or text.strip().splitlines() or ["no message"])[0][:200]
