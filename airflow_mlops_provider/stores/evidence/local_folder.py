"""Evidence on local disk: written whole, created exclusively."""

# ruff: noqa: D102  # what each method does is said once, by EvidenceFiles

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from airflow_mlops_provider.exceptions import AlreadyExistsError, BackendError, BadInputError
from airflow_mlops_provider.stores.evidence.files import require_size
from airflow_mlops_provider.stores.evidence.listings import Listing, list_folder
from airflow_mlops_provider.stores.local_files import remove_abandoned, require_writable_folder
from airflow_mlops_provider.stores.specs import local_path

_PART_NAME = re.compile(r"\..+\.\d+\.[0-9a-f]{8}")


class LocalFolder:
    """A folder of evidence; exclusive create is a hard link.

    :param root: an absolute path.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = str(root)
        self.root = root.as_uri()

    def require_writable(self) -> None:
        require_writable_folder(self._root, name=f"evidence root {self.root}")

    def require_readable(self) -> None:
        try:
            os.scandir(self._root).close()
        except FileNotFoundError:
            return  # nothing was kept there yet
        except OSError as error:
            raise BackendError(f"evidence root {self.root} cannot be read: {error.strerror}") from error

    def uri_of(self, name: str) -> str:
        return f"{self.root.rstrip('/')}/{quote(os.fsencode(name))}"

    def name_of(self, uri: str) -> str:
        path = local_path(uri).absolute()
        if not path.is_relative_to(self._root) or ".." in path.parts:
            raise BadInputError(f"evidence {uri} does not lie under the evidence root {self.root}")
        return str(path.relative_to(self._root))

    def create(self, name: str, data: bytes) -> str:
        # Written in full under another name and then linked: a reader never sees half a file, and link() is exclusive.
        path = self._root / name
        part = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with part.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.link(part, path)
            finally:
                part.unlink(missing_ok=True)
        except FileExistsError as error:
            if not path.is_file():
                raise BackendError(f"evidence root {self.root} cannot be written: {error}") from error
            raise AlreadyExistsError(f"{path.as_uri()} exists already") from error
        except OSError as error:
            raise BackendError(f"evidence root {self.root} cannot be written: {error}") from error
        return path.as_uri()

    def read(self, name: str, *, at_most: int | None = None) -> bytes:
        try:
            path = self._root / name
            require_size(self.uri_of(name), path.stat().st_size, at_most)
            return path.read_bytes()
        except FileNotFoundError as error:
            raise BadInputError(f"evidence {self.uri_of(name)} does not exist") from error
        except OSError as error:
            raise BackendError(f"evidence {self.uri_of(name)} cannot be read: {error}") from error

    def exists(self, name: str) -> bool:
        return (self._root / name).exists()

    def names(self, folder: str) -> list[str]:
        try:
            found = sorted(entry.name for entry in (self._root / folder).iterdir() if not entry.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise BackendError(f"evidence root {self.root} cannot be read: {error}") from error
        return [f"{folder}/{name}" for name in found]

    def names_below(self, folder: str) -> list[str]:
        found: list[str] = []
        for place, _, files in os.walk(self._root / folder, onerror=self._unreadable):
            below = Path(place).relative_to(self._root).as_posix()
            found += [f"{below}/{name}" for name in files if not name.startswith(".")]
        return sorted(found)

    def listing(self, folder: str) -> tuple[str, ...]:
        return self._listed(folder).names

    def listings_below(self, folder: str) -> dict[str, tuple[str, ...]]:
        found, to_list = {}, [folder]
        while to_list:
            place = to_list.pop()
            listed = self._listed(place)
            if listed.files:
                found[place] = listed.files
            to_list += [f"{place}/{name}" for name in listed.folders]
        return found

    def stamps(self, folder: str) -> dict[str, str]:
        found = {}
        for name in self.listing(folder):
            with suppress(BadInputError):  # removed meanwhile
                found[f"{folder}/{name}"] = self.stamp(f"{folder}/{name}")
        return found

    def stamp(self, name: str) -> str:
        try:
            state = os.stat(f"{self._path}/{name}")  # noqa: PTH116  # asked a thousand times a request
        except (FileNotFoundError, ValueError) as error:
            raise BadInputError(f"evidence {self.uri_of(name)} does not exist") from error
        except OSError as error:
            raise BackendError(f"evidence {self.uri_of(name)} cannot be read: {error.strerror}") from error
        return f"{state.st_mtime_ns} {state.st_ctime_ns} {state.st_ino} {state.st_size}"

    def _listed(self, folder: str) -> Listing:
        try:
            return list_folder(f"{self._path}/{folder}")
        except (FileNotFoundError, NotADirectoryError):
            return Listing()
        except OSError as error:
            raise BackendError(f"evidence root {self.root} cannot be read: {error}") from error

    def times_below(self, folder: str) -> dict[str, datetime]:
        found = {}
        for name in self.names_below(folder):
            with suppress(FileNotFoundError):  # removed meanwhile
                found[name] = datetime.fromtimestamp((self._root / name).stat().st_mtime, UTC)
        return found

    def _unreadable(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            raise BackendError(f"evidence root {self.root} cannot be read: {error}") from error

    def remove(self, name: str) -> None:
        try:
            (self._root / name).unlink(missing_ok=True)
        except OSError as error:
            raise BackendError(f"evidence {self.uri_of(name)} cannot be removed: {error.strerror}") from error

    def sweep(self) -> int:
        return sum(remove_abandoned(part) for part in self._root.rglob(".*") if _PART_NAME.fullmatch(part.name))

    def folders(self, under: str = "") -> list[str]:
        try:
            return sorted(entry.name for entry in (self._root / under).iterdir() if entry.is_dir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise BackendError(f"evidence root {self.root} cannot be read: {error}") from error
