"""The table of the architecture page that names a file for each question of a newcomer."""

from __future__ import annotations

import re

from tests.docs.pages import DOCS, REPOSITORY

_ROW = re.compile(r"^\| (?P<question>.+\?) \| `(?P<path>[^`]+\.py)` \|$", re.MULTILINE)
_PACKAGE = REPOSITORY / "airflow_mlops_provider"


def _rows() -> list[tuple[str, str]]:
    text = (DOCS / "explanation" / "architecture.md").read_text(encoding="utf-8")
    section = text.partition("## Where is what")[2].partition("\n## ")[0]
    return [(row["question"], row["path"]) for row in _ROW.finditer(section)]


def test_twenty_questions_at_least_are_answered_and_none_twice():
    questions = [question for question, _ in _rows()]
    assert len(questions) >= 20
    assert len(set(questions)) == len(questions)


def test_every_file_that_answers_a_question_exists():
    missing = [path for _, path in _rows() if not (_PACKAGE / path).is_file()]
    assert missing == []


def test_every_row_of_the_table_is_a_question_and_one_file():
    text = (DOCS / "explanation" / "architecture.md").read_text(encoding="utf-8")
    section = text.partition("## Where is what")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    assert len(rows) - 1 == len(_rows())  # but for the header
