"""One extra on one Airflow: install, look, run a Dag."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from demo.services import SlackReceiver, stopping
from tests.install.environment import Environment, StepFailedError

HERE = Path(__file__).resolve().parent
NAME = "airflow-mlops-provider"


@dataclass
class Trial:
    """What came out.

    :param airflow: its version.
    :param label: the extra, or what else was tried.
    :param packages: how many packages the environment holds.
    :param seconds: how long it took.
    :param failure: what failed; empty when all held.
    """

    airflow: str
    label: str
    packages: int = 0
    seconds: float = 0.0
    failure: str = ""
    steps: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        return not self.failure

    @property
    def line(self) -> str:
        said = "ok" if self.held else f"FAILED after {', '.join(self.steps) or 'nothing'}\n{self.failure}"
        return f"Airflow {self.airflow}, {self.label or 'no extra'}: {said} ({self.seconds:.0f} s)"


def run_trial(environment: Environment, *, wheel: Path, extra: str, label: str, before: Path | None) -> Trial:
    """Install ``wheel`` with ``extra`` over the Airflow that is there, and over the wheel ``before`` if any."""
    started = time.monotonic()
    environment.renew()
    trial = Trial(airflow=environment.version("apache-airflow"), label=label)
    try:
        _try(environment, trial, wheel, extra, before)
    except StepFailedError as error:
        trial.failure = str(error)
    trial.seconds = time.monotonic() - started
    return trial


def _try(environment: Environment, trial: Trial, wheel: Path, extra: str, before: Path | None) -> None:
    with_extra = f"[{extra}]" if extra else ""
    if before is not None:
        environment.install(f"{NAME}{with_extra} @ {before.as_uri()}")
        _require(environment.version(NAME) == "0.1.0", "the first release is not installed")
        trial.steps.append("0.1.0")
    environment.install(f"{NAME}{with_extra} @ {wheel.as_uri()}")
    trial.steps.append("install")
    environment.check()
    trial.steps.append("pip check")
    found = environment.version("apache-airflow")
    _require(found == trial.airflow, f"Airflow became {found}")
    version = environment.version(NAME)
    provider = environment.airflow("providers", "list", "--output", "json")
    listed = {row["package_name"]: row["version"] for row in json.loads(provider[provider.index("[") :])}
    _require(listed.get(NAME) == version, f"airflow providers list says {listed.get(NAME)}, not {version}")
    trial.steps.append("provider")
    _require("mlops" in environment.airflow("plugins", "--output", "json"), "airflow plugins does not list mlops")
    trial.steps.append("plugin")
    with ExitStack() as services:
        variables = _services(extra, services)
        said = environment.run(HERE / "inside.py", extra, str(HERE / "dags"), **variables)
        result = json.loads(said.splitlines()[-1])
        trial.packages = result["packages"]
        trial.steps += result["steps"]
        _require(not result["failure"], f"{result['failure']}\n{said[-3000:]}")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise StepFailedError(otherwise)


def _services(extra: str, opened: ExitStack) -> dict[str, str]:
    """What a Dag of this extra talks to, started here, as environment variables."""
    if extra == "slack":
        slack = SlackReceiver()
        opened.enter_context(stopping(slack))
        opened.callback(lambda: _require("with_slack" in str(slack.messages), "Slack was not told"))
        return {"AIRFLOW_CONN_SLACK_DEFAULT": slack.connection}
    if extra == "amazon":
        return _s3(opened)
    return {}


def _s3(opened: ExitStack) -> dict[str, str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    opened.callback(server.stop)
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server._server.server_port}",
    }


def table(trials: list[Trial]) -> str:
    """The results as Markdown: a row an extra, a column an Airflow."""
    airflows = list(dict.fromkeys(trial.airflow for trial in trials))
    cells = {(trial.label, trial.airflow): trial for trial in trials}
    lines = ["| extra | " + " | ".join(f"Airflow {version}" for version in airflows) + " |"]
    lines.append("|---|" + "---|" * len(airflows))
    for label in dict.fromkeys(trial.label for trial in trials):
        row = [cells.get((label, version)) for version in airflows]
        said = ["" if trial is None else f"ok ({trial.packages} packages)" if trial.held else "fails" for trial in row]
        name = "none" if not label else label if " " in label else f"`{label}`"
        lines.append(f"| {name} | " + " | ".join(said) + " |")
    return "\n".join(lines)
