"""A store is asked whether only one of several writers can create a file; one where several can is refused."""

from __future__ import annotations

import http.server
import threading

import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.stores.evidence.exclusive_create import main, require_exclusive_create


class Forgetful(http.server.BaseHTTPRequestHandler):
    """Takes every object, whatever the condition; such stores are about."""

    protocol_version = "HTTP/1.1"  # clients ask before they send a body

    def do_PUT(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer({"ETag": '"0"'})

    def do_DELETE(self):
        self._answer({})

    def do_GET(self):
        self._answer({}, b"<ListBucketResult><Name>bucket</Name><KeyCount>0</KeyCount></ListBucketResult>")

    def _answer(self, headers, body=b""):
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def forgetful_store(monkeypatch):
    import s3fs

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forgetful)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    s3fs.S3FileSystem.clear_instance_cache()
    yield "s3://bucket/mlops"
    s3fs.S3FileSystem.clear_instance_cache()
    server.shutdown()
    server.server_close()


def test_a_local_folder_can_hold_evidence_and_is_left_as_it_was(tmp_path, capsys):
    assert main([str(tmp_path)]) == 0
    assert "of 8 writers at once one created the file, 10 times out of 10" in capsys.readouterr().out
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_store_that_ignores_the_condition_is_refused_by_name(forgetful_store, capsys):
    with pytest.raises(BadInputError, match=r"s3://bucket/mlops: 8 of 8 writers at once created a file"):
        require_exclusive_create(forgetful_store)
    assert main([forgetful_store]) == 2
    assert "If-None-Match" in capsys.readouterr().err


def test_a_root_that_cannot_be_written_is_a_failed_backend(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendError):
        require_exclusive_create(str(tmp_path / "file" / "mlops"))
    assert main([str(tmp_path / "file" / "mlops")]) == 1
    assert "cannot be written" in capsys.readouterr().err
