"""References: they point at data and models; the bodies stay in stores."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import OMIT_NONE
from airflow_mlops_provider.records.csv_format import CsvFormat
from airflow_mlops_provider.records.model_uri import is_model_uri, parse_model_uri


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRef:
    """Points at a dataset and, once it has been read, pins its content.

    :param uri: a file, folder, glob or fsspec URL of Parquet or CSV, a ``dvc:`` URI of a version of them,
        ``sql://CONN_ID/schema.table`` for a table of a database, or a Delta or Iceberg table, whose version may stand
        after it: ``s3://lake/orders#version=3``.
    :param fingerprint: ``sha256:...`` over the content; ``None`` until read.
    :param rows: number of rows; ``None`` until read.
    :param schema_hash: ``sha256:...`` over column names and types; ``None`` until read.
    :param revision: the Git commit at which DVC tracks this content, or what it was copied from; ``None`` without DVC.
    :param fallback: why an older revision was read in place of the newest one; ``None`` when it was not.
    :param left_out: what lay in the folder and was not read, such as ``_temporary/0/part.parquet``, as far as a
        reference has room for it; ``None`` when there was nothing of the kind, or the reference is older than this key.
    :param csv: how its CSV files are written; ``None`` for commas, points, UTF-8 and a header.
    :param identified_by: what the fingerprint is made from: ``rows`` for the rows of a table in whatever order,
        ``version`` of a Delta and ``snapshot`` of an Iceberg table for what its log says; ``None`` for the bytes of
        files.
    :raises BadInputError: for an empty URI, which would mean the current folder.
    """

    uri: str
    fingerprint: str | None = None
    rows: int | None = None
    schema_hash: str | None = None
    revision: str | None = field(default=None, metadata=OMIT_NONE)
    fallback: str | None = field(default=None, metadata=OMIT_NONE)
    left_out: tuple[str, ...] | None = field(default=None, metadata=OMIT_NONE)
    csv: CsvFormat | None = field(default=None, metadata=OMIT_NONE)
    identified_by: str | None = field(default=None, metadata=OMIT_NONE)

    def __post_init__(self) -> None:
        if not self.uri.strip():
            raise BadInputError("dataset: key 'uri' is empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """What last wrote a dataset.

    :param dag_id: of the task that wrote it; ``None`` when an asset was updated by hand.
    :param task_id: that task.
    :param run_id: the Dag run in which it did.
    :param asset: name of the asset whose event tells so; ``None`` when the task itself handed the dataset on.
    """

    dag_id: str | None = None
    task_id: str | None = None
    run_id: str | None = None
    asset: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRef:
    """Points at one registered version of a model.

    :param name: the registered name, as in the model's YAML.
    :param version: the registry's version number, as a string; ``None`` while only the name is known.
    :param uri: ``models:/name/version``.
    :param digest: ``sha256:...`` over the artifact's files, against tampering.
    :param run_id: the tracking run that produced it.
    """

    name: str
    version: str | None = None
    uri: str | None = None
    digest: str | None = None
    run_id: str | None = None


def registered_name(model: str | ModelRef) -> str:
    """The name that a model is registered under, from that name, a reference or a URI such as ``models:/name/3``.

    :raises BadInputError: for a URI that names no registered model.
    """
    if isinstance(model, ModelRef):
        return model.name
    if not is_model_uri(model):
        return model
    name = parse_model_uri(model).name
    if name is None:
        raise BadInputError(f"model {model!r} names a run; name the registered model")
    return name
