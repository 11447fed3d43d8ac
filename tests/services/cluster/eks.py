"""What Amazon adds to a cluster, for tests: EKS tells where it is, and tokens that AWS credentials signed are believed.

A real authenticator asks AWS whether the signature holds. This one reads who signed, and for which cluster.
"""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PREFIX = "k8s-aws-v1."


class Eks:
    """EKS with one cluster, and the authenticator that its API server asks.

    :ivar cluster: what ``describe_cluster`` tells.
    """

    def __init__(self) -> None:
        self.cluster: dict[str, Any] = {}
        eks = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = urlsplit(self.path).path.rpartition("/")[2]
                if name == eks.cluster.get("name"):
                    self._answer(200, {"cluster": eks.cluster})
                else:
                    self._answer(404, {"message": f"No cluster found for name: {name}."})

            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                signer = eks.signer_of(review["spec"]["token"])
                user = {"username": f"aws:{signer}", "groups": ["system:masters"]}
                status = {"authenticated": True, "user": user} if signer else {"authenticated": False}
                self._answer(200, {"apiVersion": review["apiVersion"], "kind": "TokenReview", "status": status})

            def _answer(self, code: int, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(code)
                if code == 404:
                    self.send_header("x-amzn-ErrorType", "ResourceNotFoundException")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def signer_of(self, token: str) -> str | None:
        """The access key that signed a token, when it is one of EKS."""
        if not token.startswith(PREFIX):
            return None
        encoded = token.removeprefix(PREFIX)
        url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        signed = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        is_call = signed.get("Action") == "GetCallerIdentity" and "x-k8s-aws-id" in signed.get(
            "X-Amz-SignedHeaders", ""
        )
        return signed["X-Amz-Credential"].partition("/")[0] if is_call else None

    @property
    def webhook(self) -> dict[str, Any]:
        """How the API server finds the authenticator."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "eks", "cluster": {"server": f"{self.address}/authenticate"}}],
            "users": [{"name": "api-server"}],
            "contexts": [{"name": "eks", "context": {"cluster": "eks", "user": "api-server"}}],
            "current-context": "eks",
        }

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
