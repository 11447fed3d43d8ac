"""Which version is in force by the record, and which ones a rollback can put back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from airflow_mlops_provider.records.decision_record import DecisionKind
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.roles import CHAMPION
from airflow_mlops_provider.stores.chains.decision_chain import Link


def in_force(links: Iterable[Link], alias: str = CHAMPION) -> tuple[Link, ...]:
    """The decisions that made the versions behind ``alias``, the one in force last.

    A promotion adds itself; a rollback takes away everything after the promotion that it restores.
    """
    stack: list[Link] = []
    for link in links:
        record = link.record
        if not record.moved or record.alias != alias:
            continue
        if record.kind is DecisionKind.ROLLBACK:
            stack = [kept for kept in stack if record.restores is not None and kept.record.number <= record.restores]
        else:
            stack.append(link)
    return tuple(stack)


def champion_of(links: Sequence[Link], alias: str = CHAMPION) -> ModelRef | None:
    """The version in force by the record; ``None`` before the first promotion."""
    moved = [link for link in links if link.record.moved and link.record.alias == alias]
    return moved[-1].record.model if moved else None


def restorable(links: Sequence[Link], alias: str = CHAMPION) -> tuple[tuple[ModelRef, Link | None], ...]:
    """The versions that a rollback can put back, with their promotions; the last one in force first.

    At the end stands the champion that the first promotion replaced, without a promotion of its own, if the registry
    had one before the record began.
    """
    stack = in_force(links, alias)
    found: list[tuple[ModelRef, Link | None]] = [(link.record.model, link) for link in reversed(stack[:-1])]
    if stack and stack[0].record.champion is not None:
        found.append((stack[0].record.champion, None))
    return tuple(found)


def previous_of(links: Sequence[Link], alias: str = CHAMPION) -> ModelRef | None:
    """The version that a rollback would put back; ``None`` when there is nothing to go back to."""
    found = restorable(links, alias)
    return found[0][0] if found else None
