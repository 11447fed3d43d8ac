"""The last word of a container fits into what its place keeps, and the end of a traceback comes first."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.exceptions import BackendError, JobFaultError
from airflow_mlops_provider.jobs.exit_message import ExitMessage
from airflow_mlops_provider.jobs.protocol import ExitStatus, error_of, report_of_error

LONG = "é" * 50


def raised_deep(depth: int) -> None:
    if depth:
        raised_deep(depth - 1)
    raise ValueError("the reason")


@pytest.mark.parametrize(
    "message",
    [
        ExitMessage(status=0, outcome_uri="s3://bucket/mlops/outcomes/one.json"),
        ExitMessage(status=2, error='no column "é"'),
        ExitMessage(status=1, error="Traceback\n  one\nValueError"),
    ],
)
def test_a_message_comes_back_as_it_was_written(message, tmp_path):
    message.write(tmp_path / "message", at_most=1024)
    assert ExitMessage.parse((tmp_path / "message").read_text()) == message


@pytest.mark.parametrize("at_most", [120, 1024, 4096])
@pytest.mark.parametrize("error", [LONG * 200, f"{LONG}\n{LONG * 200}\nValueError: it"])
def test_a_long_error_is_cut_to_what_is_kept(error, at_most):
    data = ExitMessage(status=1, error=error).to_bytes(at_most=at_most if "\n" not in error else at_most + 200)
    assert len(data) <= at_most + 200
    found = ExitMessage.parse(data.decode())
    assert found.status == 1
    assert "..." in found.error
    assert found.error.endswith("..." if "\n" not in error else "ValueError: it")


def test_a_cut_message_is_as_long_as_may_be():
    assert 4090 <= len(ExitMessage(status=1, error="x" * 9999).to_bytes(at_most=4096)) <= 4096


def test_a_cut_traceback_still_tells_its_error():
    def deep(depth):
        return deep(depth - 1) + 1 if depth else {}["the key"]

    with pytest.raises(KeyError) as caught:
        deep(2)
    status, said = report_of_error(caught.value)
    long = said.replace('  File "', '  File "/a/very/long/path' + "/and/on" * 200, 1)
    message = ExitMessage.parse(ExitMessage(status=status, error=long).to_bytes(at_most=700).decode())
    found = error_of(message.status, message.error.splitlines(), where="here")
    assert isinstance(found, JobFaultError)
    assert str(found) == "here: KeyError: 'the key'"


@pytest.mark.parametrize("text", [None, "", "Killed", "{}", '{"status": "x"}', '{"status": 1, "more": 2}', "[1]"])
def test_any_other_text_is_no_message(text):
    assert ExitMessage.parse(text) is None


def test_an_address_that_does_not_fit_is_a_failed_backend():
    with pytest.raises(BackendError, match="at most 1,024 are kept"):
        ExitMessage(status=ExitStatus.OUTCOME, outcome_uri="s3://" + "x" * 1000).to_bytes(at_most=1024)
