"""Every Python block of the documentation runs, page by page, as a reader would run it: from top to bottom."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import REPOSITORY, Page, all_pages

PAGES = [page for page in all_pages() if any(block.language == "python" for block in page.blocks)]


@pytest.mark.integration
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
