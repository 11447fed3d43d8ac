"""``python -m demo``: the whole lifecycle on real data under a real Airflow; ``--exit`` ends when the story has."""

from __future__ import annotations

import argparse
import fcntl
import shutil
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from demo.services import PASSWORD, USER, Airflow, SlackReceiver, answers, mlflow_ui, stopping
from demo.story import Story

HOME = Path(__file__).resolve().parent.parent / ".demo"


def main() -> int:
    """Run the demo; returns 0 only when every claim of the story held."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--exit", action="store_true", help="stop everything when the story has ended")
    parser.add_argument("--picture", type=Path, help="write a screenshot of the MLOps page here; needs Chromium")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # One width for files and pipes, so that tables stay tables.
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            console.print(f"another demo is running in {HOME}; stop it first")
            return 2
        return run(console, wait=not arguments.exit, picture=arguments.picture)


def run(console: Console, *, wait: bool, picture: Path | None) -> int:
    """Start the services, tell the story, and stop them again."""
    started = time.monotonic()
    for folder in ("airflow", "mlops", "arrivals"):
        shutil.rmtree(HOME / folder, ignore_errors=True)
    tracking = f"sqlite:///{HOME / 'mlops' / 'mlflow.db'}"
    (HOME / "mlops").mkdir(parents=True)
    slack = SlackReceiver()
    settings = {
        "AIRFLOW_CONN_SLACK_DEFAULT": slack.connection,
        "AIRFLOW__MLOPS__EVIDENCE_ROOT": str(HOME / "mlops"),
        "AIRFLOW__MLOPS__TRACKING_URI": tracking,
        "WAGE_DATA": str(HOME / "wage"),
    }
    airflow = Airflow(HOME / "airflow", extra=settings)
    with stopping(airflow, slack):
        with console.status("starting Airflow (its database, scheduler, Dag processor and API server)"):
            airflow.start()
            airflow.wait_for_dags("wage_train", "wage_monitor", "wage_retrain")
        console.print(f"Airflow is up at {airflow.url} after {time.monotonic() - started:.0f} s")
        story = Story(airflow, slack, console, HOME / "arrivals")
        held = story.tell()
        mlflow, mlflow_url = mlflow_ui(tracking, env=airflow.env, log=HOME / "mlflow.log")
        with stopping(mlflow):
            with console.status("starting MLflow's UI on the same store"):
                mlflow.wait_until(lambda: answers(mlflow_url), "MLflow")
            story.print_end()
            console.print(f"\nThe story took {time.monotonic() - started:.0f} s. Look around:")
            console.print(f"  Airflow     {airflow.url}          log in as {USER} / {PASSWORD}")
            console.print(f"  MLOps page  {airflow.url}/plugin/mlops")
            console.print(f"  MLflow      {mlflow_url}")
            console.print(f"  Evidence    {HOME / 'mlops'}")
            if picture is not None:
                photograph(airflow.url, picture)
            if wait:
                console.print("Ctrl-C stops everything.")
                signal.sigwait({signal.SIGINT, signal.SIGTERM})
    console.print("Everything is stopped.")
    return 0 if held else 1


def photograph(url: str, path: Path) -> None:
    """Log in to the Airflow at ``url`` as a person would and take a picture of the MLOps page."""
    from demo.browser import open_page, sign_in

    with open_page(width=1440, height=1100) as page:
        sign_in(page, url, USER, PASSWORD)
        page.goto(f"{url}/plugin/mlops")
        page.frame_locator("iframe").locator("h2").first.wait_for()
        page.screenshot(path=path)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
