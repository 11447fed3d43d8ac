"""``python -m deployment``: the services of docker-compose.yaml as processes, and the lifecycle on them."""

from __future__ import annotations

import argparse
import signal
import sys
import time

from rich.console import Console

from demo.services import USER, SlackReceiver, stopping
from deployment.cluster import running_cluster
from deployment.servers import MissingProgramError
from deployment.story import DeploymentStory


def main() -> int:
    """Run the deployment; returns 0 only when every claim of the story held."""
    parser = argparse.ArgumentParser(prog="make deployment", description=__doc__)
    parser.add_argument("--exit", action="store_true", help="stop everything when the story has ended")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # One width for files and pipes, so that tables stay tables.
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    try:
        held = run(console, wait=not arguments.exit)
    except MissingProgramError as error:
        console.print(str(error))
        return 2
    console.print("Everything is stopped.")
    return 0 if held else 1


def run(console: Console, *, wait: bool) -> bool:
    """Start everything, tell the story, and stop everything again."""
    started, slack = time.monotonic(), SlackReceiver()
    console.print("Starting Postgres, Redis, S3, MLflow, and Airflow's parts with two Celery workers ...")
    with stopping(slack), running_cluster(slack.connection) as cluster:
        airflow = cluster.airflow
        console.print(f"Airflow is up at {airflow.url} after {time.monotonic() - started:.0f} s")
        story = DeploymentStory(cluster, slack, console)
        held = story.tell()
        story.print_claims()
        console.print(f"\nThe story took {time.monotonic() - started:.0f} s. Look around:")
        console.print(f"  Airflow     {airflow.url}          log in as {USER} / {airflow.password}")
        console.print(f"  MLOps page  {airflow.url}/plugin/mlops")
        console.print(f"  MLflow      {cluster.tracking_uri}")
        console.print(f"  Logs        {cluster.folder}")
        if wait:
            console.print("Ctrl-C stops everything.")
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return held


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
