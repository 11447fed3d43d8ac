"""How evidence is named, and what its name tells; nothing else makes such names or takes them apart.

Evidence is ``<kind>/<time>-<sha256>.json``, what is attached to it
``<kind>/attachments/<time>-<name>-<sha256>.<suffix>``, and a record of a chain ``<chain>/<number>.json``, each below
the evidence root. A copied root keeps these names.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from airflow_mlops_provider.records.outcome import Kind

ATTACHMENTS = "attachments"
PROFILES = "profiles"
_STAMP = "%Y%m%dT%H%M%S.%fZ"
_STAMP_LENGTH = len("20261130T000000.000000Z")
_STAMP_PATTERN = r"\d{8}T\d{6}\.\d{6}Z"
_HASHED = re.compile(r"-([0-9a-f]{64})\.[a-z]+$")
_EVIDENCE = re.compile(rf"(?P<kind>[a-z_]+)/(?P<stamp>{_STAMP_PATTERN})-(?P<hash>[0-9a-f]{{64}})\.json", re.ASCII)
_DATED = re.compile(
    rf"(?P<kind>[a-z_]+)/(?:{ATTACHMENTS}/)?(?P<stamp>{_STAMP_PATTERN})-(?:.*-)?(?P<hash>[0-9a-f]{{64}})\.[a-z]+",
    re.ASCII,
)
_RECORD = re.compile(r"/(\d{8})\.json$", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceName:
    """What the name of a piece of evidence, or of what is attached to it, tells.

    :param name: below the root, such as ``drift/20260131T....json``.
    :param kind: which check it is.
    :param written_at: when it was written.
    :param sha256: hash of its bytes when it was written.
    """

    name: str
    kind: Kind
    written_at: datetime
    sha256: str


def evidence_name(kind: str, written_at: datetime, sha256: str) -> str:
    """The name of a piece of evidence.

    :param sha256: of its bytes, as ``sha256:...``.
    """
    return f"{kind}/{stamp(written_at)}-{_digits(sha256)}.json"


def attachment_name(kind: str, written_at: datetime, file: str) -> str:
    """The name of what is attached to evidence, before the hash is put in by :func:`with_hash`.

    :param file: what it is called by its evidence, such as ``report.html``.
    """
    return f"{kind}/{ATTACHMENTS}/{stamp(written_at)}-{file}"


def with_hash(name: str, sha256: str) -> str:
    """``name`` with the hash of its bytes before its suffix."""
    stem, _, suffix = name.rpartition(".")
    return f"{stem}-{_digits(sha256)}.{suffix}"


def record_name(chain: str, number: int) -> str:
    """The name of a record of a chain."""
    return f"{chain}/{number:08d}.json"


def profile_folder(uri: str, key: str) -> str:
    """Where the profiles of a dataset's files are kept.

    :param uri: of the dataset.
    :param key: hash of all that makes its profiles comparable.
    """
    return f"{profiles_of(uri)}{_digits(key)[:32]}"


def profiles_of(uri: str) -> str:
    """What the names of all kept profiles of a dataset begin with."""
    return f"{PROFILES}/{hashlib.sha256(uri.encode(errors='surrogatepass')).hexdigest()[:16]}-"


def stamp(moment: datetime) -> str:
    """A moment as names carry it: UTC, to the microsecond, in an order that sorting keeps."""
    return moment.astimezone(UTC).strftime(_STAMP).zfill(_STAMP_LENGTH)  # strftime leaves out zeros of a year


def parse_evidence(name: str) -> EvidenceName | None:
    """What the name of a piece of evidence tells; ``None`` when it is not such a name, or no time ever was that."""
    return _parsed(_EVIDENCE, name)


def parse_dated(name: str) -> EvidenceName | None:
    """As :func:`parse_evidence`, and for what is attached to evidence."""
    return _parsed(_DATED, name)


def hash_in(name: str) -> str | None:
    """``sha256:...`` as the end of a name or URI carries it; ``None`` when it carries none."""
    match = _HASHED.search(name)
    return f"sha256:{match[1]}" if match else None


def kind_in(name: str) -> str:
    """The folder of a name: the kind of evidence, also of what is attached to it."""
    return name.split("/", 1)[0]


def number_in(name: str) -> int | None:
    """The number of a chain's record by its name or URI; ``None`` for what is no record."""
    match = _RECORD.search(name)
    return int(match[1]) if match else None


def name_of(uri: str) -> str:
    """The name below its root of the evidence at ``uri``, or of what is attached to it; the same in every copy."""
    parts = uri.rsplit("/", 3)[1:]
    return "/".join(parts if parts[-2:-1] == [ATTACHMENTS] else parts[-2:])


def stem_of(name: str) -> str:
    """The last part of a name or URI without its ending: when the evidence was written, and its hash."""
    return name.rpartition("/")[2].removesuffix(".json")


def root_of(uri: str) -> str:
    """The root that the evidence at ``uri`` lies in, wherever that is."""
    return uri.rsplit("/", 2)[0] if uri.count("/") >= 2 else "."


@lru_cache(maxsize=65536)
def _parsed(pattern: re.Pattern[str], name: str) -> EvidenceName | None:
    match = pattern.fullmatch(name)
    if match is None:
        return None
    try:
        kind, written_at = Kind(match["kind"]), datetime.fromisoformat(match["stamp"])
    except ValueError:
        return None
    return EvidenceName(name=name, kind=kind, written_at=written_at, sha256=f"sha256:{match['hash']}")


def _digits(sha256: str) -> str:
    return sha256.removeprefix("sha256:")
