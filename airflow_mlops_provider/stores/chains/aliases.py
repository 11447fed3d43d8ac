"""Registry aliases and tags that follow the decision record.

MLflow can neither write an alias conditionally nor move two of them at once. So the record commits, and the aliases
follow: whoever has committed, and every later reader that asks, makes them true again.

The newest record's number and hash are also a tag of the versions it concerns, which is how a removed or edited last
record is noticed: nothing in the chain itself comes after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.roles import CHALLENGER, CHAMPION, PREVIOUS
from airflow_mlops_provider.stores.chains.chain import DecisionChain, Fault, Link
from airflow_mlops_provider.stores.chains.in_force import champion_of, previous_of
from airflow_mlops_provider.stores.models import ModelStore

HEAD_TAG = "mlops.decision_head"
_ATTEMPTS = 5
_ANCHOR = re.compile(r"(\d+):(sha256:[0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """What the registry remembers of the newest decision record.

    :param version: the model version that carries the tag.
    :param number: of the record.
    :param digest: SHA-256 of its bytes.
    """

    version: str
    number: int
    digest: str


def read_anchors(models: ModelStore, refs: Iterable[ModelRef]) -> tuple[Anchor, ...]:
    """The tags of these versions. Read them **before** the chain, which may grow in between."""
    found = []
    for ref in refs:
        match = _ANCHOR.fullmatch(models.version_tags(ref).get(HEAD_TAG, ""))
        if match:
            found.append(Anchor(version=ref.version or "", number=int(match[1]), digest=match[2]))
    return tuple(found)


def examine_anchors(chain: DecisionChain, links: Sequence[Link], anchors: Iterable[Anchor]) -> tuple[Fault, ...]:
    """Records that the registry remembers and the chain does not have, or has with other bytes."""
    digests = {link.record.number: link for link in links}
    faults = {}
    for anchor in anchors:
        link = digests.get(anchor.number)
        tag = f"tag {HEAD_TAG} of version {anchor.version}"
        if link is None:
            detail = f"is missing from {chain.place}, but the {tag} remembers it (is this the right evidence root?)"
            faults[anchor.number] = Fault(
                subject=f"{anchor.number} of {chain.name}", measure="record_missing", detail=detail
            )
        elif link.digest != anchor.digest:
            faults[anchor.number] = Fault(
                subject=f"{anchor.number} ({link.uri})",
                measure="record_edited",
                detail=f"was changed after it was written: the {tag} remembers another hash",
            )
    return tuple(faults.values())


def read_chain(models: ModelStore, chain: DecisionChain, *also: ModelRef) -> tuple[Link, ...]:
    """The chain, whole and agreeing with what the registry remembers of it.

    :param also: versions to ask besides those that carry an alias.
    :raises IntegrityError: naming the record that was edited, removed (also the last) or reordered.
    """
    aliased = [ModelRef(name=chain.name, version=version) for version in set(models.aliases(chain.name).values())]
    anchors = read_anchors(models, [*aliased, *also])
    links = chain.links()
    faults = examine_anchors(chain, links, anchors)
    if faults:
        raise IntegrityError(f"decision record {faults[0].subject} {faults[0].detail}")
    return links


def repair_aliases(models: ModelStore, chain: DecisionChain, alias: str = CHAMPION) -> None:
    """Make ``alias``, ``previous``, ``challenger`` and the head's tag say what the record says.

    Safe to call at any time and by any number of callers at once: whoever writes last has looked at the chain after
    writing, so the last write is the newest record's.

    :raises IntegrityError: when the record was tampered with.
    :raises BadInputError: when the version in force is gone from the registry.
    :raises BackendError: when the registry cannot be written; the decision stands, and a later call puts it right.
    """
    links, failures = chain.links(), 0
    while links:
        try:
            _follow(models, chain.name, links, alias)
        except BackendError:
            # Two writers of one tag collide inside MLflow; looking again finds what the other one wrote.
            failures += 1
            if failures == _ATTEMPTS:
                raise
            links = chain.links()
            continue
        again = chain.links()
        if len(again) == len(links):
            return
        links = again


def _follow(models: ModelStore, name: str, links: Sequence[Link], alias: str) -> None:
    champion = champion_of(links, alias)
    have = models.aliases(name)
    wanted: dict[str, str | None] = {}
    if champion is not None:
        wanted[alias] = champion.version
        if alias == CHAMPION:
            previous = previous_of(links)
            wanted[PREVIOUS] = previous.version if previous else None
            if have.get(CHALLENGER) == champion.version:
                wanted[CHALLENGER] = None
    for key, version in wanted.items():
        if have.get(key) == version:
            continue
        if version is None:
            models.delete_alias(name, key)
        else:
            models.set_alias(name, key, version)
    _remember(models, links[-1], champion)


def _remember(models: ModelStore, head: Link, champion: ModelRef | None) -> None:
    value = f"{head.record.number}:{head.digest}"
    for ref in {ref.version: ref for ref in (head.record.model, champion) if ref is not None}.values():
        try:
            if models.version_tags(ref).get(HEAD_TAG) != value:
                models.set_version_tag(ref, HEAD_TAG, value)
        except BadInputError:
            # A version that was deleted from the registry cannot remember anything; the champion's tag does.
            if ref is champion:
                raise
