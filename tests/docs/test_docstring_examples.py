"""Examples in docstrings are run, and give what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from tests.docs.pages import REPOSITORY

PACKAGE = REPOSITORY / "airflow_mlops_provider"
WITH_EXAMPLES = [path for path in sorted(PACKAGE.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_examples_of_a_module_give_what_they_say(path: Path):
    module = importlib.import_module(".".join(path.relative_to(REPOSITORY).with_suffix("").parts))
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def test_the_statistics_have_examples():
    assert len(WITH_EXAMPLES) >= 8
