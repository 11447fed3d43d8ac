"""The inference artifact: one folder in MLflow's format whose files are hashed, read once and checked before use."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError, one_line
from airflow_mlops_provider.records.codec import decode, encode, sha256
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.stores.code.isolated import IsolatedCode, isolated
from airflow_mlops_provider.stores.models import skops_types
from airflow_mlops_provider.stores.models.own_code import code_in, code_of_estimator, unpickled, write_code
from airflow_mlops_provider.stores.models.skops_warnings import silent_about_airflow

if TYPE_CHECKING:
    import pandas as pd

MODEL_FILE = "model.skops"
PICKLE_FILE = "model.pkl"
TRUSTED_PICKLES = "MLOPS_TRUSTED_PICKLES"
"""Environment variable with the names of the models whose pickles may be opened, apart by commas. It is the reader who
says so: nothing that is stored with a model can."""
SPEC_FILE = "mlops_spec.json"
PROBE_FILE = "mlops_probe.parquet"
ANSWERS_FILE = "mlops_probe.json"
# MLflow writes this one itself, into the stored folder, when somebody loads a registered model by another way.
_FOREIGN = frozenset({"registered_model_meta"})

_PINNED = ("scikit-learn", "skops", "numpy", "pandas", "scipy")


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A small batch with the answers that the model gave in memory when it was trained.

    :param frame: the features, a few dozen rows.
    :param predictions: labels or values, one a row.
    :param scores: positive-class probabilities, or one list a row for several classes; ``None`` without any.
    """

    frame: pd.DataFrame
    predictions: tuple[Any, ...]
    scores: tuple[Any, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """An artifact that lies in the store but is not registered yet.

    :param uri: ``models:/<id>`` of the logged model.
    :param model_id: MLflow's id of it.
    :param digest: over every file, against tampering.
    :param content_digest: over what was learnt, equal for the same seed and data.
    :param bytes: size of all files.
    """

    uri: str
    model_id: str
    digest: str
    content_digest: str
    bytes: int


def digest_of(files: Mapping[str, bytes]) -> str:
    """``sha256:...`` over the sorted names and contents of an artifact's files."""
    whole = hashlib.sha256()
    for name in sorted(set(files) - _FOREIGN):
        whole.update(f"{name}\0{hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def content_digest_of(model: bytes) -> str:
    """``sha256:...`` over what a skops file holds, blind to its time stamps and memory addresses.

    Two trainings with the same code, seed and data give the same digest, although their files differ.
    """
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        members = {name: sha256(archive.read(name)) for name in archive.namelist() if name != "schema.json"}
        schema = json.loads(archive.read("schema.json"))
    return sha256(json.dumps(_without_addresses(schema, members), sort_keys=True).encode())


def content_digest_in(files: Mapping[str, bytes]) -> str:
    """The content digest of an artifact's model: of a pickle, over its bytes."""
    return content_digest_of(files[MODEL_FILE]) if MODEL_FILE in files else sha256(files[PICKLE_FILE])


def content_digest(estimator: Any, spec: ModelSpec) -> str:
    """The content digest that ``estimator`` would be registered under."""
    if is_pickled(estimator, spec):
        return sha256(_pickle_of(estimator))
    return content_digest_of(skops_types.save(estimator))


def _pickle_of(estimator: Any) -> bytes:
    import cloudpickle

    data: bytes = cloudpickle.dumps(estimator)
    return data


def is_pickled(estimator: Any, spec: ModelSpec) -> bool:
    """Whether ``estimator`` can be stored as a pickle alone, and the model is trusted with one.

    :raises BadInputError: when it can be stored as a pickle alone and nobody trusts that.
    """
    try:
        check_types(estimator, spec)
    except BadInputError:
        if spec.name not in trusted_pickles():
            raise
        return True
    return False


def trusted_pickles() -> frozenset[str]:
    """The names of the models whose pickles may be opened."""
    return frozenset(name for name in map(str.strip, os.environ.get(TRUSTED_PICKLES, "").split(",")) if name)


def _without_addresses(node: Any, members: Mapping[str, str]) -> Any:
    # "__id__" is where an object lay in memory, and "file" is named after it; skops writes every object out in full.
    if isinstance(node, list):
        return [_without_addresses(item, members) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if key != "__id__"}
    if kept.get("file") in members:
        kept["file"] = members[kept["file"]]
    return {key: _without_addresses(value, members) for key, value in kept.items()}


@silent_about_airflow()
def write_artifact(
    estimator: Any,
    spec: ModelSpec,
    probe: Probe,
    folder: Path,
    model_id: str | None = None,
    *,
    code: Mapping[str, bytes],
) -> None:
    """Write ``estimator`` and all that belongs to it into the new ``folder``, in MLflow's scikit-learn format.

    :param code: the trainer's code, as it ran; what the estimator needs of it is part of the artifact.
    :raises BadInputError: when it holds a type that is not allowed, naming it, or cannot be saved without pickle.
    """
    pickled = is_pickled(estimator, spec)
    data = _pickle_of(estimator) if pickled else skops_types.save(estimator)
    trusted = None if pickled else skops_types.trusted_in(data, spec)
    own = code_of_estimator(data, code, spec)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as own_folder:
        # MLflow's imports warn about its own type hints, and its signatures hint that integer columns cannot hold
        # missing values: ours states what the training data were.
        warnings.simplefilter("ignore", UserWarning)
        import mlflow.sklearn
        from mlflow.exceptions import MlflowException
        from mlflow.models import Model, infer_signature

        signature = infer_signature(probe.frame, estimator.predict(probe.frame))
        try:
            mlflow.sklearn.save_model(
                estimator,
                str(folder),
                mlflow_model=Model(model_id=model_id),
                serialization_format="cloudpickle" if pickled else "skops",
                skops_trusted_types=trusted,
                code_paths=write_code(own, Path(own_folder)) or None,
                pip_requirements=pinned_requirements(),
                signature=signature,
                input_example=probe.frame.head(5),
            )
        except MlflowException as error:
            raise BadInputError(f"model {spec.name} cannot be stored: {one_line(error)}") from error
    # Not canonical JSON: the order of the metrics is part of the declaration.
    (folder / SPEC_FILE).write_text(json.dumps(encode(spec)), encoding="utf-8")
    _write_probe(probe, folder)


def check_types(estimator: Any, spec: ModelSpec) -> None:
    """Refuse an estimator whose file would hold types that nobody allowed, naming all of them."""
    try:
        data = skops_types.save(estimator)
    except Exception as error:  # skops raises whatever the foreign object's own state raises
        raise BadInputError(
            f"model {spec.name}: skops cannot save it ({one_line(error)}); pickle is refused "
            f"unless {TRUSTED_PICKLES} names the model"
        ) from error
    skops_types.trusted_in(data, spec)


def pinned_requirements() -> list[str]:
    """The exact versions that an environment needs to load the artifact."""
    return [f"{name}=={metadata.version(name)}" for name in _PINNED]


def read_files(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder``, by its path relative to it, but bytecode: Python writes it, and we never run it."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = {path: path.relative_to(folder) for path in found}
    return {str(name): path.read_bytes() for path, name in names.items() if "__pycache__" not in name.parts}


def load_estimator(files: Mapping[str, bytes], spec: ModelSpec, where: str) -> Any:
    """The estimator of an artifact whose digest has been verified.

    Its own classes and functions are those of the code in the artifact, apart from all others of their names.

    :raises BadInputError: when it is a pickle that nobody named as trusted, or holds a type not allowed.
    """
    code = code_in(files)
    own = isolated(code) if code else None
    if MODEL_FILE not in files:
        return _unpickled(files, spec, where, own)
    return skops_types.load(files[MODEL_FILE], spec, own)


def _unpickled(files: Mapping[str, bytes], spec: ModelSpec, where: str, own: IsolatedCode | None) -> Any:
    if PICKLE_FILE not in files:
        raise BadInputError(f"{where} holds no {MODEL_FILE}")
    if spec.name not in trusted_pickles():
        raise BadInputError(
            f"{where} holds no {MODEL_FILE}; pickled models are refused, because opening one runs it. "
            f"If you trust whoever may register versions of it, name {spec.name} in {TRUSTED_PICKLES}"
        )
    # It is named as trusted, and its digest has been verified.
    return pickle.loads(files[PICKLE_FILE]) if own is None else unpickled(files[PICKLE_FILE], own)  # noqa: S301


def read_spec(files: Mapping[str, bytes], where: str) -> ModelSpec:
    """The declaration that was stored with an artifact."""
    if SPEC_FILE not in files:
        raise BadInputError(f"{where} holds no {SPEC_FILE}: it was not stored by a train job")
    return decode(ModelSpec, json.loads(files[SPEC_FILE]), where=where)


def verify(files: Mapping[str, bytes], digest: str | None, where: str) -> None:
    """Compare an artifact with the digest it was registered under.

    :raises IntegrityError: when they differ, or nothing was recorded.
    """
    if not digest:
        raise IntegrityError(f"{where} carries no digest, so nothing vouches for its files")
    found = digest_of(files)
    if found != digest:
        raise IntegrityError(f"{where} was changed after it was registered: its files have {found}, not {digest}")


def _write_probe(probe: Probe, folder: Path) -> None:
    probe.frame.to_parquet(folder / PROBE_FILE, index=False)
    answers = {"predictions": encode(probe.predictions), "scores": encode(probe.scores)}
    (folder / ANSWERS_FILE).write_text(json.dumps(answers), encoding="utf-8")


def read_probe(files: Mapping[str, bytes]) -> Probe | None:
    """The probe batch stored with an artifact, with the column types that it had."""
    import pandas as pd

    if PROBE_FILE not in files:
        return None
    answers = json.loads(files[ANSWERS_FILE])
    scores = answers["scores"]
    return Probe(
        frame=pd.read_parquet(io.BytesIO(files[PROBE_FILE])),
        predictions=tuple(answers["predictions"]),
        scores=tuple(scores) if scores is not None else None,
    )
