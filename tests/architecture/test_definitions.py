"""A parameter can be followed from a Dag to its verdict by going to definitions alone, as an editor does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import jedi
import pytest

from tests.architecture.sources import PACKAGE, REPOSITORY

TO_THE_JOB = (
    "JobOperator",
    "submit_for_task",
    "InProcessRunner",
    "InProcessHandle",
    "run",
    "_run",
    "job_class",
    "JOBS",
)
"""The way that every request takes from its operator to the table of jobs, by the names that stand on it."""

WAYS = {
    "a dataset's URI, to the key": (
        ("dags/wage_monitor.py", "DataValidationOperator", "ValidateRequest", "dataset"),
        "records/requests/validate.py",
    ),
    "a dataset's URI, to the rows": (
        ("dags/wage_monitor.py", "DataValidationOperator", *TO_THE_JOB, "_validate", "ValidateJob", "open_dataset"),
        "stores/datasets/dataset.py",
    ),
    "a dataset's URI, to the verdict": (
        ("dags/wage_monitor.py", "DataValidationOperator", *TO_THE_JOB, "_validate", "ValidateJob", "judge_validation"),
        "decisions/validation.py",
    ),
    "a drift policy, to the key": (
        ("dags/wage_monitor.py", "DriftSensor", "DriftRequest", "policy"),
        "records/requests/drift.py",
    ),
    "a drift policy, to the verdict": (
        (
            "dags/wage_monitor.py",
            "DriftSensor",
            "run_for_task",
            *TO_THE_JOB[1:],
            "_drift",
            "DriftJob",
            "judge_drift",
            "DriftPolicy",
        ),
        "records/policies/drift.py",
    ),
    "a piece of evidence, to where it is written": (
        ("dags/wage_train.py", "BiasSliceOperator", *TO_THE_JOB, "_bias", "BiasJob", "Job", "EvidenceStore"),
        "stores/evidence/store.py",
    ),
    "a piece of evidence, to the key": (
        ("dags/wage_train.py", "PromoteModelOperator", "PromoteRequest", "evidence"),
        "records/requests/promote.py",
    ),
    "a piece of evidence, to the verdict that rests on it": (
        ("dags/wage_train.py", "PromoteModelOperator", *TO_THE_JOB, "_promote", "PromoteJob", "judge_promotion"),
        "decisions/promotion.py",
    ),
}


@dataclass(frozen=True)
class Place:
    """The lines of a file in which a definition stands, or all of them."""

    path: Path
    first: int
    last: int

    def definition_of(self, name: str) -> Place:
        """Where an editor goes from ``name`` in these lines; jedi resolves no name that stands before its class."""
        script = jedi.Script(path=self.path, project=jedi.Project(REPOSITORY))
        for use in script.get_names(all_scopes=True, references=True):
            if use.name == name and self.first <= use.line <= self.last:
                for found in script.goto(use.line, use.column, follow_imports=True):
                    return _place(found)
        raise AssertionError(f"{self.path.name}, lines {self.first} to {self.last}: no definition of {name}")


def _place(name: jedi.api.classes.Name) -> Place:
    start, end = name.get_definition_start_position(), name.get_definition_end_position()
    return Place(path=Path(name.module_path), first=start[0], last=end[0])


@pytest.mark.parametrize(("way", "end"), WAYS.values(), ids=WAYS.keys())
def test_it_is_followed_by_going_to_definitions_alone(way: tuple[str, ...], end: str) -> None:
    place = Place(path=REPOSITORY / way[0], first=1, last=10**6)
    for name in way[1:]:
        place = place.definition_of(name)
    assert place.path == PACKAGE / end
