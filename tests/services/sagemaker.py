"""A thin stand-in before moto for SageMaker's Processing jobs, of which moto runs none.

What it adds: a name can be used once, a job's entry point runs as a process with its environment alone, its lines go to
CloudWatch (moto's), its last word becomes the exit message, and it can be stopped. Everything else is moto's answer. It
knows no images, machines, roles or networks.

``python -m tests.services.sagemaker HOST PORT FOLDER``; each start of a process is a line in ``FOLDER/started``, and a
file ``FOLDER/hold`` keeps jobs from starting.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.services import HOST, Process, answers, free_port

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
MESSAGE_BYTES = 1024


@dataclass
class Job:
    """A Processing job and its process."""

    request: dict[str, Any]
    folder: Path
    status: str = "InProgress"
    created: float = field(default_factory=time.time)
    began: float | None = None
    ended: float | None = None
    reason: str | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return str(self.request["ProcessingJobName"])

    def described(self) -> dict[str, Any]:
        message = self.folder / "output" / "message"
        is_over = self.status in ("Completed", "Failed", "Stopped")
        told = {
            "ProcessingJobStatus": self.status,
            "CreationTime": self.created,
            "ProcessingStartTime": self.began,
            "ProcessingEndTime": self.ended,
            "FailureReason": self.reason,
            "ExitMessage": message.read_text()[:MESSAGE_BYTES] if is_over and message.exists() else None,
        }
        shown = {key: value for key, value in self.request.items() if key != "Tags"}
        return shown | {key: value for key, value in told.items() if value is not None}


class StandIn:
    """The WSGI application.

    :param moto: what answers everything else.
    :param folder: of the jobs' files.
    :param endpoint: the address at which a job finds AWS.
    """

    def __init__(self, moto: Any, folder: Path, endpoint: str) -> None:
        self._moto, self._folder, self._endpoint = moto, folder, endpoint
        self._jobs: dict[str, Job] = {}
        self._calls = {
            "CreateProcessingJob": self._create,
            "DescribeProcessingJob": self._describe,
            "ListProcessingJobs": self._list,
            "StopProcessingJob": self._stop,
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        call = self._calls.get(environ.get("HTTP_X_AMZ_TARGET", "").removeprefix("SageMaker."))
        if call is None:
            return self._moto(environ, start_response)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        try:
            told = call(json.loads(body), lambda: self._ask_moto(environ, body))
            status = "200 OK"
        except Refusal as refusal:
            told, status = {"__type": refusal.code, "message": refusal.message}, "400 Bad Request"
        data = json.dumps(told).encode()
        start_response(status, [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(data)))])
        return [data]

    def end(self) -> None:
        """End with all jobs."""
        for job in self._jobs.values():
            if job.process is not None and job.process.poll() is None:
                os.killpg(job.process.pid, signal.SIGKILL)
        os._exit(0)

    def _ask_moto(self, environ: dict[str, Any], body: bytes) -> dict[str, Any]:
        answered = self._moto({**environ, "wsgi.input": io.BytesIO(body)}, lambda *_: None)
        return dict(json.loads(b"".join(answered)))

    def _create(self, request: dict[str, Any], moto: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        name = request["ProcessingJobName"]
        if name in self._jobs:
            raise Refusal("ResourceInUse", f"Job name must be unique within an AWS account and region: {name}")
        folder = self._folder / name
        (folder / "output").mkdir(parents=True)
        self._jobs[name] = job = Job(request=request, folder=folder)
        threading.Thread(target=self._run, args=(job,), daemon=True).start()
        return moto()

    def _describe(self, request: dict[str, Any], moto: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        return moto() | self._known(request).described()

    def _list(self, request: dict[str, Any], moto: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        found = [job for job in self._jobs.values() if request.get("NameContains", "") in job.name]
        begin, most = int(request.get("NextToken") or 0), 2  # AWS may give fewer than were asked for, and says so
        page = [
            {
                "ProcessingJobName": job.name,
                "ProcessingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:processing-job/{job.name}",
                "CreationTime": job.created,
                "ProcessingJobStatus": job.status,
            }
            for job in found[begin : begin + most]
        ]
        more = {"NextToken": str(begin + most)} if begin + most < len(found) else {}
        return {"ProcessingJobSummaries": page, **more}

    def _stop(self, request: dict[str, Any], moto: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        job = self._known(request)
        if job.status != "InProgress":
            raise Refusal("ValidationException", f"The request was rejected because the job is {job.status}.")
        job.status = "Stopping"
        if job.process is not None:
            os.killpg(job.process.pid, signal.SIGTERM)
        return {}

    def _known(self, request: dict[str, Any]) -> Job:
        name = request["ProcessingJobName"]
        if name not in self._jobs:
            raise Refusal("ValidationException", f"Could not find requested job with name: {name}")
        return self._jobs[name]

    def _run(self, job: Job) -> None:
        while (self._folder / "hold").exists() and job.status != "Stopping":
            time.sleep(0.1)
        if job.status == "Stopping":
            job.status, job.ended = "Stopped", time.time()
            return
        application = job.request["AppSpecification"]
        command = [*application["ContainerEntrypoint"], *application["ContainerArguments"]]
        with (self._folder / "started").open("a") as started:
            started.write(f"{job.name}\n")
        job.process = subprocess.Popen(
            [each.replace("/opt/ml/", f"{job.folder}/") for each in command],
            env=self._variables(job),
            cwd=job.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        job.began = time.time()
        self._pass_lines_on(job)
        self._end(job, job.process.wait())

    def _variables(self, job: Job) -> dict[str, str]:
        of_the_role = {"AWS_ACCESS_KEY_ID": "of-the-role", "AWS_SECRET_ACCESS_KEY": "of-the-role"}
        here = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
        return here | of_the_role | {"AWS_ENDPOINT_URL": self._endpoint} | job.request.get("Environment", {})

    def _pass_lines_on(self, job: Job) -> None:
        import boto3

        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "a", "region_name": "us-east-1"}
        logs = boto3.session.Session().client("logs", endpoint_url=self._endpoint, **keys)
        stream = {"logGroupName": LOG_GROUP, "logStreamName": f"{job.name}/algo-1-{int(job.created)}"}
        for make, names in ((logs.create_log_group, ("logGroupName",)), (logs.create_log_stream, tuple(stream))):
            with suppress(logs.exceptions.ResourceAlreadyExistsException):
                make(**{name: stream[name] for name in names})
        for line in job.process.stdout:
            told = {"timestamp": int(time.time() * 1000), "message": line.decode(errors="replace").rstrip("\n") or " "}
            logs.put_log_events(**stream, logEvents=[told])

    def _end(self, job: Job, status: int) -> None:
        job.ended = time.time()
        if job.status == "Stopping":
            job.status = "Stopped"
        elif status == 0:
            job.status = "Completed"
        else:
            code = 128 - status if status < 0 else status
            job.reason, job.status = f"AlgorithmError: See job logs for more information, exit code: {code}", "Failed"


class Refusal(Exception):  # an answer of AWS
    """An error as AWS answers it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class SageMaker:
    """The stand-in, running.

    :param address: of AWS by moto, SageMaker among it.
    :param folder: of the jobs' files.
    """

    address: str
    folder: Path

    @property
    def started(self) -> list[str]:
        """The names of the jobs whose process was started, once for each start."""
        path = self.folder / "started"
        return path.read_text().splitlines() if path.exists() else []

    @contextmanager
    def holding(self) -> Iterator[None]:
        """No job starts meanwhile."""
        hold = self.folder / "hold"
        hold.touch()
        try:
            yield
        finally:
            hold.unlink()


