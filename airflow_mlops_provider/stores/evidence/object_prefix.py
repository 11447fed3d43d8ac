"""Evidence in an object store: S3, Google Cloud Storage, Azure.

Exclusive create is the store's own condition: ``If-None-Match: *``, or ``ifGenerationMatch=0`` on Google's.
"""

# ruff: noqa: D102  # what each method does is said once, by EvidenceFiles

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any
from urllib.parse import urlparse

from airflow_mlops_provider.exceptions import AlreadyExistsError, BackendError, BadInputError
from airflow_mlops_provider.stores.aws_access import s3_filesystem
from airflow_mlops_provider.stores.evidence.files import require_size
from airflow_mlops_provider.stores.storage_errors import storage_reason

SCHEMES = {"s3": "amazon", "gs": "google", "abfs": "azure", "abfss": "azure"}
"""Schemes of the stores that create exclusively, each with the extra that reaches it."""


class ObjectPrefix:
    """Evidence below a prefix of an object store.

    :param root: ``s3://bucket/prefix``, ``gs://bucket/prefix`` or ``abfs://container/prefix``.
    :raises BackendError: when what reaches the store is not installed, or finds no credentials.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._fs, self._prefix = _reached(root)

    def require_writable(self) -> None:
        self._listing("")  # reaching it is all that can be asked without leaving something there

    def require_readable(self) -> None:
        self._listing("")

    def uri_of(self, name: str) -> str:
        return f"{self.root}/{name}"

    def name_of(self, uri: str) -> str:
        if not uri.startswith(f"{self.root}/"):
            raise BadInputError(f"evidence {uri} does not lie under the evidence root {self.root}")
        return uri.removeprefix(f"{self.root}/")

    def create(self, name: str, data: bytes) -> str:
        try:
            self._fs.pipe_file(f"{self._prefix}/{name}", data, mode="create")
        except FileExistsError as error:
            raise AlreadyExistsError(f"{self.uri_of(name)} exists already") from error
        except Exception as error:  # botocore raises a family of its own, made at run time
            if "PreconditionFailed" in repr(error):
                raise AlreadyExistsError(f"{self.uri_of(name)} exists already") from error
            raise BackendError(f"evidence root {self.root} cannot be written: {storage_reason(error)}") from error
        return self.uri_of(name)

    def read(self, name: str, *, at_most: int | None = None) -> bytes:
        path = f"{self._prefix}/{name}"
        try:
            if at_most is not None:
                require_size(self.uri_of(name), self._fs.size(path), at_most)
            data: bytes = self._fs.cat_file(path)
        except FileNotFoundError as error:
            self._require_bucket(error)
            raise BadInputError(f"evidence {self.uri_of(name)} does not exist") from error
        except BadInputError:
            raise
        except Exception as error:  # as above
            raise BackendError(f"evidence {self.uri_of(name)} cannot be read: {storage_reason(error)}") from error
        return data

    def exists(self, name: str) -> bool:
        try:
            return bool(self._fs.exists(f"{self._prefix}/{name}"))
        except Exception as error:  # as above
            raise BackendError(f"evidence {self.uri_of(name)} cannot be read: {storage_reason(error)}") from error

    def names(self, folder: str) -> list[str]:
        found = self._listing(folder)
        return [f"{folder}/{entry['name'].rsplit('/', 1)[-1]}" for entry in found if entry["type"] == "file"]

    def names_below(self, folder: str) -> list[str]:
        return sorted(self.times_below(folder))

    def listing(self, folder: str) -> tuple[str, ...]:
        return tuple(entry["name"].rsplit("/", 1)[-1] for entry in self._listing(folder))

    def listings_below(self, folder: str) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name in self.names_below(folder):
            place, _, last = name.rpartition("/")
            found[place].append(last)
        return {place: tuple(names) for place, names in found.items()}

    def stamps(self, folder: str) -> dict[str, str]:
        files = (entry for entry in self._listing(folder) if entry["type"] == "file")
        return {f"{folder}/{entry['name'].rsplit('/', 1)[-1]}": _mark(entry) for entry in files}

    def stamp(self, name: str) -> str:  # noqa: ARG002  # the protocol's; an object is taken at its name
        return ""

    def times_below(self, folder: str) -> dict[str, datetime]:
        try:
            found = self._fs.find(f"{self._prefix}/{folder}", detail=True)
        except FileNotFoundError as error:
            self._require_bucket(error)
            return {}
        except Exception as error:  # as above
            raise BackendError(f"evidence root {self.root} cannot be read: {storage_reason(error)}") from error
        return {path.removeprefix(f"{self._prefix}/"): _written(entry) for path, entry in found.items()}

    def remove(self, name: str) -> None:
        try:
            self._fs.rm_file(f"{self._prefix}/{name}")
        except FileNotFoundError as error:
            self._require_bucket(error)
            return
        except Exception as error:  # as above
            raise BackendError(f"evidence {self.uri_of(name)} cannot be removed: {storage_reason(error)}") from error

    def sweep(self) -> int:
        return 0  # an object appears whole or not at all

    def folders(self, under: str = "") -> list[str]:
        return [entry["name"].rsplit("/", 1)[-1] for entry in self._listing(under) if entry["type"] == "directory"]

    def _listing(self, folder: str) -> list[dict[str, Any]]:
        try:
            found = self._fs.ls(f"{self._prefix}/{folder}".rstrip("/"), detail=True)
        except FileNotFoundError as error:
            self._require_bucket(error)
            return []
        except Exception as error:  # as above
            raise BackendError(f"evidence root {self.root} cannot be read: {storage_reason(error)}") from error
        return sorted(found, key=lambda entry: str(entry["name"]))

    def _require_bucket(self, error: FileNotFoundError) -> None:
        """Raise ``BackendError`` when it is the bucket that is missing; s3fs reports that as a missing object."""
        answer = getattr(error.__cause__, "response", None)
        if isinstance(answer, dict) and answer.get("Error", {}).get("Code") == "NoSuchBucket":
            bucket = self._prefix.partition("/")[0]
            raise BackendError(f"evidence root {self.root} cannot be reached: there is no bucket {bucket}") from error


def _reached(root: str) -> tuple[Any, str]:
    """The filesystem of ``root``, which answers from no earlier listing, and the path of the prefix on it."""
    scheme = urlparse(root).scheme
    if scheme == "s3":
        return s3_filesystem(keeps_listings=False), root.removeprefix("s3://")
    import fsspec

    try:
        fs, path = fsspec.core.url_to_fs(root, use_listings_cache=False)
    except ImportError as error:
        extra = SCHEMES[scheme]
        raise BackendError(f"evidence root {root}: pip install 'airflow-mlops-provider[{extra}]' ({error})") from error
    except Exception as error:  # each store's client raises what it likes when it finds no credentials
        raise BackendError(f"evidence root {root} cannot be reached: {error}") from error
    return fs, str(path).rstrip("/")


def _mark(entry: dict[str, Any]) -> str:
    """What changes when an object's content does."""
    return f"{entry.get('ETag') or entry.get('etag')} {_written(entry)}"


def _written(entry: dict[str, Any]) -> datetime:
    """When an object was written, under the key of its store."""
    found = entry.get("LastModified") or entry.get("last_modified") or entry["updated"]
    return found if isinstance(found, datetime) else datetime.fromisoformat(found)
