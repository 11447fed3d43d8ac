"""One tracking run for one training, found again by its key on a retry and never left running."""

from __future__ import annotations

import os
import re
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.records.codec import canonical_json
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.stores.models import registry, tags
from airflow_mlops_provider.stores.models.artifact import (
    Probe,
    StoredModel,
    content_digest_in,
    digest_of,
    read_files,
    write_artifact,
)
from airflow_mlops_provider.stores.models.connection import reaching, sqlite_lock, sqlite_path
from airflow_mlops_provider.stores.storage_errors import is_not_found

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


class TrainingRun:
    """A tracking run, as a context manager that always ends it.

    :param client: of the tracking store.
    :param run_id: of the run that was made or found again.
    :param name: the model's registered name.
    :param alone: whether no other try can still be at work in this run, so that what it left may be dropped.
    """

    def __init__(self, client: MlflowClient, *, run_id: str, name: str, tracking_uri: str, alone: bool = True) -> None:
        self._client = client
        self._alone = alone
        self.run_id = run_id
        self.name = name
        self.tracking_uri = tracking_uri
        self._succeeded = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is not None:
            # The first error is the one to tell; a store that is gone cannot be told anything.
            with suppress(BackendError):
                self._end("FAILED")
        else:
            self._end("FINISHED" if self._succeeded else "FAILED")

    @reaching
    def _end(self, status: str) -> None:
        self._client.set_terminated(self.run_id, status)

    def fail(self) -> None:
        """End this run as FAILED although nothing was raised: its model must not be used."""
        self._succeeded = False

    @property
    @reaching
    def registered(self) -> ModelRef | None:
        """The version that an earlier try of this run registered, or ``None``."""
        found = self._client.search_model_versions(f"run_id = '{self.run_id}'")
        versions = [version for version in found if version.name == self.name]
        return registry.pin(versions[0]) if versions else None

    @reaching
    def log_params(self, params: Mapping[str, Any]) -> None:
        """Parameters, as text; those that an earlier try logged stay, because MLflow never changes one."""
        from mlflow.entities import Param

        logged = self._client.get_run(self.run_id).data.params
        new = [Param(key, str(value)) for key, value in params.items() if key not in logged]
        self._client.log_batch(self.run_id, params=new)

    @reaching
    def log_metrics(self, metrics: Mapping[str, float], *, model_id: str | None = None) -> None:
        """Numbers of this run, and of the logged model when its id is given."""
        log_metrics(self._client, self.run_id, metrics, model_id)

    @reaching
    def set_tags(self, values: Mapping[str, str]) -> None:
        """Text to find the run by."""
        for key, value in values.items():
            self._client.set_tag(self.run_id, key, value)

    @reaching
    def log_dataset(self, dataset: DatasetRef, *, context: str = "training") -> None:
        """The dataset that the run read, with its fingerprint, as an MLflow input."""
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.exceptions import MlflowException

        entry = Dataset(
            name=Path(dataset.uri).name or dataset.uri,
            digest=(dataset.fingerprint or "").removeprefix("sha256:")[:36],
            source_type="uri",
            source=canonical_json({"uri": dataset.uri}).decode(),
            profile=canonical_json(dataset).decode(),
        )
        given = DatasetInput(dataset=entry, tags=[InputTag("mlflow.data.context", context)])
        try:
            self._client.log_inputs(self.run_id, datasets=[given])
        except MlflowException:
            # Of two runs that log a dataset for the first time at once, MLflow refuses one; by now it is known.
            self._client.log_inputs(self.run_id, datasets=[given])

    @reaching
    def attach_all(self, files: Mapping[str, bytes]) -> None:
        """Files among the run's artifacts, by name; names may hold folders."""
        attach(self._client, self.run_id, files)

    @reaching
    def attachment(self, name: str) -> bytes | None:
        """A file that an earlier try attached, or ``None``."""
        return attachment(self._client, self.run_id, name, self.tracking_uri)

    @reaching
    def store_model(
        self, estimator: Any, spec: ModelSpec, probe: Probe, *, code: Mapping[str, bytes] | None = None
    ) -> StoredModel:
        """Upload the inference artifact; it is not registered by this.

        :param code: the trainer's code, as it ran.
        :raises BadInputError: when it holds a type that is not allowed, naming it.
        """
        self._drop_abandoned_models()
        run = self._client.get_run(self.run_id)
        model = self._client.create_logged_model(
            run.info.experiment_id, name=_logged_name(spec.name), source_run_id=self.run_id, model_type=str(spec.task)
        )
        try:
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary) / "model"
                write_artifact(estimator, spec, probe, folder, model.model_id, code=code or {})
                files = read_files(folder)
                self._client.log_model_artifacts(model.model_id, str(folder))
        except BaseException:
            with suppress(Exception):
                self._client.finalize_logged_model(model.model_id, "FAILED")
            raise
        self._client.finalize_logged_model(model.model_id, "READY")
        return StoredModel(
            uri=model.artifact_location,
            model_id=model.model_id,
            digest=digest_of(files),
            content_digest=content_digest_in(files),
            bytes=sum(map(len, files.values())),
        )

    def _drop_abandoned_models(self) -> None:
        # What a killed try uploaded without registering it; nothing points there.
        if not self._alone:
            return
        run = self._client.get_run(self.run_id)
        for model in self._client.search_logged_models(
            [run.info.experiment_id], filter_string=f"source_run_id = '{self.run_id}'"
        ):
            self._client.delete_logged_model(model.model_id)

    @reaching
    def register(self, stored: StoredModel, version_tags: Mapping[str, str]) -> ModelRef:
        """Make ``stored`` the next version of the model, or return the version that this run made already."""
        with sqlite_lock(sqlite_path(self.tracking_uri)):
            earlier = self.registered
            if earlier:
                return earlier
            registry.ensure_model(self._client, self.name)
            known = {tags.DIGEST: stored.digest, tags.CONTENT_DIGEST: stored.content_digest}
            version = self._client.create_model_version(
                self.name,
                source=stored.uri,
                run_id=self.run_id,
                tags={**version_tags, **known},
                model_id=stored.model_id,
            )
            return self._first_of_this_run(version)

    def _first_of_this_run(self, version: Any) -> ModelRef:
        """The version that stands: a server has no lock, so the later one of two tries at once takes its own back."""
        found = self._client.search_model_versions(f"run_id = '{self.run_id}'")
        first = min((each for each in found if each.name == self.name), key=lambda each: int(each.version))
        if int(first.version) < int(version.version):
            self._client.delete_model_version(self.name, version.version)
            return registry.pin(first)
        return registry.pin(version)


