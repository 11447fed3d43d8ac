"""Reading a snapshot: the file that says which data files it is made of. Needs fsspec alone."""

from __future__ import annotations

from airflow_mlops_provider.exceptions import BackendError, BadInputError, one_line
from airflow_mlops_provider.records.codec import decode, parse_json
from airflow_mlops_provider.records.snapshot import SNAPSHOT, Snapshot
from airflow_mlops_provider.stores.datasets.filesystems import filesystem

_LARGEST = 64 * 2**20
"""Bytes of a snapshot's file; what is larger was not written by the ingest job."""


def is_snapshot_uri(uri: str) -> bool:
    """Whether ``uri`` names the file of a snapshot."""
    return uri.endswith(SNAPSHOT)


def folder_of(uri: str) -> str:
    """The folder of snapshots in which the file ``uri`` lies."""
    return uri.rpartition("/")[0]


def read_snapshot(uri: str) -> Snapshot | None:
    """What the file of a snapshot says; ``None`` when there is none.

    :param uri: of the snapshot, or of ``latest.snapshot``.
    :raises BadInputError: when it is damaged.
    :raises BackendError: when the storage cannot be reached.
    """
    fs, path = filesystem(uri)
    fs.invalidate_cache()  # a process that waits for a snapshot would see its first listing for ever
    try:
        data: bytes = fs.cat_file(path, end=_LARGEST + 1)
    except FileNotFoundError:
        return None
    except Exception as error:  # every remote filesystem raises a family of its own
        raise BackendError(f"{uri} cannot be read: {one_line(error)}") from error
    if len(data) > _LARGEST:
        raise BadInputError(f"{uri} is no snapshot: it is larger than {_LARGEST:,} bytes")
    return decode(Snapshot, parse_json(data, where=uri), where=uri)
