"""Datasets under version control by DVC: where the bytes of a revision lie.

DVC is asked for the place alone (``dvc.api.get_url``); the bytes are read from there like those of any other dataset,
and pinned by their content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

from airflow_mlops_provider.exceptions import BackendError, BadInputError, one_line

LATEST = "latest"
"""Folder of the newest data, which is read when a URI names no revision."""
LAST_STABLE = "last-stable"
"""Revision that is read when the newest data cannot be read."""

_PREFIX = re.compile(r"dvc(://|\+)")
_SCP_STYLE = re.compile(r"[\w.-]+@[\w.-]+:")  # git@host:organisation/repository.git
_KEYS = ("path", "rev", "fallback")
_BY_CONTENT = re.compile(r"/files/md5/([0-9a-f]{2})/([0-9a-f]{30})(?:\.dir)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class DvcVersion:
    """A dataset of a DVC repository at one commit.

    :param repository: path or address of the Git repository.
    :param path: of the file or folder in it.
    :param commit: the Git commit that the revision resolved to.
    :param url: where DVC stores the bytes, as ``dvc.api.get_url`` gives it; a folder's is a list in JSON.
    :param fallback: why this is not the newest version; ``None`` when it is the one that was asked for.
    """

    repository: str
    path: str
    commit: str
    url: str
    fallback: str | None = None

    @property
    def uri(self) -> str:
        """The URI of this very version."""
        start = f"dvc+{self.repository}" if _is_address(self.repository) else f"dvc://{self.repository}"
        return f"{start}?path={quote(self.path)}&rev={self.commit}"

    @property
    def is_folder(self) -> bool:
        """Whether :attr:`url` is a folder's list of files."""
        return self.url.endswith(".dir")


class NoSuchVersionError(BadInputError):
    """The repository can be read and does not hold this version; another revision, or a later look, may."""


def is_dvc_uri(uri: str) -> bool:
    """Whether ``uri`` is ``dvc://FOLDER?path=...`` or ``dvc+https://ADDRESS?path=...``."""
    return _PREFIX.match(uri) is not None


def resolve_version(
    uri: str, is_stored: Callable[[str], bool], is_whole: Callable[[DvcVersion], bool] | None = None
) -> DvcVersion:
    """Find the version that ``uri`` asks for.

    With ``rev``, that revision of ``path``. Without it, ``latest/PATH`` on the default branch; when that is not there,
    or its bytes are not, or are damaged, ``PATH`` at the revision ``last-stable`` (in ``latest/`` there too, or else
    where the path says). ``fallback`` names another revision to fall back to, also from a ``rev``; an empty one means
    none.

    :param uri: see :func:`is_dvc_uri`.
    :param is_stored: whether there are bytes at a URL of DVC's storage.
    :param is_whole: whether the bytes of a version are those that were pushed; asked only where there is something to
        fall back to, because it reads them all.
    :raises NoSuchVersionError: naming the path or revision that is not there, or the bytes that nobody pushed.
    :raises BadInputError: for a malformed URI, or a folder that is no repository.
    :raises BackendError: when DVC is not installed or the repository cannot be reached.
    """
    asked = _parsed(uri)
    newest = [asked.path] if asked.rev else [f"{LATEST}/{asked.path}"]
    try:
        found = _first(asked.repository, newest, asked.rev, is_stored)
        _require_whole(found, asked, is_whole)
    except NoSuchVersionError as missing:
        if not asked.fallback:
            raise
        stable = newest if asked.rev else [*newest, asked.path]
        try:
            found = _first(asked.repository, stable, asked.fallback, is_stored)
        except NoSuchVersionError as error:
            raise NoSuchVersionError(f"{missing}; nor can it fall back: {error}") from error
        reason = f"{missing}; read at the fallback revision {asked.fallback} ({found.commit[:12]}) instead"
        return replace(found, fallback=reason)
    return found


def _require_whole(found: DvcVersion, asked: _Asked, is_whole: Callable[[DvcVersion], bool] | None) -> None:
    if asked.fallback and is_whole is not None and not is_whole(found):
        raise NoSuchVersionError(
            f"{found.path} at {asked.rev or 'HEAD'} ({found.commit[:12]}) of {found.repository} is damaged: "
            f"the bytes at {found.url} are not those that were pushed"
        )


def files_of_folder(version: DvcVersion, listing: bytes) -> dict[str, str]:
    """Path within the folder to URL, for every file of a folder that DVC tracks as a whole.

    :param listing: the bytes at ``version.url``: a JSON list of hashes and relative paths. A file lies in the same
        store as its folder's list, under its own hash.
    :raises BadInputError: when it is no such list.
    """
    try:
        entries = {str(entry["relpath"]): str(entry["md5"]) for entry in json.loads(listing)}
    except (ValueError, TypeError, KeyError) as error:
        raise BadInputError(f"{version.url} is not DVC's list of the files of {version.path}") from error
    store = version.url.rsplit("/", 2)[0]
    return {path: f"{store}/{md5[:2]}/{md5[2:]}" for path, md5 in sorted(entries.items())}


