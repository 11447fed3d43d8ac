"""Which evidence speaks of which model: one small file a piece of evidence, whose name carries the facts.

``index/<model>/<kind>/<origin>/<time>-<sha256>.<status>.<version>.<digest>.<data>.json``. Entries are created
exclusively and never changed, so writers cannot lose each other's, and a listing answers without reading. The evidence
is the truth: an entry without its evidence is ignored, and evidence without its entry is read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, unquote

from airflow_mlops_provider.exceptions import AlreadyExistsError, BadInputError
from airflow_mlops_provider.records.codec import canonical_json, decode, parse_json
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.evidence_name import parse_evidence
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.files import EvidenceFiles

FOLDER = "index"
_NONE = "none"
_DAG, _DATA, _MODEL = "dag.", "data.", "model."
_LONGEST, _LONGEST_VERSION = 240, 24
"""Characters of a quoted name; a file name holds 255 at most. A longer one stands by its hash, after ``~``."""
_MOST_DATASETS = 3
_PLACE = re.compile(
    rf"{FOLDER}/(?P<model>none|model\.[^/.]+)/(?P<kind>[a-z_]+)/(?P<origin>none|dag\.[^/.]+|data\.[^/.]+)", re.ASCII
)
_LAST = re.compile(
    r"(?P<stem>\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{64})\.(?P<status>[a-z_]+)\.(?P<version>[^/.]*)\.(?P<digest>[0-9a-f]*)"
    r"\.(?P<data>[0-9a-f,~]*)\.json",
    re.ASCII,
)


_STATUSES = frozenset(Status)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFacts:
    """What an entry holds: all that says what a piece of evidence is about.

    :param evidence: its name below the root.
    :param kind: which check it is.
    :param status: of its verdict.
    :param created_at: ISO 8601, UTC.
    :param model: as in the evidence.
    :param dataset: as in the evidence.
    :param inputs: as in the evidence.
    :param origin: as in the evidence.
    """

    evidence: str
    kind: Kind
    status: Status
    created_at: str
    model: ModelRef | None = None
    dataset: DatasetRef | None = None
    inputs: dict[str, DatasetRef] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    schema: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """What the name of an entry tells.

    :param place: name of the entry below the root.
    :param evidence: name of the evidence below the root.
    :param kind: which check it is.
    :param written_at: when the evidence was written.
    :param status: of its verdict.
    :param model: registered name; ``None`` when it speaks of no model.
    :param version: of the model.
    :param digest: of the version's artifact, by :func:`short`; empty when the evidence has none.
    :param data: fingerprints of the datasets that were read or judged, by :func:`short`.
    :param dag_id: the Dag that made it; ``None`` outside Airflow.
    :param dataset_uri: what was judged; told only where no Dag is.
    """

    place: str
    evidence: str
    kind: Kind
    written_at: datetime
    status: Status
    model: str | None
    version: str | None
    digest: str
    data: tuple[str, ...]
    dag_id: str | None
    dataset_uri: str | None


def facts_of(name: str, evidence: Evidence) -> EvidenceFacts:
    """What a piece of evidence is about.

    :param name: of the evidence below its root.
    :raises BadInputError: when no evidence has such a name.
    """
    parsed = parse_evidence(name)
    if parsed is None:
        raise BadInputError(f"{name!r} is no name of evidence")
    return EvidenceFacts(
        evidence=name,
        kind=parsed.kind,
        status=evidence.verdict.status,
        created_at=evidence.created_at,
        model=evidence.model,
        dataset=evidence.dataset,
        inputs=evidence.inputs,
        origin=evidence.origin,
    )


def entry_of(facts: EvidenceFacts) -> IndexEntry:
    """The entry that tells these facts."""
    parsed = parse_evidence(facts.evidence)
    if parsed is None:
        raise BadInputError(f"{facts.evidence!r} is no name of evidence")
    dag_id = facts.origin.get("dag_id") or None
    return IndexEntry(
        place=_place(facts),
        evidence=facts.evidence,
        kind=facts.kind,
        written_at=parsed.written_at,
        status=facts.status,
        model=facts.model.name if facts.model else None,
        version=facts.model.version if facts.model else None,
        digest=short(facts.model.digest) if facts.model and facts.model.digest else "",
        data=_data(facts),
        dag_id=dag_id,
        dataset_uri=facts.dataset.uri if facts.dataset and not dag_id else None,
    )


def short(text: str) -> str:
    """A fingerprint or digest as names of entries carry it: the first 64 bits of its own hash."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


