"""The model store: what the rest of the package knows of MLflow."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError, LostVersionError
from airflow_mlops_provider.records.codec import decode, sha256
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.model_uri import NEWEST, ModelUri, is_model_uri, parse_model_uri
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.roles import CHALLENGER
from airflow_mlops_provider.stores.models import artifact, own_code, registry, runs, tags
from airflow_mlops_provider.stores.models.connection import (
    artifact_root,
    connect,
    default_tracking_uri,
    reaching,
    sqlite_lock,
    sqlite_path,
)
from airflow_mlops_provider.stores.models.predictor import Predictor, kinds_of
from airflow_mlops_provider.stores.models.trainer import module_path
from airflow_mlops_provider.stores.specs import read_model_spec


class ModelStore:
    """Runs, versions, aliases and artifacts in one MLflow tracking store and registry.

    :param tracking_uri: of MLflow; ``$MLFLOW_TRACKING_URI``, else SQLite in the evidence root by default.
    :param evidence_root: where the default SQLite store lies; ``./mlops`` by default.
    :raises BackendError: when MLflow cannot be reached, within seconds.
    """

    def __init__(self, tracking_uri: str | None = None, *, evidence_root: str | None = None) -> None:
        self.tracking_uri = tracking_uri or default_tracking_uri(evidence_root)
        self._artifacts = artifact_root(self.tracking_uri, evidence_root)
        self._client = connect(self.tracking_uri)

    def resolve(self, model: str | ModelRef | ModelSpec, *, alias: str = CHALLENGER) -> ModelRef:
        """The one version that ``model`` means, pinned by its digest.

        :param model: a ModelRef, ``models:/name/version``, ``models:/name/latest``, ``models:/name@alias``,
            ``runs:/id`` for the version that the run made, ``models:/name``, a ModelSpec or the path of its YAML. The
            last three mean the version that ``alias`` points at.
        :raises BadInputError: when there is no such model, version or alias, naming it.
        :raises IntegrityError: when a ModelRef carries another digest than the registry.
        """
        asked = _asked(model)
        name = asked.name or self.name_of(model)
        if asked.run_id or asked.version == NEWEST:
            version = self._newest(name, asked.run_id)
        else:
            version = asked.version or self._version_of_alias(name, asked.alias or alias)
        ref = self._pinned(name, version)
        if isinstance(model, ModelRef):
            _require_same(model, ref.digest)
        return ref

    @reaching
    def name_of(self, model: str | ModelRef | ModelSpec) -> str:
        """The registered name of what :meth:`resolve` takes.

        :raises BadInputError: when it is a run that made no version, or versions of several models.
        """
        asked = _asked(model)
        if asked.name is not None:
            return asked.name
        names = sorted({each.name for each in registry.versions_of_run(self._client, asked.run_id or "")})
        if len(names) != 1:
            said = f"versions of {', '.join(names)}" if names else "no version of a model"
            raise BadInputError(f"model {model!r}: this run made {said} at {self.tracking_uri}")
        return str(names[0])

    @reaching
    def _newest(self, name: str, run_id: str | None) -> str:
        found = registry.versions_of_run(self._client, run_id) if run_id else registry.versions_of(self._client, name)
        if not found:
            raise BadInputError(f"there is no model {name!r} at {self.tracking_uri}: train it first")
        return str(max(int(each.version) for each in found))

    def _version_of_alias(self, name: str, alias: str) -> str:
        known = self._aliases(name)
        if known is None:
            raise BadInputError(f"there is no model {name!r} at {self.tracking_uri}: train it first")
        if alias not in known:
            raise BadInputError(f"model {name!r} has no alias {alias!r}; it has {', '.join(sorted(known)) or 'none'}")
        return known[alias]

    @reaching
    def _pinned(self, name: str, version: str) -> ModelRef:
        return registry.pin(registry.version_of(self._client, name, version))

    def find(self, name: str, alias: str) -> ModelRef | None:
        """The version that ``alias`` points at; ``None`` when there is no such model or alias."""
        version = self.aliases(name).get(alias)
        return self._pinned(name, version) if version else None

    def aliases(self, name: str) -> dict[str, str]:
        """Alias to version number; empty when there is no such model."""
        return self._aliases(name) or {}

    @reaching
    def _aliases(self, name: str) -> dict[str, str] | None:
        return registry.aliases(self._client, name)

    @reaching
    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Point ``alias`` at ``version``, wherever it pointed before."""
        registry.version_of(self._client, name, version)
        self._client.set_registered_model_alias(name, alias, version)

    @reaching
    def delete_alias(self, name: str, alias: str) -> None:
        """Remove ``alias``; nothing happens when it is not there."""
        if alias in (registry.aliases(self._client, name) or {}):
            self._client.delete_registered_model_alias(name, alias)

    def versions(self, name: str) -> tuple[ModelRef, ...]:
        """Every version of a model, oldest first; empty when there is no such model."""
        return tuple(self.tags_of_versions(name))

    @reaching
    def tags_of_versions(self, name: str) -> dict[ModelRef, dict[str, str]]:
        """Every version of a model with its tags, oldest first, as one search brings them."""
        found = registry.versions_of(self._client, name)
        ordered = sorted(found, key=lambda each: int(each.version))
        return {registry.pin(version): dict(version.tags) for version in ordered}

    @reaching
    def version_tags(self, ref: ModelRef) -> dict[str, str]:
        """The tags of a version.

        :raises BadInputError: when there is no such version.
        :raises IntegrityError: when another version has its number now, as after a deletion: the digests differ.
        """
        return dict(self._version(ref).tags)

    @reaching
    def set_version_tag(self, ref: ModelRef, key: str, value: str) -> None:
        """Set one tag of a version; raises as :meth:`version_tags`."""
        self._version(ref)
        self._client.set_model_version_tag(ref.name, _number(ref), key, value)

    @reaching
    def set_description(self, ref: ModelRef, text: str) -> None:
        """The text that MLflow's page of a version shows, in Markdown; raises as :meth:`version_tags`."""
        self._version(ref)
        self._client.update_model_version(ref.name, _number(ref), description=text)

    def _version(self, ref: ModelRef) -> Any:
        """MLflow's own record of the version that ``ref`` means, and not of another one under its number."""
        found = registry.version_of(self._client, ref.name, _number(ref))
        _require_same(ref, found.tags.get(tags.DIGEST))
        return found

    def spec(self, ref: ModelRef) -> ModelSpec:
        """The declaration stored with a version, verified with the artifact it is part of."""
        return artifact.read_spec(self._files(ref), _uri(ref))

    def load(self, ref: ModelRef) -> Predictor:
        """The version, ready to answer.

        :raises IntegrityError: when its files are not those that were registered.
        :raises BadInputError: when it is a pickle or holds a type that is not allowed.
        """
        return _predictor(self._files(ref), ref, _uri(ref))

    @reaching
    def location(self, ref: ModelRef) -> str:
        """Where the artifact of a version lies, such as ``s3://bucket/mlartifacts/...``; raises as version_tags."""
        return self._location(self._version(ref))

    @reaching
    def _files(self, ref: ModelRef) -> dict[str, bytes]:
        version = self._version(ref)
        location = self._location(version)
        try:
            with runs.downloaded(location, self.tracking_uri) as folder:
                files = artifact.read_files(folder)
        except Exception:
            if not runs.holds_nothing(location, self.tracking_uri):
                raise
            files = {}
        if not files:
            raise LostVersionError(f"{_uri(ref)}: its artifact is gone from {location}")
        artifact.verify(files, version.tags.get(tags.DIGEST), _uri(ref))
        return files

    def _location(self, version: Any) -> str:
        location: str = self._client.get_model_version_download_uri(version.name, version.version)
        return location

    def run_dataset(self, ref: ModelRef) -> DatasetRef:
        """The dataset that a version was trained on, as recorded when it was registered."""
        recorded = self.version_tags(ref).get(tags.DATASET)
        if not recorded:
            raise BadInputError(f"{_uri(ref)} records no training dataset: it was not made by a train job")
        return decode(DatasetRef, json.loads(recorded), where=f"{_uri(ref)} {tags.DATASET}")

    @reaching
    def attach(self, ref: ModelRef, name: str, data: bytes) -> None:
        """Put a file among the artifacts of the version's run; raises ``BadInputError`` when that run is deleted."""
        trouble = self.run_trouble(ref)
        if trouble:
            raise BadInputError(trouble)
        runs.attach(self._client, _run_of(ref), {name: data})

    @reaching
    def attachment(self, ref: ModelRef, name: str) -> bytes | None:
        """A file among the artifacts of the version's run, or ``None``."""
        return runs.attachment(self._client, _run_of(ref), name, self.tracking_uri)

    @reaching
    def run_trouble(self, ref: ModelRef) -> str:
        """Why nothing can be added to the version's run: it is deleted or gone. Empty when it can."""
        return runs.trouble(self._client, _run_of(ref), _uri(ref))

    @reaching
    def log_metrics(self, ref: ModelRef, metrics: Mapping[str, float]) -> None:
        """Add numbers to the version's run and logged model."""
        version = self._version(ref)
        runs.log_metrics(self._client, _run_of(ref), metrics, version.model_id)

    @reaching
    def training_run(
        self,
        name: str,
        *,
        run_key: str | None = None,
        recipe: str = "",
        run_name: str | None = None,
        claim: Callable[[str, str], str] | None = None,
    ) -> runs.TrainingRun:
        """The tracking run of one training, to be used as a context manager.

        :param run_key: the same for every try; without it each call makes a new run.
        :param recipe: digest of everything the training depends on; another recipe under the same key is another run.
        :param claim: tells which of several runs stands that were begun at once; see :func:`runs.open_run`.
        """
        with sqlite_lock(sqlite_path(self.tracking_uri)):
            return runs.open_run(
                self._client,
                tracking_uri=self.tracking_uri,
                experiment_id=registry.ensure_experiment(
                    self._client, name, f"{self._artifacts}/{name}" if self._artifacts else None
                ),
                name=name,
                identity=sha256(f"{run_key}\0{recipe}".encode()).removeprefix("sha256:") if run_key else None,
                run_name=run_name,
                claim=claim,
            )

    @reaching
    def reload(self, stored: artifact.StoredModel, spec: ModelSpec) -> Predictor:
        """An artifact just stored, read back from the store and verified as a later user would.

        :raises BadInputError: when its own code imports what was not stored with it.
        """
        with runs.downloaded(stored.uri, self.tracking_uri) as folder:
            files = artifact.read_files(folder)
        artifact.verify(files, stored.digest, stored.uri)
        try:
            return _predictor(files, ModelRef(name=spec.name), stored.uri)
        except ImportError as error:
            raise BadInputError(
                f"model {spec.name} cannot be loaded with the code stored with it: {error}; imports are found by "
                "reading the source: name what is imported by a name made up at run time under 'files' in the YAML"
            ) from error