def content_hash(url: str) -> str | None:
    """The MD5 hash in hexadecimal digits that the bytes at a URL of DVC's storage have; ``None`` when it tells none.

    DVC names places by their content since version 3; before, text was hashed with other line ends.
    """
    found = _BY_CONTENT.search(url)
    return found[1] + found[2] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    repository: str
    path: str
    rev: str | None
    fallback: str | None


def _parsed(uri: str) -> _Asked:
    address, _, query = _PREFIX.sub("", uri, count=1).partition("?")
    parts = urlsplit(address)
    if parts.scheme in ("http", "https") and "@" in parts.netloc:
        raise BadInputError(
            f"dataset dvc+{parts.scheme}://...@{parts.hostname}{parts.path} carries credentials; leave them to Git"
        )
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError as error:
        raise BadInputError(f"dataset {uri}: what follows '?' is not key=value") from error
    given = dict(pairs)
    wrong = next((key for key, _ in pairs if key not in _KEYS), None)
    if wrong is not None or len(given) < len(pairs):
        raise BadInputError(f"dataset {uri}: {wrong or 'a key that is given twice'!r}; keys are {', '.join(_KEYS)}")
    path = given.get("path", "").strip("/")
    if not address or not path:
        raise BadInputError(f"dataset {uri}: write dvc://FOLDER?path=PATH or dvc+https://ADDRESS?path=PATH")
    rev = given.get("rev") or None
    return _Asked(repository=address, path=path, rev=rev, fallback=given.get("fallback", None if rev else LAST_STABLE))


def _first(repository: str, paths: list[str], rev: str | None, is_stored: Callable[[str], bool]) -> DvcVersion:
    """The first of ``paths`` that the revision tracks, which must have its bytes."""
    commit, missing = _commit(repository, rev), None
    for path in paths:
        try:
            url = _url(repository, path, commit, rev)
        except NoSuchVersionError as error:
            missing = missing or error
            continue
        if not is_stored(url):
            raise NoSuchVersionError(
                f"{path} at {rev or 'HEAD'} ({commit[:12]}) of {repository} was never pushed: there is nothing at {url}"
            )
        return DvcVersion(repository=repository, path=path, commit=commit, url=url)
    raise missing or NoSuchVersionError(f"{repository}: no path to look for")


def _commit(repository: str, rev: str | None) -> str:
    with _errors(repository, rev):
        from dvc.repo import Repo

        # Without a revision DVC reads the files that lie in a local folder, committed or not.
        wanted = rev or ("HEAD" if Path(repository).exists() else None)
        with Repo.open(repository, rev=wanted, subrepos=True, uninitialized=True) as found:
            commit: str = found.get_rev()
    return commit


def _url(repository: str, path: str, commit: str, rev: str | None) -> str:
    with _errors(repository, rev):
        from dvc import api
        from dvc.config import NoRemoteError
        from dvc.exceptions import NoOutputInExternalRepoError, NoRemoteInExternalRepoError, OutputNotFoundError

        try:
            url: str = api.get_url(path, repo=repository, rev=commit)
        except (NoRemoteError, NoRemoteInExternalRepoError) as error:
            raise BadInputError(
                f"DVC has no place for {path} of {repository}: it has no default remote, or {path} is a folder that is "
                "not tracked as a whole"
            ) from error
        except (OutputNotFoundError, NoOutputInExternalRepoError) as error:
            where = f"{rev or 'HEAD'} ({commit[:12]})"
            raise NoSuchVersionError(f"{path} is not tracked by DVC at {where} of {repository}") from error
    return url


@contextmanager
def _errors(repository: str, rev: str | None) -> Iterator[None]:
    """DVC's errors in one line each, and its temporary clones removed."""
    try:
        from dvc.exceptions import DvcException
        from dvc.repo.open_repo import clean_repos
        from dvc.scm import RevError
        from scmrepo.exceptions import SCMError
    except ImportError as error:
        raise BackendError(
            f"a dataset of {repository} needs DVC: pip install 'airflow-mlops-provider[dvc]' ({error})"
        ) from error
    try:
        yield
    except RevError as error:
        raise NoSuchVersionError(f"{repository} has no revision {rev or 'HEAD'}") from error
    except (DvcException, SCMError) as error:
        raise _unreadable(repository, error) from error
    except ImportError as error:  # of DVC's own plugin for the kind of its remote
        raise BackendError(f"a dataset of {repository} cannot be found: {error}") from error
    finally:
        clean_repos()


def _unreadable(repository: str, error: Exception) -> BadInputError | BackendError:
    if _is_address(repository):
        reason = one_line(error.__cause__ or error)
        return BackendError(f"DVC repository {repository} cannot be read: {reason}")
    if not Path(repository).exists():
        return BadInputError(f"{repository}: no such folder, so no DVC repository")
    return BadInputError(f"{repository} cannot be read as a DVC repository: {one_line(error)}")


def _is_address(repository: str) -> bool:
    return "://" in repository or _SCP_STYLE.match(repository) is not None
