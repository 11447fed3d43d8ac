"""A job's spec made whole, so that the job can run where neither the Dag's folder nor its files are.

Whoever hands a job to another place calls :func:`require_reachable`, then :func:`pack`, and sends what :func:`pack`
returns. On the other side :func:`airflow_mlops_provider.jobs.run` needs that spec alone.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.model_uri import is_model_uri
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests import request_type
from airflow_mlops_provider.records.requests.decay import Window
from airflow_mlops_provider.records.requests.request import JobRequest, Sender, file_suffix
from airflow_mlops_provider.records.table_version import table_version
from airflow_mlops_provider.stores.code.archive import keep_code
from airflow_mlops_provider.stores.code.git import git_commit
from airflow_mlops_provider.stores.code.sources import code_of, trainer_file
from airflow_mlops_provider.stores.evidence.packed import keep_file
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, default_evidence_root
from airflow_mlops_provider.stores.specs import local_path, read_model_spec

_PACKAGE = "airflow-mlops-provider"


def package_version() -> str:
    """The version of this package that is installed here."""
    return metadata.version(_PACKAGE)


def pack(job: str, spec: Mapping[str, Any], store: EvidenceStore) -> dict[str, Any]:
    """The spec of a job with everything in it that lies beside the Dag.

    The declaration of a model is read and stands in the spec. The trainer's module and what it imports that is not
    installed lie in one archive in the evidence root, and so do suites, contracts and postmortems, each in a file of
    its own; the spec names them by addresses that carry their hash. The same spec and files give the same
    :func:`~airflow_mlops_provider.records.request_identity.request_identity`, on whatever machine they are packed.

    :param job: a job name, such as ``train``.
    :param spec: its keys, as for :func:`airflow_mlops_provider.jobs.run`; what is packed already stays as it is.
    :param store: the evidence root of the job.
    :returns: its keys as plain JSON.
    :raises BadInputError: for a key that cannot be used, or a file that cannot be read, naming it.
    :raises BackendError: when the evidence root cannot be written.
    """
    request = request_type(job).from_spec(spec)
    sender = request.sender or Sender(package_version=package_version())
    changed: dict[str, Any] = {"evidence_root": store.root}
    for key in _declarations(type(request)):
        declared = _declared(getattr(request, key))
        if declared is not None and job == "train":
            sender = _with_origin(sender, declared)
            changed[key] = replace(_with_code(declared, store), root=None)
        elif declared is not None:
            changed[key] = replace(declared, root=None)
    for field in dataclasses.fields(request):
        suffix, given = file_suffix(field), getattr(request, field.name)
        if suffix and isinstance(given, str) and _is_local(given):
            changed[field.name] = keep_file(given, store, role=field.name, suffix=suffix)
    return replace(request, **changed, sender=sender).to_spec()


def require_reachable(job: str, spec: Mapping[str, Any], *, place: str, mounted: Sequence[str] = ()) -> None:
    """Refuse a job for another place when the evidence root, or data that it names, lie on this machine alone.

    :param job: a job name, such as ``train``.
    :param spec: its keys.
    :param place: what to call the other place in the error, such as ``a Kubernetes pod``.
    :param mounted: local folders that are there as well, under the same path.
    :raises BadInputError: naming the key and the first address that is not reached.
    """
    request = request_type(job).from_spec(spec)
    folders = [local_path(each).absolute() for each in mounted]
    for address in _addresses(request):
        path = address.path
        if path is not None and not any(path.is_relative_to(folder) for folder in folders):
            raise BadInputError(
                f"{job} spec: {address.key} {address.uri} lies on this machine, which {place} does not reach: give an "
                "address such as s3://bucket/folder, or say that its folder is mounted there"
            )


def require_same_version(job: str, spec: Mapping[str, Any]) -> None:
    """Refuse a spec that another version of this package has packed.

    :raises BadInputError: naming both versions.
    """
    sender = spec.get("sender")
    sent = sender.get("package_version") if isinstance(sender, Mapping) else getattr(sender, "package_version", None)
    if sent is not None and sent != package_version():
        raise BadInputError(
            f"job {job!r} was sent by {_PACKAGE} {sent}, and {package_version()} is installed where it runs: "
            "install the same version on both sides"
        )


def _declarations(request: type[JobRequest]) -> Iterator[str]:
    """The keys that may hold the declaration of a model, or the path of its YAML."""
    for key, hint in typing.get_type_hints(request).items():
        if ModelSpec in typing.get_args(hint):
            yield key


def _declared(value: Any) -> ModelSpec | None:
    if isinstance(value, ModelSpec):
        return value
    is_path = isinstance(value, str) and not is_model_uri(value)
    return read_model_spec(value) if is_path else None


def _with_origin(sender: Sender, spec: ModelSpec) -> Sender:
    if spec.root is None:
        return sender
    file = trainer_file(spec)
    return replace(sender, root=spec.root, git_commit=git_commit(file) if file else None)


def _with_code(spec: ModelSpec, store: EvidenceStore) -> ModelSpec:
    files = {} if spec.code else code_of(spec)
    return replace(spec, code=keep_code(files, store, name=spec.name)) if files else spec


@dataclass(frozen=True)
class _Address:
    key: str
    uri: str

    @property
    def path(self) -> Path | None:
        """The path on this machine; ``None`` for an address elsewhere."""
        parsed = urlparse(self.uri)
        if parsed.scheme == "sqlite":
            return Path(self.uri.removeprefix("sqlite:///")).absolute()
        if parsed.scheme == "dvc":
            return Path(parsed.netloc + parsed.path).absolute()
        place = table_version(self.uri).place
        return local_path(place).absolute() if _is_local(place) else None


def _addresses(request: JobRequest) -> Iterator[_Address]:
    """What a job reads and writes, as far as its spec tells."""
    yield _Address("the evidence root", request.evidence_root or default_evidence_root())
    for field in dataclasses.fields(request):
        if field.name != "evidence_root":
            yield from _addresses_in(getattr(request, field.name), field.name)


def _addresses_in(value: Any, key: str) -> Iterator[_Address]:
    if isinstance(value, DatasetRef):
        if not value.uri.startswith("models:/"):
            yield _Address(key, value.uri)
    elif isinstance(value, tuple):
        for item in value:
            yield from _addresses_in(item, key)
    elif isinstance(value, Window):
        yield from _addresses_in(value.predictions, "predictions")
    elif isinstance(value, str) and (key.endswith("_uri") or key in _ADDRESSES):
        yield _Address(key, value)


_ADDRESSES = ("evidence", "incident", "predictions", "root")
"""Keys that hold an address, besides those that end in ``_uri``."""


def _is_local(uri: str) -> bool:
    return urlparse(uri).scheme in ("", "file")
