"""A Kubernetes cluster of one node: real API server, controllers and scheduler, over etcd, and a kubelet for tests."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from demo.services import HOST, Process, free_port
from deployment.servers import data_folder, inherited, require_program
from tests.services.cluster.eks import Eks
from tests.services.cluster.programs import require_programs

CONTROLLERS = "garbagecollector,namespace,serviceaccount,serviceaccount-token"
NODE = "node-1"


@dataclass(frozen=True)
class Cluster:
    """A running cluster.

    :param folder: where kubeconfig and the kubelet's files lie.
    :param address: of the API server.
    :param eks: through which it is an EKS cluster as well.
    """

    folder: Path
    address: str
    eks: Eks

    @property
    def kubeconfig(self) -> dict[str, Any]:
        """Of a user who may do everything."""
        return json.loads((self.folder / "kubeconfig").read_text())

    @cached_property
    def core(self) -> Any:
        """A client of the same user."""
        from kubernetes import client, config

        return client.CoreV1Api(config.new_client_from_config_dict(self.kubeconfig))

    def make_namespace(self) -> str:
        """A namespace of its own, once its default service account is there."""
        name = f"ns-{secrets.token_hex(4)}"
        self.core.create_namespace({"metadata": {"name": name}})
        wait_until(lambda: self.core.list_namespaced_service_account(name).items, "the default service account")
        return name

    def user(self, name: str) -> dict[str, Any]:
        """The kubeconfig of another user, who may do nothing yet."""
        made = self.kubeconfig
        made["users"][0]["user"] = {"token": f"token-{name}"}
        return made

    def starts(self, **labels: str) -> list[dict[str, Any]]:
        """The processes that were started for pods with these labels."""
        return [each for each in self.events(**labels) if each["event"] == "started"]

    def events(self, **labels: str) -> list[dict[str, Any]]:
        """What the kubelet noted of pods with these labels, oldest first."""
        path = self.folder / "starts.jsonl"
        noted = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        wanted = {f"airflow-mlops-provider/{key}": value for key, value in labels.items()}
        return [each for each in noted if wanted.items() <= (each["labels"] or {}).items()]

    @contextmanager
    def holding(self) -> Iterator[None]:
        """No pod starts meanwhile."""
        hold = self.folder / "hold"
        hold.touch()
        try:
            yield
        finally:
            hold.unlink()

    def next_pod_gets(self, status: dict[str, Any]) -> None:
        """The next pod gets this status in place of a process."""
        path = self.folder / "faults" / secrets.token_hex(4)
        path.with_suffix(".new").write_text(json.dumps(status))
        path.with_suffix(".new").rename(path)


def wait_until(holds: Any, what: str, *, seconds: float = 120.0) -> Any:
    """Return what ``holds`` gives once it is true; a test waits on a condition and for no time."""
    import time

    until = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < until, f"{what} did not come"
        time.sleep(0.05)
    return found


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A cluster without pods, ended whole."""
    programs = require_programs()
    etcd = require_program("etcd", "etcd-server")
    with data_folder("cluster") as folder, ExitStack() as started:
        ports = [free_port(0) for _ in range(4)]
        peer, store, secure, kubelet = ports
        store_url = f"http://{HOST}:{store}"

        def start(name: str, *command: str) -> Process:
            environment = inherited(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", PYTHONPATH=str(_ROOT))
            process = Process(list(command), env=environment, log=folder / f"{name}.log")
            started.callback(process.stop)
            return process

        start("etcd", etcd, "--data-dir", f"{folder}/etcd", "--listen-client-urls", store_url,
              "--advertise-client-urls", store_url, "--listen-peer-urls", f"http://{HOST}:{peer}",
              "--initial-advertise-peer-urls", f"http://{HOST}:{peer}", "--initial-cluster",
              f"default=http://{HOST}:{peer}", "--unsafe-no-fsync")  # fmt: skip
        _make_keys(folder)
        eks = Eks()
        started.callback(eks.stop)
        (folder / "authenticator").write_text(json.dumps(eks.webhook))
        users = {"admin": "system:masters", **dict.fromkeys(("nobody", "runner"), "people")}
        lines = [f'token-{name},{name},{name},"{group}"' for name, group in users.items()]
        (folder / "tokens.csv").write_text("\n".join(lines) + "\n")
        server = start("apiserver", f"{programs}/kube-apiserver", "--etcd-servers", store_url, "--cert-dir",
                       f"{folder}/certificates", "--bind-address", HOST, "--secure-port", str(secure),
                       "--insecure-port", "0", "--token-auth-file", f"{folder}/tokens.csv", "--authorization-mode",
                       "RBAC", "--service-account-issuer", "https://kubernetes.default.svc",
                       "--service-account-key-file", f"{folder}/accounts.key", "--service-account-signing-key-file",
                       f"{folder}/accounts.key", "--service-cluster-ip-range", "10.0.0.0/24",
                       "--authentication-token-webhook-config-file", f"{folder}/authenticator")  # fmt: skip
        cluster = Cluster(folder, f"https://{HOST}:{secure}", eks)
        certificate = folder / "certificates" / "apiserver.crt"
        server.wait_until(certificate.exists, "the certificate of the API server")
        (folder / "kubeconfig").write_text(json.dumps(_kubeconfig(cluster.address, certificate)))
        authority = cluster.kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]
        eks.cluster = {"name": "prod", "endpoint": cluster.address, "certificateAuthority": {"data": authority}}
        server.wait_until(lambda: _is_ready(cluster), "the API server")
        start("controllers", f"{programs}/kube-controller-manager", "--kubeconfig", f"{folder}/kubeconfig",
              "--controllers", CONTROLLERS, "--service-account-private-key-file", f"{folder}/accounts.key",
              "--use-service-account-credentials=false", "--port", "0", "--secure-port", "0",
              "--leader-elect=false")  # fmt: skip
        start("scheduler", f"{programs}/kube-scheduler", "--kubeconfig", f"{folder}/kubeconfig", "--port", "0",
              "--secure-port", "0", "--leader-elect=false")  # fmt: skip
        node = start("kubelet", sys.executable, "-m", "tests.services.cluster.kubelet", str(folder), NODE, str(kubelet))
        node.wait_until(lambda: _has_node(cluster), "the node")
        yield cluster


_ROOT = Path(__file__).parents[3]


def _make_keys(folder: Path) -> None:
    openssl = require_program("openssl", "openssl")
    account = [openssl, "genrsa", "-out", f"{folder}/accounts.key", "2048"]
    pair = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={NODE}", "-days", "2"]
    for command in (account, [*pair, "-keyout", f"{folder}/kubelet.key", "-out", f"{folder}/kubelet.crt"]):
        subprocess.run(command, check=True, capture_output=True)


def _kubeconfig(address: str, certificate: Path) -> dict[str, Any]:
    import base64

    authority = base64.b64encode(certificate.read_bytes()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": address, "certificate-authority-data": authority}}],
        "users": [{"name": "test", "user": {"token": "token-admin"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }


def _is_ready(cluster: Cluster) -> bool:
    from kubernetes.client.rest import ApiException
    from urllib3.exceptions import HTTPError

    try:
        return bool(cluster.core.list_namespace(_request_timeout=5).items)
    except (ApiException, HTTPError):
        return False


def _has_node(cluster: Cluster) -> bool:
    nodes = cluster.core.list_node().items
    return bool(nodes) and not nodes[0].spec.taints and bool(nodes[0].status.allocatable)
