"""Every Python block of the documentation runs, page by page, as a reader would run it: from top to bottom."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import REPOSITORY, RUNS_ITS_COMMANDS, Page, all_pages

PAGES = [page for page in all_pages() if any(block.language == "python" for block in page.blocks)]


@pytest.mark.integration
@pytest.mark.timeout(1800)  # the tutorial is half a minute of work, and ten times that on a busy machine
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_runs_from_top_to_bottom(page: Page, tmp_path: Path):
    # The reference Dags' folder "models" lies beside the reader, as it does in their Dag folder.
    shutil.copytree(REPOSITORY / "dags" / "models", tmp_path / "models")
    script = tmp_path / f"{page.path.stem}.md.py"
    script.write_text(page.script())
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(REPOSITORY),
        "WAGE_DATA": str(tmp_path / "wage"),
    }
    finished = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, f"{page.name} (line numbers are the page's):\n{finished.stderr[-3000:]}"
    printed = {_shape(line) for line in finished.stdout.splitlines()}
    for line in _shown_output(page):
        start = _shape(line.removesuffix("..."))
        assert any(found == start or (line.endswith("...") and found.startswith(start)) for found in printed), line


def _shown_output(page: Page) -> list[str]:
    """Lines that a page with checked output shows right after the code that prints them."""
    if page.name not in RUNS_ITS_COMMANDS:
        return []
    pairs = itertools.pairwise(page.blocks)
    shown = [after for before, after in pairs if (before.language, after.language) == ("python", "text")]
    return [line for block in shown for line in block.lines if line]


def _shape(line: str) -> str:
    # Words are compared and numbers are not: seconds, versions' hashes and the last digits differ by machine.
    return re.sub(r"\d[\d,.]*", "#", re.sub(r"\([0-9a-f]{8}\)", "(hash)", line)).strip()