def _predictor(files: Mapping[str, bytes], ref: ModelRef, where: str) -> Predictor:
    spec = artifact.read_spec(files, where)
    # A version of 0.1.0 holds no code: its own classes are those that lie beside its declaration now.
    with nullcontext() if own_code.code_in(files) else module_path(spec):
        estimator = artifact.load_estimator(files, spec, where)
    probe = artifact.read_probe(files)
    return Predictor(
        spec=spec,
        estimator=estimator,
        columns=kinds_of(probe.frame) if probe else {},
        probe=probe,
        ref=ref,
        artifact_bytes=sum(map(len, files.values())),
        code=own_code.code_in(files),
    )


def _asked(model: str | ModelRef | ModelSpec) -> ModelUri:
    if isinstance(model, ModelRef):
        is_open = model.version is None and model.uri
        return parse_model_uri(model.uri or "") if is_open else ModelUri(name=model.name, version=model.version)
    if isinstance(model, str) and is_model_uri(model):
        return parse_model_uri(model)
    return ModelUri(name=read_model_spec(model).name)


def _require_same(ref: ModelRef, found: str | None) -> None:
    if ref.digest and ref.digest != found:
        raise IntegrityError(f"{_uri(ref)} has digest {found}, not {ref.digest} as the reference says")


def _number(ref: ModelRef) -> str:
    if not ref.version:
        raise BadInputError(f"model {ref.name!r}: the reference names no version; resolve it first")
    return ref.version


def _run_of(ref: ModelRef) -> str:
    if not ref.run_id:
        raise BadInputError(f"{_uri(ref)} names no tracking run; resolve it first")
    return ref.run_id


def _uri(ref: ModelRef) -> str:
    return ref.uri or f"models:/{ref.name}/{ref.version}"
