"""Registry aliases and tags that follow the decision record.

MLflow can neither write an alias conditionally nor move two of them at once. So the record commits, and the aliases
follow: whoever has committed, and every later reader that asks, makes them true again.

The newest record's number and hash are also a tag of the versions it concerns, which is how a removed or edited last
record is noticed: nothing in the chain itself comes after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError, LostVersionError
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.roles import CHALLENGER, CHAMPION, PREVIOUS
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain, Fault, Link
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


@dataclass(frozen=True, kw_only=True)
class MovedAlias:
    """An alias that was moved in MLflow and not by a decision, and that follows the record again.

    :param alias: such as ``champion``.
    :param found: the version that it pointed at; ``None`` when it was removed.
    :param put: the version that the record says.
    """

    alias: str
    found: str | None
    put: str

    def __str__(self) -> str:
        moved = f"alias {self.alias!r} pointed at version {self.found}" if self.found else f"{self.alias!r} was removed"
        return f"{moved} by hand, not by a decision; it points at version {self.put} again, as the record says"


def anchors_in(tags_of_versions: Mapping[ModelRef, Mapping[str, str]]) -> tuple[Anchor, ...]:
    """What the tags of these versions remember. Read them **before** the chain, which may grow in between."""
    found = []
    for ref, tags in tags_of_versions.items():
        match = _ANCHOR.fullmatch(tags.get(HEAD_TAG, ""))
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
    anchors = anchors_in({ref: models.version_tags(ref) for ref in (*aliased, *also)})
    links = chain.links()
    faults = examine_anchors(chain, links, anchors)
    if faults:
        raise IntegrityError(f"decision record {faults[0].subject} {faults[0].detail}")
    return links


def repair_aliases(models: ModelStore, chain: DecisionChain, alias: str = CHAMPION) -> tuple[MovedAlias, ...]:
    """Make ``alias``, ``previous``, ``challenger`` and the head's tag say what the record says.

    Safe to call at any time and by any number of callers at once: whoever writes last has looked at the chain after
    writing, so the last write is the newest record's.

    :returns: what somebody had moved by hand.
    :raises IntegrityError: when the record was tampered with.
    :raises LostVersionError: when the version in force is gone from the registry, or another one has its number.
    :raises BackendError: when the registry cannot be written; the decision stands, and a later call puts it right.
    """
    links, failures, first = chain.links(), 0, True
    while links:
        try:
            moved = _follow(models, chain.name, links, alias)
        except BackendError:
            # Two writers of one tag collide inside MLflow; looking again finds what the other one wrote.
            failures += 1
            if failures == _ATTEMPTS:
                raise
            links, first = chain.links(), False
            continue
        again = chain.links()
        if len(again) == len(links):
            return moved if first else ()  # later, what was found may be what this very call wrote before
        links, first = again, False
    return ()


def _follow(models: ModelStore, name: str, links: Sequence[Link], alias: str) -> tuple[MovedAlias, ...]:
    champion = champion_of(links, alias)
    # The tag before the aliases: who writes both writes the tag last.
    tags = _require_version(models, champion) if champion else {}
    have = models.aliases(name)
    wanted = _wanted(models, links, alias, have)
    for key, version in wanted.items():
        if have.get(key) == version:
            continue
        if version is None:
            models.delete_alias(name, key)
        else:
            models.set_alias(name, key, version)
    _tag_head(models, links[-1], champion)
    if not _aliases_had_matched(tags, links, alias):
        return ()
    return tuple(
        MovedAlias(alias=key, found=have.get(key), put=version)
        for key, version in wanted.items()
        if version is not None and have.get(key) != version
    )


def _wanted(models: ModelStore, links: Sequence[Link], alias: str, have: Mapping[str, str]) -> dict[str, str | None]:
    """Alias to version by the record; ``None`` for an alias that is not to be there."""
    champion = champion_of(links, alias)
    if champion is None:
        return {}
    wanted = {alias: champion.version}
    if alias == CHAMPION:
        previous = previous_of(links)
        # A number under which another version stands now is no version to go back to.
        wanted[PREVIOUS] = previous.version if previous and _is_there(models, previous) else None
        if have.get(CHALLENGER) == champion.version:
            wanted[CHALLENGER] = None
    return wanted


def _require_version(models: ModelStore, champion: ModelRef) -> dict[str, str]:
    """The tags of the version in force, which is told by its digest: numbers begin again after a deletion."""
    try:
        return models.version_tags(champion)
    except BadInputError as error:
        raise LostVersionError(
            f"version {champion.version} of {champion.name}, in force by the record, is lost: {error}"
        ) from error


def _is_there(models: ModelStore, ref: ModelRef) -> bool:
    try:
        models.version_tags(ref)
    except BadInputError:
        return False
    return True


def _aliases_had_matched(tags: Mapping[str, str], links: Sequence[Link], alias: str) -> bool:
    """Whether the aliases had followed the newest move of ``alias`` before, so that a person moved them since."""
    match = _ANCHOR.fullmatch(tags.get(HEAD_TAG, ""))
    newest = max((link.record.number for link in links if link.record.moved and link.record.alias == alias), default=0)
    return match is not None and int(match[1]) >= newest > 0


def _tag_head(models: ModelStore, head: Link, champion: ModelRef | None) -> None:
    value = f"{head.record.number}:{head.digest}"
    for ref in {ref.version: ref for ref in (head.record.model, champion) if ref is not None}.values():
        try:
            if models.version_tags(ref).get(HEAD_TAG) != value:
                models.set_version_tag(ref, HEAD_TAG, value)
        except BadInputError:
            # A version that was deleted from the registry cannot remember anything; the champion's tag does.
            if ref is champion:
                raise
