"""What killed writers left half written beside a dataset in an object store."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_mlops_provider.stores.local_files import ABANDONED_AFTER_SECONDS, is_part


def sweep_objects(fs: Any, path: str, *, now: datetime | None = None) -> None:
    """Remove the parts in the folder of ``path`` that were written an hour ago or earlier, of every name.

    One request lists a thousand names. What cannot be listed or removed stays: a sweep keeps nobody from writing.
    Uploads that were never ended have no name yet. They are left to a rule of the bucket, because not every store
    says rightly when they began, and one that is under way must not be ended.

    :param fs: the filesystem of an object store.
    :param path: of what is about to be written.
    :param now: in place of the present.
    """
    limit = (now or datetime.now(UTC)) - timedelta(seconds=ABANDONED_AFTER_SECONDS)
    with suppress(Exception):  # every store's client raises a family of its own
        for entry in fs.ls(path.rpartition("/")[0], detail=True, refresh=True):
            if is_part(entry["name"]) and _written(entry) < limit:
                fs.rm_file(entry["name"])


def _written(entry: dict[str, Any]) -> datetime:
    """When an object was written, under the key of its store."""
    found = entry.get("LastModified") or entry.get("last_modified") or entry["updated"]
    return found if isinstance(found, datetime) else datetime.fromisoformat(found)
