"""Headless Chromium over its DevTools protocol: enough to open pages, look into them and take pictures."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from websockets.sync.client import connect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class PageGoneError(OSError):
    """The page went elsewhere while it was asked something."""


class Chromium:
    """One browser with one page; a context manager that leaves no process behind."""

    def __init__(self, *, width: int = 1400, height: int = 1000) -> None:
        self._size = (width, height)
        self._ids = itertools.count(1)
        self._opened = ExitStack()
        self.console: list[str] = []

    def __enter__(self) -> Chromium:
        with ExitStack() as opening:
            profile = opening.enter_context(tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True))
            process = subprocess.Popen(
                [
                    str(PROGRAM),
                    "--headless=new",
                    "--no-sandbox",  # runs as root in containers; it opens nothing but this machine's own page
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                    "--hide-scrollbars",
                    "--no-first-run",
                    "--remote-debugging-port=0",
                    f"--user-data-dir={profile}",
                    f"--window-size={self._size[0]},{self._size[1]}",
                    "about:blank",
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            opening.callback(_end, process)
            port = _wait_for(lambda: (Path(profile) / "DevToolsActivePort").read_text().split()[0])
            with urlopen(f"http://127.0.0.1:{port}/json/list") as response:
                page = next(target for target in json.load(response) if target["type"] == "page")
            self._socket = opening.enter_context(connect(page["webSocketDebuggerUrl"], max_size=None))
            for domain in ("Page", "Runtime", "Log"):
                self.send(f"{domain}.enable")
            self._opened = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def send(self, method: str, **params: Any) -> Any:
        """One command, and its result; errors that the page reports meanwhile are kept in ``console``."""
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("id") == number:
                if "error" in message:
                    raise PageGoneError(f"{method}: {message['error']['message']}")
                return message["result"]
            if message.get("method") == "Log.entryAdded":
                self.console.append(message["params"]["entry"]["text"])
            if message.get("method") == "Runtime.exceptionThrown":
                self.console.append(json.dumps(message["params"]["exceptionDetails"]))

    def open(self, url: str) -> None:
        """Go to ``url``."""
        self.send("Page.navigate", url=url)

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script: str, *, seconds: float = 60) -> Any:
        """Wait until an expression in the page is truthy, and return it."""
        return _wait_for(
            lambda: self.evaluate(f"(() => {{ try {{ return {script} }} catch {{ return null }} }})()"), seconds
        )

    def type(self, selector: str, text: str) -> None:
        """Type into a field, as a person would: frameworks listen to the keyboard, not to the value."""
        self.evaluate(f"document.querySelector({selector!r}).focus()")
        self.send("Input.insertText", text=text)

    def sign_in(self, airflow: str, user: str, password: str) -> None:
        """Log in to the Airflow at ``airflow`` through its login page."""
        self.open(f"{airflow}/")
        self.until("document.querySelector('input[name=username]') !== null")
        self.type("input[name=username]", user)
        self.type("input[name=password]", password)
        self.until("document.querySelector('button[type=submit]').disabled === false")
        self.evaluate("document.querySelector('button[type=submit]').click()")
        self.until("!location.pathname.startsWith('/auth')")

    def prefer(self, scheme: str) -> None:
        """Set the system's colour scheme: light or dark."""
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def resize(self, width: int, height: int) -> None:
        """Set the page's size in CSS pixels."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self, path: Path) -> Path:
        """Write what the page shows as a PNG and return its path."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))
        return path


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(30)


def _wait_for(probe: Any, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := probe():
                return found
        except (OSError, IndexError):
            pass
        time.sleep(0.1)  # a browser has no event for "somebody else's page is ready"
    raise TimeoutError(f"nothing after {seconds} s")
