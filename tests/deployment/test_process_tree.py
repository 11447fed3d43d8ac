"""All that a process has started is found and ended, wherever it went."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from deployment.process_tree import kill, memory_of, tree_of

GRANDCHILD = "import time; print('up', flush=True); time.sleep(600)"
# Leaves the group and lives on when its parent dies, as a task of Celery does.
PARENT = f"""
import os, subprocess, sys
command = [sys.executable, "-c", {GRANDCHILD!r}]
child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=os.setpgrp)
print(child.stdout.readline().strip(), child.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def parent():
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    up, child = process.stdout.readline().split()
    assert up == "up"
    yield process, psutil.Process(process.pid), psutil.Process(int(child))
    kill([psutil.Process(int(child))] if psutil.pid_exists(int(child)) else [])
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_a_child_in_a_group_of_its_own_is_found_and_killed(parent):
    process, root, child = parent
    tree = tree_of(root)
    assert {each.pid for each in tree} == {root.pid, child.pid}
    assert memory_of(tree) > 0
    kill(tree)
    process.wait()
    assert tree_of(root) == []
    assert not child.is_running()


def test_a_child_is_found_when_its_parent_is_gone(parent):
    process, root, child = parent
    root.kill()
    process.wait()
    assert [each.pid for each in tree_of(root)] == [child.pid]


def test_a_stranger_that_has_the_number_of_a_process_that_ended_is_left_alone(parent):
    _, root, _ = parent
    stranger = psutil.Process(root.pid)
    stranger._ident = (root.pid, 1.0)  # as psutil tells processes of one number apart: by when they began
    assert tree_of(stranger) == []