def processes_of(name: str) -> list[int]:
    """The processes of the jobs that have this in their names."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().decode(errors="replace").split("\0")
            if any(name in word and word.endswith("/output/message") for word in words):
                found.append(int(path.parent.name))
    return found


@contextmanager
def running_sagemaker(folder: Path) -> Iterator[SageMaker]:
    """AWS by moto with the stand-in before it, as a process of its own."""
    port = free_port(0)
    address = f"http://{HOST}:{port}"
    command = [sys.executable, "-m", "tests.services.sagemaker", HOST, str(port), str(folder)]
    here = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AIRFLOW_", "MLFLOW_"))}
    process = Process(command, env=here | {"MOTO_PORT": str(port)}, log=folder / "stand-in.log")
    try:
        process.wait_until(lambda: answers(f"{address}/moto-api/"), "moto")
        yield SageMaker(address=address, folder=folder)
    finally:
        process.stop()


def main() -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import run_simple

    host, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    app = StandIn(DomainDispatcherApplication(create_backend_app), folder, f"http://{host}:{port}")
    signal.signal(signal.SIGTERM, lambda *_: app.end())
    # One request at a time: moto looks and writes in two steps, which AWS does in one.
    run_simple(host, port, app, threaded=False)


if __name__ == "__main__":
    main()
