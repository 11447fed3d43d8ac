"""A kubelet for tests: one node that runs the first container of each pod as a process of this machine.

It does what a kubelet does for a job: registers a node, takes the pods that the scheduler gives it, resolves their
variables, runs the command, reports status with exit code and termination message, serves logs over TLS, and ends the
process group of a deleted pod, politely and then for certain. There are no images, volumes, limits or other containers.

Besides: ``starts.jsonl`` holds a line for each process started and ended, a file ``hold`` in its folder keeps pods from
starting, and each file in ``faults`` is the status that the next pod gets in place of a process, as clusters report it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubernetes import client, config
from kubernetes.client.rest import ApiException

POLL_SECONDS = 0.2
TAIL_BYTES = 2048
MESSAGE_BYTES = 4096


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Running:
    """A container that was started."""

    pod: Any
    process: subprocess.Popen[bytes]
    message: Path
    lines: list[tuple[datetime, bytes]] = field(default_factory=list)
    has_ended: threading.Event = field(default_factory=threading.Event)
    kill_at: float | None = None

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append((datetime.now(UTC), line))
        self.process.wait()
        self.has_ended.set()

    def signal(self, sign: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, sign)

    def last_word(self) -> str:
        said = self.message.read_bytes()[-MESSAGE_BYTES:].decode(errors="replace") if self.message.exists() else ""
        if not said and self.process.returncode:
            said = b"".join(line for _, line in self.lines)[-TAIL_BYTES:].decode(errors="replace")
        return said


class Kubelet:
    """One node."""

    def __init__(self, *, folder: Path, node: str, port: int) -> None:
        self.folder = folder
        self.node = node
        self.port = port
        self.core = client.CoreV1Api()
        self.running: dict[str, Running] = {}
        self.faulty: set[str] = set()
        self.has_to_stop = threading.Event()

    def register(self) -> None:
        meta = {"name": self.node, "labels": {"kubernetes.io/hostname": self.node}}
        self.core.create_node({"metadata": meta})
        resources = {"cpu": "4", "memory": "8Gi", "pods": "110"}
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": now()}
        status = {
            "capacity": resources,
            "allocatable": resources,
            "conditions": [ready],
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.port}},
        }
        self.core.patch_node_status(self.node, {"status": status})
        # The API server marks each new node as not ready; nothing that would take the mark away runs here.
        self.core.patch_node(self.node, {"spec": {"taints": None}})

    def run(self) -> None:
        while not self.has_to_stop.is_set():
            pods = self.core.list_pod_for_all_namespaces(field_selector=f"spec.nodeName={self.node}").items
            for pod in pods:
                try:
                    self.look_after(pod)
                except ApiException as error:
                    if error.status != 404:
                        print(f"{pod.metadata.name}: {error}", file=sys.stderr, flush=True)
            gone = self.running.keys() - {pod.metadata.uid for pod in pods}
            for uid in gone:
                self.running.pop(uid).signal(signal.SIGKILL)
            self.has_to_stop.wait(POLL_SECONDS)
        for running in self.running.values():
            running.signal(signal.SIGKILL)

    def look_after(self, pod: Any) -> None:
        running = self.running.get(pod.metadata.uid)
        if pod.metadata.deletion_timestamp is not None:
            self.end(pod, running)
        elif running is not None:
            if running.has_ended.is_set() and pod.status.phase == "Running":
                self.report_end(running)
        elif pod.status.phase == "Pending" and pod.metadata.uid not in self.faulty:
            self.begin(pod)

    def begin(self, pod: Any) -> None:
        if (self.folder / "hold").exists():
            return
        faults = sorted((self.folder / "faults").glob("*"))
        if faults:
            self.report(pod, json.loads(faults[0].read_text()))
            faults[0].unlink()
            self.faulty.add(pod.metadata.uid)
            return
        container = pod.spec.containers[0]
        try:
            variables = self.variables(pod, container)
        except ApiException as error:
            waiting = {"reason": "CreateContainerConfigError", "message": json.loads(error.body)["message"]}
            self.report(pod, {"containerStatuses": [self.container(pod, {"waiting": waiting})]})
            return
        message = self.folder / f"message-{pod.metadata.uid}"
        command = [str(message) if each == container.termination_message_path else each for each in container.args]
        process = subprocess.Popen(
            [*container.command, *command],
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8", **variables},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.note("started", pod, process.pid)
        running = self.running[pod.metadata.uid] = Running(pod=pod, process=process, message=message)
        threading.Thread(target=running.read, daemon=True).start()
        state = {"running": {"startedAt": now()}}
        self.report(pod, {"phase": "Running", "containerStatuses": [self.container(pod, state)]})

    def variables(self, pod: Any, container: Any) -> dict[str, str]:
        namespace, found = pod.metadata.namespace, {}
        for source in container.env_from or []:
            if source.secret_ref is not None:
                data = self.core.read_namespaced_secret(source.secret_ref.name, namespace).data or {}
                found.update({key: base64.b64decode(value).decode() for key, value in data.items()})
            if source.config_map_ref is not None:
                found.update(self.core.read_namespaced_config_map(source.config_map_ref.name, namespace).data or {})
        for each in container.env or []:
            key = each.value_from.secret_key_ref if each.value_from is not None else None
            if key is not None:
                data = self.core.read_namespaced_secret(key.name, namespace).data
                found[each.name] = base64.b64decode(data[key.key]).decode()
            else:
                found[each.name] = each.value or ""
        return found

    def end(self, pod: Any, running: Running | None) -> None:
        if running is not None and not running.has_ended.is_set():
            if running.kill_at is None:
                running.kill_at = time.monotonic() + (pod.metadata.deletion_grace_period_seconds or 0)
                running.signal(signal.SIGTERM)
            elif time.monotonic() > running.kill_at:
                running.signal(signal.SIGKILL)
            return
        self.running.pop(pod.metadata.uid, None)
        if running is not None:
            self.note("removed", pod, running.process.pid)
        options = client.V1DeleteOptions(grace_period_seconds=0, preconditions={"uid": pod.metadata.uid})
        self.core.delete_namespaced_pod(pod.metadata.name, pod.metadata.namespace, body=options)

    def report_end(self, running: Running) -> None:
        code = running.process.returncode
        self.note("ended", running.pod, running.process.pid, code=code)
        terminated = {
            "exitCode": 128 - code if code < 0 else code,
            "reason": "Error" if code else "Completed",
            "message": running.last_word() or None,
            "finishedAt": now(),
        }
        phase, pod = "Failed" if code else "Succeeded", running.pod
        self.report(pod, {"phase": phase, "containerStatuses": [self.container(pod, {"terminated": terminated})]})

    def container(self, pod: Any, state: dict[str, Any]) -> dict[str, Any]:
        first = pod.spec.containers[0]
        named = {"name": first.name, "image": first.image, "imageID": "", "restartCount": 0}
        return {**named, "ready": "running" in state, "state": state}

    def report(self, pod: Any, status: dict[str, Any]) -> None:
        self.core.patch_namespaced_pod_status(pod.metadata.name, pod.metadata.namespace, {"status": status})

    def note(self, event: str, pod: Any, process: int, **more: Any) -> None:
        task = (pod.metadata.annotations or {}).get("airflow-mlops-provider/task_id")
        line = {
            "event": event,
            "pod": pod.metadata.name,
            "task": task,
            "labels": pod.metadata.labels,
            "process": process,
        }
        line |= more
        with (self.folder / "starts.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")

    def log_of(self, namespace: str, name: str) -> Running | None:
        return next(
            (
                each
                for each in self.running.values()
                if (each.pod.metadata.namespace, each.pod.metadata.name) == (namespace, name)
            ),
            None,
        )


class Logs(BaseHTTPRequestHandler):
    """``/containerLogs/NAMESPACE/POD/CONTAINER``, as the API server asks for it."""

    kubelet: Kubelet
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(url.query).items()}
        match = re.fullmatch(r"/containerLogs/([^/]+)/([^/]+)/[^/]+", url.path)
        running = self.kubelet.log_of(match[1], match[2]) if match else None
        if running is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with contextlib.suppress(OSError):
            self.write_lines(running, asked)
            self.wfile.write(b"0\r\n\r\n")

    def write_lines(self, running: Running, asked: dict[str, str]) -> None:
        since = datetime.min.replace(tzinfo=UTC)
        if "sinceSeconds" in asked:
            since = datetime.now(UTC) - timedelta(seconds=int(asked["sinceSeconds"]))
        sent = 0
        while True:
            is_over = running.has_ended.is_set()
            for moment, line in running.lines[sent:]:
                sent += 1
                if moment >= since:
                    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ").encode() if "timestamps" in asked else b""
                    data = stamp + line
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                    self.wfile.flush()
            if is_over or asked.get("follow") != "true":
                return
            time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        pass


def main(folder: Path, node: str, port: int) -> None:
    config.load_kube_config(str(folder / "kubeconfig"))
    (folder / "faults").mkdir(exist_ok=True)
    kubelet = Kubelet(folder=folder, node=node, port=port)
    signal.signal(signal.SIGTERM, lambda *_: kubelet.has_to_stop.set())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "kubelet.crt", folder / "kubelet.key")
    Logs.kubelet = kubelet
    server = ThreadingHTTPServer(("127.0.0.1", port), Logs)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kubelet.register()
    kubelet.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