def _logged_name(name: str) -> str:
    """The name of a logged model, which may hold less than the name that it is registered under."""
    return re.sub(r"""[.%"']""", "-", name)


def open_run(
    client: MlflowClient,
    *,
    tracking_uri: str,
    experiment_id: str,
    name: str,
    identity: str | None,
    run_name: str | None,
    claim: Callable[[str, str], str] | None = None,
) -> TrainingRun:
    """The run of ``identity``: the one that an earlier try began, or a new one.

    :param identity: the same for every try of one training; ``None`` always makes a new run.
    :param claim: given the identity and a run's id, the id that was given first for that identity. Of two tries that
        begin at once, when neither sees the other's run yet, it tells which run stands; the other one is deleted.
    """
    _end_orphans(client, experiment_id)
    mine = {tags.PROCESS: this_process()} if this_process() else {}
    found = {run.info.run_id: run for run in _find(client, experiment_id, identity)}
    run_id = next(iter(found), None)
    if run_id is None:
        given = {tags.IDENTITY: identity, **mine} if identity else mine
        run_id = client.create_run(experiment_id, run_name=run_name, tags=given).info.run_id
        made = {run_id}
    else:
        made = set()
    if identity and claim:
        run_id = _first_claimed_run(client, claim(identity, run_id), run_id)
        for other in {*found, *made} - {run_id}:
            client.delete_run(other)
    if run_id in made:
        return TrainingRun(client, run_id=run_id, name=name, tracking_uri=tracking_uri)
    before = client.get_run(run_id).data.tags.get(tags.PROCESS)
    client.update_run(run_id, status="RUNNING")
    for key, value in mine.items():
        client.set_tag(run_id, key, value)
    return TrainingRun(client, run_id=run_id, name=name, tracking_uri=tracking_uri, alone=_has_ended(before))


