"""The package's source files, and how long their code is."""

from __future__ import annotations

import ast
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PACKAGE = REPOSITORY / "airflow_mlops_provider"
TESTS = REPOSITORY / "tests"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def sources() -> list[Path]:
    """Every Python file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def code_lines(path: Path) -> int:
    """Lines without blank ones, comments, imports and docstrings."""
    text = path.read_text(encoding="utf-8")
    left_out: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        first = node.body[0] if isinstance(node, DOCUMENTED) and node.body else None
        is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        if first is not None and is_docstring and isinstance(first.value.value, str):
            left_out.update(range(first.lineno, first.end_lineno + 1))
        if isinstance(node, ast.Import | ast.ImportFrom):
            left_out.update(range(node.lineno, node.end_lineno + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(1 for number, line in lines if number not in left_out and line.strip() and line.strip()[0] != "#")


def function_lengths(path: Path) -> list[int]:
    """Length in lines of each function, from its ``def`` to its end without the docstring."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            said = node.body[0].end_lineno - node.body[0].lineno + 1 if text is not None else 0
            found.append(node.end_lineno - node.lineno + 1 - said)
    return found
