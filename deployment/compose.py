"""docker-compose.yaml as data: its services with their variables filled in, moved to other host names and ports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

COMPOSE_FILE = Path(__file__).resolve().parent.parent / "docker-compose.yaml"
_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<text>[^}]*))?\})")
_NAME = r"[\w.-]"


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service of the file.

    :param needs: the services that it waits for.
    :param ends: whether it does one thing and ends, such as migrating a database.
    :param replicas: how many of it there are.
    :param check: the command of its health check, or nothing.
    """

    name: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    needs: tuple[str, ...]
    ends: bool
    replicas: int
    check: tuple[str, ...]

    @property
    def runs_airflow(self) -> bool:
        """Whether it is a part of Airflow."""
        return self.image.startswith("airflow-mlops:")

    def moved(self, addresses: Mapping[str, str]) -> Service:
        """The same service with every address of ``addresses`` replaced, and nothing else."""
        return replace(
            self,
            command=tuple(move(word, addresses) for word in self.command),
            environment={name: move(value, addresses) for name, value in self.environment.items()},
            check=tuple(move(word, addresses) for word in self.check),
        )


def read_services(variables: Mapping[str, str], path: Path = COMPOSE_FILE) -> dict[str, Service]:
    """The services of a compose file.

    :param variables: what docker compose would read from ``.env``.
    :raises KeyError: naming a variable that the file asks for and nobody gave.
    """
    services = yaml.safe_load(path.read_text(encoding="utf-8"))["services"]
    return {name: _service(name, _filled(told, variables)) for name, told in services.items()}


def waves(services: Mapping[str, Service]) -> list[list[Service]]:
    """The services in the order in which they may start: each wave needs nothing but the waves before it."""
    found: list[list[Service]] = []
    left = dict(services)
    while left:
        wave = [service for service in left.values() if not set(service.needs) & set(left)]
        if not wave:
            raise ValueError(f"the services {', '.join(left)} wait for each other")
        found.append(wave)
        left = {name: service for name, service in left.items() if service not in wave}
    return found


def move(text: str, addresses: Mapping[str, str]) -> str:
    """``text`` with whole host names (``postgres``) and addresses (``redis:6379``) replaced."""
    for address in sorted(addresses, key=len, reverse=True):
        text = re.sub(rf"(?<!{_NAME}){re.escape(address)}(?!{_NAME})", addresses[address], text)
    return text


def _service(name: str, told: dict[str, Any]) -> Service:
    check = told.get("healthcheck", {}).get("test", [])
    return Service(
        name=name,
        image=told["image"],
        command=tuple(told.get("command", ())),
        environment={key: str(value) for key, value in (told.get("environment") or {}).items()},
        needs=tuple(told.get("depends_on", ())),
        ends=told.get("restart") == "no",
        replicas=told.get("deploy", {}).get("replicas", 1),
        # CMD-SHELL is one line for a shell, CMD a command with its arguments.
        check=("sh", "-c", check[1]) if check[:1] == ["CMD-SHELL"] else tuple(check[1:]),
    )


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    """As docker compose: ``${NAME}``, ``${NAME:-default}``, ``${NAME:?message}`` and ``$$`` for a dollar."""
    if isinstance(value, dict):
        return {key: _filled(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, variables) for each in value]
    return _VARIABLE.sub(lambda found: _value(found, variables), value) if isinstance(value, str) else value


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    given = variables.get(found["name"], "")
    if given or found["kind"] is None:
        return given
    if found["kind"] == "?":
        raise KeyError(f"{found['name']}: {found['text']}")
    return found["text"]
