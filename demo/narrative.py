"""A story of Dag runs, told as they happen: chapters, claims that hold or do not, and a table for each run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status as Spinner
from rich.table import Table

from airflow_mlops_provider.decisions.alerts import in_words
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Status
from demo.services import AirflowApi

RUN_SECONDS = 600
EVENT_SECONDS = 300
# Evidence that the policy tolerates makes a promotion with a notice.
PROMOTED = (Status.PASS, Status.NOTICE)
COLOURS = {"pass": "green", "notice": "yellow", "fail": "red", "insufficient_evidence": "magenta"}


@dataclass(frozen=True)
class Run:
    """One finished Dag run and the Outcomes of its tasks."""

    dag_id: str
    run_id: str
    state: str
    tasks: list[dict[str, Any]]
    outcomes: dict[str, Outcome]

    def status(self, task_id: str) -> Status | None:
        """The verdict's status of a task that left an Outcome."""
        outcome = self.outcomes.get(task_id)
        return outcome.verdict.status if outcome else None

    def summary(self, task_id: str) -> str:
        """The verdict's summary, or an empty text."""
        outcome = self.outcomes.get(task_id)
        return outcome.verdict.summary if outcome else ""


@dataclass
class Narrative:
    """Runs Dags on ``airflow`` and remembers which claims about them held."""

    airflow: AirflowApi
    console: Console
    claims: list[tuple[bool, str]] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every claim so far held."""
        return all(held for held, _ in self.claims)

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self.console.print(f"\n[bold]{escape(title)}[/bold]")

    def claim(self, held: object, text: str) -> None:
        """Say ``text``, and whether it is so."""
        self.claims.append((bool(held), text))
        mark = "[green]ok[/green]" if held else "[red]NOT SO[/red]"
        self.console.print(f"  {mark}  {escape(text)}")

    def run(self, dag_id: str, conf: dict[str, Any]) -> Run:
        """Run a Dag to its end and print it."""
        return self.finish(dag_id, self.airflow.trigger(dag_id, conf))

    def answer(self, number: int) -> Run:
        """The ``number``-th run of the retraining Dag, which an asset event has scheduled."""
        with self.console.status("waiting for the asset event to schedule wage_retrain"):
            wait_for(lambda: len(self.airflow.runs("wage_retrain")) >= number, EVENT_SECONDS, "a run of wage_retrain")
        run = self.airflow.runs("wage_retrain")[number - 1]
        self.claim(run["run_type"] == "asset_triggered", "the asset event scheduled wage_retrain")
        return self.finish("wage_retrain", run["dag_run_id"])

    def finish(self, dag_id: str, run_id: str) -> Run:
        """Wait for the end of a run and print it."""
        with self.console.status(dag_id) as spinner:
            wait_for(lambda: self._progress(dag_id, run_id, spinner), RUN_SECONDS, f"{dag_id} {run_id}")
        tasks = self.airflow.tasks(dag_id, run_id)
        found = {ti["task_id"]: self._outcome(dag_id, run_id, ti) for ti in tasks}
        outcomes = {task_id: outcome for task_id, outcome in found.items() if outcome is not None}
        run = Run(dag_id, run_id, self.airflow.run_state(dag_id, run_id), tasks, outcomes)
        self.console.print(run_table(run))
        return run

    def _progress(self, dag_id: str, run_id: str, spinner: Spinner) -> bool:
        tasks = self.airflow.tasks(dag_id, run_id)
        done = sum(ti["state"] in ("success", "failed", "upstream_failed", "skipped") for ti in tasks)
        running = ", ".join(ti["task_id"] for ti in tasks if ti["state"] == "running")
        spinner.update(f"{dag_id}: {done} of {len(tasks)} tasks done{'; now ' + running if running else ''}")
        return self.airflow.run_state(dag_id, run_id) in ("success", "failed")

    def _outcome(self, dag_id: str, run_id: str, ti: dict[str, Any]) -> Outcome | None:
        for key in ("outcome", "return_value"):
            found = self.airflow.xcom(dag_id, run_id, ti["task_id"], key)
            if isinstance(found, dict) and {"kind", "verdict"} <= set(found):
                return Outcome.from_json(found)
        return None

    def print_claims(self) -> None:
        """How many claims held, and those that did not."""
        held = sum(held for held, _ in self.claims)
        self.console.print(f"[bold]{held} of {len(self.claims)} claims of this story held.[/bold]")
        for kept, claim in self.claims:
            if not kept:
                self.console.print(f"[red]not so:[/red] {escape(claim)}")


def run_table(run: Run) -> Table:
    """One row a task: its verdict and the numbers behind it."""
    colour = "green" if run.state == "success" else "red"
    table = Table(title=f"{run.dag_id} [{colour}]{run.state}[/{colour}]", title_justify="left", expand=True)
    table.add_column("task", no_wrap=True)
    table.add_column("s", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("what was found")
    for ti in run.tasks:
        outcome = run.outcomes.get(ti["task_id"])
        verdict = str(outcome.verdict.status) if outcome else ti["state"]
        text = outcome.verdict.summary if outcome else ""
        coloured = f"[{COLOURS.get(verdict, 'default')}]{verdict.replace('_', ' ')}[/]"
        table.add_row(ti["task_id"], f"{ti['duration'] or 0:.0f}", coloured, escape(text))
        for line in telling(outcome):
            table.add_row("", "", "", f"[dim]{escape(line)}[/dim]")
    return table


def telling(outcome: Outcome | None) -> list[str]:
    """The findings worth a line each: drifted columns and broken rules."""
    if outcome is None or outcome.kind not in (Kind.DRIFT, Kind.VALIDATION):
        return []
    findings = [finding for finding in outcome.verdict.findings if finding.status in (Status.FAIL, Status.NOTICE)]
    return [in_words(finding) for finding in findings[:5]]


def wait_for(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll until ``ready``; raise ``TimeoutError`` naming ``what`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come to an end within {seconds:.0f} s")
        time.sleep(1)
