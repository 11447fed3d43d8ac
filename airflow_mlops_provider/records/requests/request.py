"""What all requests share: who asks, types that hold however a request is made, and former names of keys."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from airflow_mlops_provider.exceptions import BadInputError, FormerNameWarning
from airflow_mlops_provider.records.codec import decode, decoded_values, encode
from airflow_mlops_provider.records.requests.plain_values import plain
from airflow_mlops_provider.records.requests.short_forms import spelled_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Where a request was made whole for another place; what is asked for does not depend on it.

    :param package_version: of this package there; the job refuses to run under another.
    :param root: the folder that the trainer's code was packed from, for people.
    :param git_commit: of the repository that it lies in.
    """

    package_version: str
    root: str | None = None
    git_commit: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """The keys of a job.

    A value of another type than its key's is read as JSON is, or refused. ``None`` means the key's default.

    :param evidence_root: where evidence is written; ``./mlops`` by default.
    :param run_key: the same for every try of one task in one Dag run, so that a retry finds what an earlier try did.
    :param origin: who asked (``dag_id``, ``run_id``, ``task_id`` ...); kept in the evidence.
    :param sender: where the request was packed, when it was sent to another place.
    :raises BadInputError: when a value cannot be used, naming its key.
    """

    job: ClassVar[str]
    """The job's name on the command line."""

    evidence_root: str | None = None
    run_key: str | None = None
    origin: dict[str, str] = field(default_factory=dict)
    sender: Sender | None = None

    def __post_init__(self) -> None:
        where = f"{self.job} spec"
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            found = _default(each, where) if value is None else plain(value, key=each.name)
            if found is not value:
                object.__setattr__(self, each.name, found)
        for name, value in decoded_values(self, where=where).items():
            object.__setattr__(self, name, value)
        self.check()

    def check(self) -> None:
        """Raise ``BadInputError`` for values that no job could use; the standard library is enough to tell."""

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """A request from the keys of a spec, also under their former names and in their short forms.

        :raises BadInputError: for an unknown or missing key, or a value of the wrong type, naming it.
        """
        where = f"{cls.job} spec"
        current = with_current_names(cls, spec, where=where, stacklevel=4)
        return decode(cls, spelled_out(cls, current), where=where)

    def to_spec(self) -> dict[str, Any]:
        """The keys as plain JSON; those that are ``None`` are left out."""
        return {key: value for key, value in encode(self).items() if value is not None}


def former(*names: str) -> dict[str, tuple[str, ...]]:
    """Metadata of a field: the names that its key had in earlier versions, which are still read."""
    return {_FORMER: names}


_FORMER = "former"


def names_file(suffix: str) -> dict[str, str]:
    """Metadata of a field whose text is the path or URI of a file beside the Dag.

    :param suffix: of such files, without the dot.
    """
    return {_FILE: suffix}


_FILE = "file"


def file_suffix(field: dataclasses.Field[Any]) -> str | None:
    """The suffix of the file that the key's text names; ``None`` for a key that names none."""
    return field.metadata.get(_FILE)


def former_names(request: type[JobRequest]) -> dict[str, str]:
    """Former name of a key to its name of today."""
    return {old: each.name for each in dataclasses.fields(request) for old in each.metadata.get(_FORMER, ())}


def with_current_names(
    request: type[JobRequest],
    given: Mapping[str, Any],
    *,
    where: str,
    stacklevel: int,
    except_for: Iterable[str] = (),
) -> dict[str, Any]:
    """``given`` with former names of the request's keys replaced by those of today.

    :param where: what to call ``given`` in warnings and errors.
    :param stacklevel: of the caller whom a warning is to name.
    :param except_for: names that mean something else there.
    :raises BadInputError: when a key is given under both its names.
    """
    renamed = {old: new for old, new in former_names(request).items() if old in given and old not in except_for}
    for old, new in renamed.items():
        if new in given:
            raise BadInputError(f"{where}: {old!r} is the former name of {new!r}; give one of them")
        warnings.warn(f"{where}: {old!r} is now called {new!r}", FormerNameWarning, stacklevel=stacklevel)
    return {renamed.get(str(key), key): value for key, value in given.items()}


def _default(each: dataclasses.Field[Any], where: str) -> Any:
    if each.default_factory is not dataclasses.MISSING:
        return each.default_factory()
    if each.default is dataclasses.MISSING:
        raise BadInputError(f"{where}: key {each.name!r} is missing")
    return each.default
