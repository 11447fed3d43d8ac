"""The first process of a container ends when it is told to."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import signal
from airflow_mlops_provider.jobs.parent import end_when_told
end_when_told({process})
print("ready", flush=True)
signal.pause()
"""


@pytest.mark.parametrize(("process", "status"), [(1, 143), (2, -signal.SIGTERM)])
def test_sigterm_is_handled_where_the_kernel_would_spare_the_process(process, status):
    command = [sys.executable, "-c", PROGRAM.format(process=process)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout.readline() == "ready\n"
        started.terminate()
        assert started.wait() == status