class EvidenceIndex:
    """The index of one evidence root.

    :param files: of the root.
    """

    def __init__(self, files: EvidenceFiles) -> None:
        self._files = files

    def add(self, name: str, evidence: Evidence) -> tuple[str, bool]:
        """Enter the evidence ``name``; an entry that says otherwise of it is replaced.

        :returns: the name of the entry, and whether it was not there.
        :raises BackendError: when the root cannot be written.
        """
        facts = facts_of(name, evidence)
        place, data = _place(facts), canonical_json(facts)
        try:
            self._files.create(place, data)
        except AlreadyExistsError:
            if self._files.read(place) == data:
                return place, False
            self._files.remove(place)
            self._files.create(place, data)
        return place, True

    def forget(self, name: str, evidence: Evidence) -> None:
        """Remove the entry of the evidence ``name``."""
        self._files.remove(_place(facts_of(name, evidence)))

    def entries(self, *, model: str | None = None, kind: Kind | None = None) -> list[IndexEntry]:
        """What the index tells, oldest first; nothing but names is read, except where a name was too long for one.

        :param model: only of this model.
        :param kind: only of this check; needs ``model``.
        """
        parts = [FOLDER, *([f"{_MODEL}{_token(model)}"] if model else []), *([kind] if model and kind else [])]
        found = filter(None, map(self.entry_at, self._files.names_below("/".join(parts))))
        return sorted(found, key=lambda entry: (entry.written_at, entry.evidence))

    def newest(self, model: str, kind: Kind, count: int) -> list[IndexEntry]:
        """The newest ``count`` checks of one kind of a model, newest first."""
        return list(reversed(self.entries(model=model, kind=kind)))[:count]

    def facts(self, entry: IndexEntry) -> EvidenceFacts:
        """All that the entry holds.

        :raises BadInputError: when it is gone or cannot be read.
        """
        return self._facts(entry.place)

    def places(self) -> list[str]:
        """The names of all entries, and of whatever else lies in the index."""
        return self._files.names_below(FOLDER)

    def remove(self, places: Iterable[str]) -> None:
        """Remove entries."""
        for place in places:
            self._files.remove(place)

    def remove_stale(self, places: Iterable[str], evidence: set[str]) -> int:
        """Remove those of ``places`` whose evidence is gone; returns how many.

        :param places: listed **before** ``evidence``, because evidence is written before its entry.
        :param evidence: names of the evidence that there is.
        """
        stale = [place for place in places if (entry := parse_entry(place)) and entry.evidence not in evidence]
        self.remove(stale)
        return len(stale)

    def entry_at(self, place: str) -> IndexEntry | None:
        """What the entry at ``place`` tells; read when its name was too long. ``None`` for what is no entry."""
        entry = parse_entry(place)
        if entry is None or "~" not in place:
            return entry
        try:
            return replace(entry_of(self._facts(place)), place=place)
        except BadInputError:
            return None  # as if it were not there: its evidence is read instead

    def _facts(self, place: str) -> EvidenceFacts:
        where = f"index entry {place}"
        return decode(EvidenceFacts, parse_json(self._files.read(place), where=where), where=where)


@lru_cache(maxsize=65536)
def parse_entry(place: str) -> IndexEntry | None:
    """What the name of an entry tells, long names left abbreviated; ``None`` for what is no entry."""
    folder, _, last = place.rpartition("/")
    where, match = _PLACE.fullmatch(folder), _LAST.fullmatch(last)
    parsed = parse_evidence(f"{where['kind']}/{match['stem']}.json") if where and match else None
    if where is None or match is None or parsed is None or match["status"] not in _STATUSES:
        return None
    model, origin = where["model"], where["origin"]
    return IndexEntry(
        place=place,
        evidence=parsed.name,
        kind=parsed.kind,
        written_at=parsed.written_at,
        status=Status(match["status"]),
        model=_named(model, _MODEL),
        version=unquote(match["version"]) or None,
        digest=match["digest"],
        data=tuple(filter(None, match["data"].split(","))),
        dag_id=_named(origin, _DAG),
        dataset_uri=_named(origin, _DATA),
    )


def data_named(last: str) -> str | None:
    """What the last part of an entry's name says of its data, ``~`` when that is inside; ``None`` for no entry."""
    match = _LAST.fullmatch(last)
    if match is None or match["status"] not in _STATUSES:
        return None
    try:
        datetime.fromisoformat(last[: len("20260131T000000.000000Z")])
    except ValueError:
        return None
    return match["data"]


def _place(facts: EvidenceFacts) -> str:
    model, stem = facts.model, facts.evidence.split("/")[-1].removesuffix(".json")
    version = _token(model.version, _LONGEST_VERSION) if model and model.version else ""
    digest = short(model.digest) if model and model.digest else ""
    data = _data(facts)
    named = ",".join(data) if len(data) <= _MOST_DATASETS else "~"
    folder = f"{FOLDER}/{_MODEL + _token(model.name) if model else _NONE}/{facts.kind}/{_origin(facts)}"
    return f"{folder}/{stem}.{facts.status}.{version}.{digest}.{named}.json"


def _origin(facts: EvidenceFacts) -> str:
    if facts.origin.get("dag_id"):
        return _DAG + _token(facts.origin["dag_id"])
    return _DATA + _token(facts.dataset.uri) if facts.dataset else _NONE


def _data(facts: EvidenceFacts) -> tuple[str, ...]:
    refs = (facts.dataset, *facts.inputs.values())
    return tuple(sorted({short(ref.fingerprint) for ref in refs if ref and ref.fingerprint}))


def _token(text: str, longest: int = _LONGEST) -> str:
    quoted = quote(text, safe="", errors="surrogatepass").replace(".", "%2E").replace("~", "%7E")
    return quoted if len(quoted) <= longest else f"~{short(text)}"


def _named(part: str, prefix: str) -> str | None:
    return unquote(part.removeprefix(prefix)) if part.startswith(prefix) else None
