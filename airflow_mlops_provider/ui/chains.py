"""Each model's decisions as the page shows them: which version is in force, since when, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.roles import CHAMPION
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain, Fault, Link, chain_names
from airflow_mlops_provider.stores.chains.in_force import previous_of
from airflow_mlops_provider.stores.chains.retention import RecordedTombstone, examine_tombstones
from airflow_mlops_provider.stores.evidence.file_cache import Kept
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.ui.auth import Reader

MOST_RECORDS = 16_384
"""Decision records that are kept after they were read: some 5 KB each."""


@dataclass(frozen=True, kw_only=True)
class ModelDecisions:
    """The decision record of one model, as far as one person may read it.

    :param links: the records that this person may read, oldest first.
    :param in_force: the record that put the champion in place; ``None`` before the first promotion, or when hidden.
    :param hidden: whether the champion was put in place by a Dag that this person may not read.
    :param previous: what a rollback would put back.
    :param faults: what is wrong with the chain: edited, removed or reordered records, by name.
    :param buried: evidence that was removed when it was past its time, by its name below the evidence root.
    """

    links: tuple[Link, ...]
    in_force: Link | None
    hidden: bool
    previous: ModelRef | None
    faults: tuple[Fault, ...]
    buried: Mapping[str, RecordedTombstone]

    @property
    def champion(self) -> ModelRef | None:
        """The version in force."""
        return self.in_force.record.model if self.in_force else None


def read_decisions(store: EvidenceStore, reader: Reader) -> dict[str, ModelDecisions]:
    """The decisions of every model of which this person may read at least one record, by model name."""
    found = {_printable(name): _read_or_say(store, name, reader) for name in chain_names(store)}
    return {name: known for name, known in found.items() if known.links or known.faults}


def _printable(name: str) -> str:
    """A folder's name as text: what is no text on disk is spelled out."""
    return name.encode(errors="backslashreplace").decode()


def _read_or_say(store: EvidenceStore, name: str, reader: Reader) -> ModelDecisions:
    """The decisions about one model; what keeps them from being read at all is its fault, and of no other model."""
    try:
        return _read(store, name, reader)
    except (BadInputError, BackendError) as error:
        fault = Fault(subject=_printable(name), measure="record_unreadable", detail=str(error))
        return ModelDecisions(links=(), in_force=None, hidden=False, previous=None, faults=(fault,), buried={})


def _read(store: EvidenceStore, name: str, reader: Reader) -> ModelDecisions:
    found = _examined(store, name)
    links, faults = found.links, found.faults
    visible = tuple(link for link in links if reader.may_read(link.record.origin))
    # From the whole chain, so that a hidden newer promotion never lets an older version look like the champion.
    moved = [link for link in links if link.record.moved and link.record.alias == CHAMPION]
    in_force = moved[-1] if moved and moved[-1] in visible else None
    return ModelDecisions(
        links=visible,
        in_force=in_force,
        hidden=bool(moved) and in_force is None,
        previous=previous_of(links) if in_force else None,
        # Faults name records; of a chain that holds none of this person's they are not their business.
        faults=faults if visible or not links else (),
        buried=found.buried,
    )


@dataclass(frozen=True, kw_only=True)
class _Examined:
    """A whole chain as it was read, whoever asked."""

    links: tuple[Link, ...]
    faults: tuple[Fault, ...]
    buried: Mapping[str, RecordedTombstone]


_KEPT: Kept[_Examined] = Kept(most=MOST_RECORDS)


def forget_chains() -> None:
    """Begin anew, as a process does that has just started."""
    _KEPT.forget()


def _examined(store: EvidenceStore, name: str) -> _Examined:
    chain = DecisionChain(store, name)
    # Before they are read: a record that comes, or is edited, in between is then read again.
    stamps = chain.stamps()
    found = _KEPT.get(chain.place, stamps)
    if found is None:
        links, faults = chain.examine()
        buried, odd = examine_tombstones(links)
        found = _Examined(links=links, faults=(*faults, *odd), buried=buried)
        _KEPT.put(chain.place, stamps, found, weight=len(stamps) + 1)
    return found
