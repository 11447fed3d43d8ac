"""A job under another interpreter: its lines as they come, its errors in its own words, its end with the task."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError, JobCancelledError, JobFaultError
from airflow_mlops_provider.jobs import outcomes_of
from airflow_mlops_provider.runners.external_python import ExternalPythonRunner
from airflow_mlops_provider.runners.runner import State

IGNORE = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


def with_child(witness, first=""):
    """Starts a process that holds the witness open, as the job itself does; ``first`` runs in that process."""
    child = f"import signal\n{first}\nheld = open({witness.path!r}, 'w')\nheld.write('child ')\nheld.flush()\n"
    child += "signal.pause()"
    return f"child = subprocess.Popen([sys.executable, '-c', {child!r}])\nheld = open({witness.path!r}, 'w')\n"


def started(python, spec=None, *, grace_seconds=3.0, environment=None):
    runner = ExternalPythonRunner(python=python, grace_seconds=grace_seconds)
    return runner.submit("drift", spec or {}, environment=environment or {})


def test_lines_of_both_streams_come_without_the_outcome_which_is_collected(program, outcome):
    handle = started(program("print('first'); print('to error', file=sys.stderr); print(OUTCOME)"))
    assert sorted(handle.logs()) == ["first", "to error"]
    assert handle.collect() == outcome
    assert handle.state() is State.SUCCEEDED


def test_a_line_comes_while_the_job_still_runs(program, outcome, tmp_path):
    answer = tmp_path / "answer"
    os.mkfifo(answer)
    handle = started(program(f"print('now', flush=True); open({str(answer)!r}).read(); print(OUTCOME)"))
    lines = handle.logs()
    assert next(lines) == "now"
    assert handle.state() is State.RUNNING
    answer.write_text("go on")  # the job waits for it, so the line cannot have come at the end
    assert list(lines) == []
    assert handle.collect() == outcome


def test_a_long_line_an_odd_one_and_one_without_its_newline_are_whole(program, outcome):
    handle = started(
        program(
            "print('x' * 3_000_000, flush=True)\n"
            "sys.stdout.buffer.write(b'odd \\xff\\r\\n')\n"
            "sys.stdout.buffer.flush()\n"
            "sys.stdout.write(OUTCOME)"
        )
    )
    long, odd = handle.logs()
    assert (long, odd) == ("x" * 3_000_000, r"odd \xff")
    assert handle.collect() == outcome


def test_what_looks_like_an_outcome_and_is_not_the_last_line_is_a_line(program, outcome):
    handle = started(program("print(OUTCOME); print('and more'); print(OUTCOME)"))
    first, more = handle.logs()
    assert '"kind": "drift"' in first
    assert more == "and more"
    assert handle.collect() == outcome


def test_a_long_spec_reaches_a_job_that_writes_before_it_reads(program):
    python = program("print('y' * 1_000_000, flush=True); print(len(sys.stdin.read())); print(OUTCOME)")
    handle = started(python, {"columns": ["x" * 1_000_000]})
    assert int(list(handle.logs())[-1]) > 1_000_000


def test_bad_input_is_told_in_the_jobs_own_sentence_once(program):
    handle = started(program("print('read'); print('in.parquet: no such file', file=sys.stderr); sys.exit(2)"))
    assert list(handle.logs()) == ["read"]
    for _ in range(2):
        with pytest.raises(BadInputError, match=r"^in\.parquet: no such file$"):
            handle.collect()
    assert handle.state() is State.FAILED


def test_a_failed_backend_is_told_in_the_jobs_own_sentence_with_the_place(program):
    python = program("print('MLflow at x: refused', file=sys.stderr); sys.exit(1)")
    with pytest.raises(BackendError, match=rf"^job 'drift' under {python}: MLflow at x: refused$"):
        started(python).collect()


def test_a_fault_keeps_its_traceback_in_the_errors_chain_which_airflow_logs_whole(program):
    handle = started(
        program(
            "def fit():\n"
            "    raise ValueError('two\\nlines')\n"
            "print('a note', file=sys.stderr)\n"
            "try:\n"
            "    {}['a']\n"
            "except KeyError as error:\n"
            "    print('before', flush=True)\n"
            "    fit()\n"
        )
    )
    assert sorted(handle.logs()) == ["a note", "before"]
    with pytest.raises(JobFaultError, match=r"^job 'drift' under .*: ValueError: two lines$") as raised:
        handle.collect()
    text = "".join(traceback.format_exception(raised.value))
    assert text.count("KeyError: 'a'") == 1
    assert "in fit" in text
    assert "ValueError: two\nlines" in text


def test_what_a_killed_job_said_last_is_in_the_log(program):
    handle = started(program("print('no room', file=sys.stderr, flush=True); os.kill(os.getpid(), signal.SIGKILL)"))
    assert list(handle.logs()) == ["no room"]


def test_a_note_on_standard_error_comes_while_the_job_still_runs(program, outcome, tmp_path):
    answer = tmp_path / "answer"
    os.mkfifo(answer)
    notes = "for note in ('one', 'two'): print(note, file=sys.stderr, flush=True)\n"
    handle = started(program(f"{notes}open({str(answer)!r}).read(); print(OUTCOME)"))
    lines = handle.logs()
    assert next(lines) == "one"
    answer.write_text("go on")
    assert list(lines) == ["two"]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", r", killed by SIGKILL \(signal 9\); the machine may .* out of memory"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", r", killed by SIGSEGV \(signal 11\)"),
        ("os._exit(7)", r" and without an Outcome \(exit status 7\)"),
        ("sys.exit(0)", r" and without an Outcome \(exit status 0\)"),
    ],
)
def test_a_job_that_ends_without_a_word_is_told_with_how_it_ended(program, end, reason):
    with pytest.raises(BackendError, match=rf"^job 'drift' under .*: it ended without a word{reason}$"):
        started(program(end)).collect()


def test_an_outcome_printed_by_a_job_that_fails_is_no_outcome(program):
    handle = started(program("print(OUTCOME); print('MLflow is gone', file=sys.stderr); sys.exit(1)"))
    assert len(list(handle.logs())) == 1
    with pytest.raises(BackendError, match="MLflow is gone"):
        handle.collect()


def test_the_outcome_that_a_killed_job_had_left_is_collected(program, outcome, evidence_root):
    spec = {
        "evidence_root": evidence_root,
        "run_key": "d/r/t/-1",
        "reference": "before.parquet",
        "current": "in.parquet",
    }
    python = program(
        f"sys.path[:0] = {sys.path!r}\n"
        "import json\n"
        "from airflow_mlops_provider.jobs import outcomes_of\n"
        "from airflow_mlops_provider.records.outcome import Outcome\n"
        "outcomes_of('drift', json.load(sys.stdin)).leave(Outcome.from_json(json.loads(OUTCOME)))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert started(python, spec).collect() == outcome


def test_the_outcome_of_an_earlier_run_of_the_request_is_not_taken_for_this_ones(program, outcome, evidence_root):
    spec = {
        "evidence_root": evidence_root,
        "run_key": "d/r/t/-1",
        "reference": "before.parquet",
        "current": "in.parquet",
    }
    outcomes_of("drift", spec).leave(outcome)
    with pytest.raises(BackendError, match="SIGKILL"):
        started(program("os.kill(os.getpid(), signal.SIGKILL)"), spec).collect()


def test_a_program_that_is_not_there_is_a_failed_backend():
    with pytest.raises(BackendError, match="runner python /nowhere/python: No such file or directory"):
        started("/nowhere/python")


def test_a_job_gets_its_environment_and_this_process_keeps_its_own(program):
    handle = started(program("print(os.environ['ADDRESS']); print(OUTCOME)"), environment={"ADDRESS": "http://x"})
    assert list(handle.logs()) == ["http://x"]
    assert "ADDRESS" not in os.environ


def test_cancelling_ends_the_job_and_what_it_started(program, witness):
    handle = started(program(with_child(witness) + "child.wait()"))
    witness.wait_for(b"child ")
    handle.cancel()
    witness.wait_for_the_end()
    assert handle.state() is State.CANCELLED
    with pytest.raises(JobCancelledError, match=r"job 'drift' under .* was cancelled"):
        handle.collect()


def test_processes_that_ignore_the_request_to_end_are_killed(program, witness):
    handle = started(program(f"{IGNORE}\n{with_child(witness, IGNORE)}child.wait()"), grace_seconds=0.1)
    witness.wait_for(b"child ")
    handle.cancel()
    witness.wait_for_the_end()
    with pytest.raises(JobCancelledError):
        handle.collect()


def test_cancelling_a_job_that_has_ended_changes_nothing(program, outcome):
    handle = started(program("print(OUTCOME)"))
    assert handle.collect() == outcome
    handle.cancel()
    assert (handle.collect(), handle.state()) == (outcome, State.SUCCEEDED)


def test_a_job_is_collected_when_it_ends_although_what_it_started_keeps_its_output_open(program, witness, outcome):
    wait = f"open({witness.path!r} + '.ready').read()\n"
    os.mkfifo(witness.path + ".ready")
    handle = started(program(f"{with_child(witness, IGNORE)}print(child.pid, flush=True)\n{wait}print(OUTCOME)"))
    witness.wait_for(b"child ")
    lines = handle.logs()
    child = int(next(lines))
    Path(witness.path + ".ready").write_text("go on")
    assert (list(lines), handle.collect()) == ([], outcome)
    os.kill(child, signal.SIGKILL)
    witness.wait_for_the_end()


def test_what_a_job_leaves_running_is_asked_to_end(program, witness, outcome):
    handle = started(program(with_child(witness) + "print(OUTCOME)"))
    assert handle.collect() == outcome
    witness.wait_for_the_end()


def test_a_job_whose_task_is_killed_ends_with_all_that_it_started(program, witness):
    path = f"import sys; sys.path[:0] = {sys.path!r}\n"
    watch = "from airflow_mlops_provider.jobs.parent import end_with_parent\nend_with_parent()\n"
    python = program(f"{path}{watch}{with_child(witness)}child.wait()")
    task = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"{path}from airflow_mlops_provider.runners.external_python import ExternalPythonRunner\n"
            f"ExternalPythonRunner(python={python!r}).submit('drift', {{}}, environment={{}}).collect()",
        ]
    )
    witness.wait_for(b"child ")
    task.kill()
    task.wait()
    witness.wait_for_the_end()
