"""The sizes that make a file readable in one look; a single long one is allowed, a habit is not."""

from __future__ import annotations

import re
from statistics import median, quantiles

from tests.architecture.sources import TESTS, function_lengths, sources

# Something of the package or a library is replaced; a variable of the environment, or a version's patch, is not.
PATCHES = re.compile(r"\b\w*patch\.(?:setattr|object|dict|multiple)\b|\bpatch\(|\bMagicMock\b|\bMock\(")


def test_half_of_all_files_have_at_most_130_lines():
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in sources()]
    assert median(lengths) <= 130


def test_no_file_has_more_than_400_lines():
    assert [path.name for path in sources() if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []


def test_nineteen_of_twenty_functions_have_at_most_30_lines():
    lengths = [length for path in sources() for length in function_lengths(path)]
    assert len(lengths) > 1000
    assert quantiles(lengths, n=20)[-1] <= 30


def test_a_hundred_tests_patch_at_most_twice():
    texts = [path.read_text(encoding="utf-8") for path in TESTS.rglob("*.py") if path.name != "test_sizes.py"]
    tests = sum(len(re.findall(r"^\s*def test_", text, flags=re.MULTILINE)) for text in texts)
    patches = sum(len(PATCHES.findall(text)) for text in texts)
    assert patches <= 0.02 * tests, f"{patches} in {tests} tests"
