"""What the command line writes, its reader understands: each error comes back as it was raised."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError, JobFaultError
from airflow_mlops_provider.jobs.protocol import ExitStatus, error_of, outcome_in, outcome_line, report_of_error
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict


def raised(error: Exception) -> Exception:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "back", "text"),
    [
        (BadInputError("in.parquet:\n no rows"), BadInputError, "in.parquet: no rows"),
        (IntegrityError("changed"), BadInputError, "changed"),
        (BackendError("MLflow is\tgone"), BackendError, "here: MLflow is gone"),
        (ValueError("a bug"), JobFaultError, "here: ValueError: a bug"),
        (KeyError("two\nlines"), JobFaultError, r"here: KeyError: 'two\nlines'"),
        (ValueError("several\n  lines\nof text"), JobFaultError, "here: ValueError: several lines of text"),
        (ValueError(), JobFaultError, "here: ValueError"),
    ],
)
def test_every_error_comes_back_as_what_it_was(error, back, text):
    status, said = report_of_error(raised(error))
    found = error_of(status, said.splitlines(), where="here")
    assert (type(found), str(found)) == (back, text)
    if back is JobFaultError:
        assert said in str(found.__cause__)
    else:
        assert len(said.splitlines()) == 1


def test_what_python_prints_before_a_traceback_is_not_part_of_it():
    _, said = report_of_error(raised(ValueError("a bug")))
    found = error_of(ExitStatus.FAILED, ["a warning", *said.splitlines()], where="here")
    assert str(found.__cause__).strip() == said


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (1, r"without an Outcome \(exit status 1\)"),
        (2, r"without an Outcome \(exit status 2\)"),
        (-15, r"killed by SIGTERM \(signal 15\)"),
        (-40, r"killed by a signal \(signal 40\)"),
        (None, r"\(exit status None\)"),
    ],
)
def test_silence_is_a_failed_backend_and_told_with_the_status(status, reason):
    found = error_of(status, ["", " "], where="here")
    assert isinstance(found, BackendError)
    assert found.args[0].startswith("here: it ended without a word")
    with pytest.raises(BackendError, match=reason):
        raise found


def test_an_outcome_comes_back_from_its_line_and_other_lines_are_none():
    verdict = Verdict.of([Finding(subject="é", measure="n", observed=1.0, limit=1.0, status=Status.PASS)], summary="é")
    outcome = Outcome(kind=Kind.DRIFT, verdict=verdict, evidence_uri="file:///one.json")
    line = outcome_line(outcome)
    assert outcome_in(line) == outcome
    assert "\n" not in line
    for other in ("", "text", "{}", '{"verdict": 1}', '{"verdict"', line[:-1], line.replace("drift", "shift")):
        assert outcome_in(other) is None
