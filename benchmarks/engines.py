"""An engine is one way to do a job. Each runs in a process of its own, in turn with the others; medians are kept.

What is kept of a run: wall seconds of the whole process, as a task pays them; CPU seconds of it, which other load on
the machine disturbs least; seconds of work in it, without imports; and its peak memory.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from benchmarks.peers import REPOSITORY, python_of

TIMEOUT_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One row of a table.

    :param run: does the job on the files in a folder and returns the seconds of work without imports.
    :param peer: whose environment it runs in; ours by default.
    :param slow: run once instead of three times.
    """

    name: str
    run: Callable[[str], float]
    peer: str | None = None
    slow: bool = False


class Figures(NamedTuple):
    """Of one run, or medians over several."""

    wall: float
    cpu: float
    work: float
    peak_mb: float


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A stated ratio and what was measured.

    :param reached: ``None`` when a peer that it needs was not there.
    """

    what: str
    goal: str
    measured: str
    reached: bool | None


def measure(
    module: str, engines: Sequence[Engine], folder: Path, *, turns: int = 3
) -> tuple[dict[str, Figures], dict[str, str]]:
    """Run every engine of ``module`` on ``folder``, in turn.

    :returns: medians by name of engine, and the engines that did not run, with the reason in a line.
    """
    runs: dict[str, list[Figures]] = {}
    failed: dict[str, str] = {}
    for turn in range(turns):
        for engine in engines:
            if engine.name in failed or (turn and engine.slow):
                continue
            found = _one_run(module, engine, folder)
            if isinstance(found, str):
                failed[engine.name] = found
            else:
                runs.setdefault(engine.name, []).append(found)
    medians = {name: Figures(*map(statistics.median, zip(*each, strict=True))) for name, each in runs.items()}
    return medians, failed


def _one_run(module: str, engine: Engine, folder: Path) -> Figures | str:
    python = Path(sys.executable) if engine.peer is None else python_of(engine.peer)
    if isinstance(python, str):
        return python
    command = [str(python), "-W", "ignore", "-m", f"benchmarks.{module}", "--engine", engine.name, str(folder)]
    print(f"  {module}: {engine.name} ...", file=sys.stderr, flush=True)
    started = perf_counter()
    try:
        done = subprocess.run(
            command, capture_output=True, check=False, cwd=REPOSITORY, timeout=TIMEOUT_SECONDS, text=True
        )
    except subprocess.TimeoutExpired:
        return f"took more than {TIMEOUT_SECONDS} s"
    wall = perf_counter() - started
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        return f"ended with an error: {last[:200]}"
    result = json.loads(done.stdout.splitlines()[-1])
    return Figures(wall, result["cpu"], result["work"], result["peak_mb"])


def run_one(engines: Sequence[Engine], arguments: Sequence[str]) -> None:
    """What the process of one engine does: run it, print its figures as a line of JSON, and end at once."""
    _, name, folder = arguments
    engine = next(engine for engine in engines if engine.name == name)
    work = engine.run(folder)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    # ru_maxrss survives from the process that started this one; the peak of this program alone is VmHWM.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    result = {
        "work": work,
        "cpu": sum(each.ru_utime + each.ru_stime for each in used),
        "peak_mb": int(status["VmHWM"].split()[0]) / 1024,
    }
    print("\n" + json.dumps(result), flush=True)
    os._exit(0)


def print_table(
    title: str, medians: Mapping[str, Figures], failed: Mapping[str, str], *, floor: str, order: Sequence[str]
) -> None:
    """The table in Markdown; ``x floor`` is by wall and by CPU."""
    base = medians[floor]
    print(f"\n## {title}\n\n| engine | wall s | CPU s | work s | peak MB | x floor: wall | CPU |")
    print("|---|---|---|---|---|---|---|")
    for name in order:
        if name in medians:
            wall, cpu, work, peak = medians[name]
            ratios = f"{wall / base.wall:.1f} | {cpu / base.cpu:.1f}"
            print(f"| {name} | {wall:.2f} | {cpu:.2f} | {work:.2f} | {peak:,.0f} | {ratios} |")
        elif name in failed:
            print(f"| {name} | {failed[name]} | | | | | |")
    print(flush=True)


def at_most_times(
    what: str, medians: Mapping[str, Figures], ours: str, other: str, limit: float, *, of: str = "the floor"
) -> Goal:
    """The goal that ours takes at most ``limit`` times the wall of another engine."""
    return _ratio_goal(what, medians, ours, other, limit, f"at most {limit:g} x {of}")


def at_most_share(what: str, medians: Mapping[str, Figures], ours: str, other: str, parts: float, *, of: str) -> Goal:
    """The goal that ours takes at most one of ``parts`` of the wall of another engine."""
    return _ratio_goal(what, medians, ours, other, 1 / parts, f"at most 1/{parts:g} of {of}")


def _ratio_goal(what: str, medians: Mapping[str, Figures], ours: str, other: str, limit: float, goal: str) -> Goal:
    if ours not in medians or other not in medians:
        return Goal(what=what, goal=goal, measured="not measured", reached=None)
    mine, theirs = medians[ours], medians[other]
    ratios = mine.wall / theirs.wall, mine.cpu / theirs.cpu
    words = [f"{ratio:.2f} x" if limit >= 1 else f"1/{1 / ratio:.1f}" for ratio in ratios]
    return Goal(what=what, goal=goal, measured=f"{words[0]} (CPU {words[1]})", reached=ratios[0] <= limit)


def memory_share(what: str, medians: Mapping[str, Figures], ours: str, other: str, parts: float, *, of: str) -> Goal:
    """The goal that ours takes at most one of ``parts`` of the memory of another engine."""
    goal = f"at most 1/{parts:g} of the memory of {of}"
    if ours not in medians or other not in medians:
        return Goal(what=what, goal=goal, measured="not measured", reached=None)
    share = medians[other].peak_mb / medians[ours].peak_mb
    return Goal(what=what, goal=goal, measured=f"1/{share:.1f}", reached=share >= parts)


def print_goals(goals: Sequence[Goal]) -> None:
    """Every goal with what was measured and whether it was reached."""
    words = {True: "reached", False: "**missed**", None: "not measured"}
    print("\n## Goals\n\nBy wall seconds of whole processes; the ratio of CPU seconds beside it.\n")
    print("| what | goal | measured | |\n|---|---|---|---|")
    for goal in goals:
        print(f"| {goal.what} | {goal.goal} | {goal.measured} | {words[goal.reached]} |")
    print(flush=True)