def _first_claimed_run(client: MlflowClient, claimed: str, own: str) -> str:
    """The run that was claimed first, unless somebody has deleted it since."""
    from mlflow.exceptions import MlflowException

    if claimed == own:
        return own
    try:
        stage = client.get_run(claimed).info.lifecycle_stage
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return own
    return claimed if stage == "active" else own


def _has_ended(owner: str | None) -> bool:
    """Whether the try that last owned a run is over; in this very process it is, because tries follow each other."""
    return owner is None or owner == this_process() or is_gone(owner)


def _find(client: MlflowClient, experiment_id: str, identity: str | None) -> list[Run]:
    if not identity:
        return []
    found = client.search_runs([experiment_id], f"tags.`{tags.IDENTITY}` = '{identity}'", max_results=10)
    return sorted(found, key=lambda run: (run.info.start_time, run.info.run_id))


def _end_orphans(client: MlflowClient, experiment_id: str) -> None:
    """End the runs of processes of this machine that are gone: nobody else will."""
    for run in client.search_runs([experiment_id], "attributes.status = 'RUNNING'"):
        owner = run.data.tags.get(tags.PROCESS)
        if owner and is_gone(owner):
            client.set_terminated(run.info.run_id, "KILLED")


def this_process() -> str | None:
    """``host/pid namespace/pid/start time`` of this process; ``None`` where there is no ``/proc``."""
    return _process(os.getpid())


def is_gone(process: str) -> bool:
    """Whether ``process`` belonged to this host and PID namespace and has ended; unknown is not gone."""
    mine = this_process()
    if mine is None or process.split("/")[:2] != mine.split("/")[:2]:
        return False
    return _process(int(process.split("/")[2])) != process


def _process(pid: int) -> str | None:
    try:
        started = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
        namespace = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return None
    return f"{socket.gethostname()}/{namespace}/{pid}/{started}"


def log_metrics(client: MlflowClient, run_id: str, metrics: Mapping[str, float], model_id: str | None) -> None:
    """Numbers of a run, and of a logged model when its id is given."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    client.log_batch(run_id, metrics=[Metric(k, float(v), now, 0, model_id=model_id) for k, v in metrics.items()])


def trouble(client: MlflowClient, run_id: str, of: str) -> str:
    """Why nothing can be added to a run, which MLflow allows for runs in its trash as little as for those it lost.

    :param of: what the run made, for the message.
    """
    from mlflow.exceptions import MlflowException

    try:
        stage = client.get_run(run_id).info.lifecycle_stage
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        stage = "gone"
    return "" if stage == "active" else f"{of}: its tracking run {run_id} is {stage}; restore it in MLflow"


def attach(client: MlflowClient, run_id: str, files: Mapping[str, bytes]) -> None:
    """Write files among a run's artifacts; names may hold folders."""
    with tempfile.TemporaryDirectory() as temporary:
        for name, data in files.items():
            path = Path(temporary, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        client.log_artifacts(run_id, temporary)


def attachment(client: MlflowClient, run_id: str, name: str, tracking_uri: str) -> bytes | None:
    """One file among a run's artifacts, or ``None``."""
    folder = str(Path(name).parent)
    listed = client.list_artifacts(run_id, path=None if folder == "." else folder)
    if name not in [entry.path for entry in listed]:
        return None
    with downloaded(client.get_run(run_id).info.artifact_uri + "/" + name, tracking_uri) as path:
        return path.read_bytes()


@contextmanager
def downloaded(uri: str, tracking_uri: str) -> Iterator[Path]:
    """A local path to an artifact; a copy that goes away afterwards unless the store is local."""
    from mlflow.artifacts import download_artifacts
    from mlflow.utils.file_utils import local_file_uri_to_path
    from mlflow.utils.uri import is_local_uri

    if is_local_uri(uri):
        yield Path(local_file_uri_to_path(uri))
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(download_artifacts(artifact_uri=uri, dst_path=temporary, tracking_uri=tracking_uri))


def holds_nothing(uri: str, tracking_uri: str) -> bool:
    """Whether a store that answers has nothing at ``uri``; MLflow's own error for that is the one for every failure."""
    from mlflow.artifacts import list_artifacts

    try:
        return not list_artifacts(artifact_uri=uri, tracking_uri=tracking_uri)
    except Exception as error:  # noqa: BLE001  # every store's client raises a family of its own
        return is_not_found(error)
