"""Which checks speak of the version in force, and which of candidates and former versions."""

from __future__ import annotations

from collections.abc import Callable

from airflow_mlops_provider.records.decision_record import TRAINING
from airflow_mlops_provider.stores.evidence.index import IndexEntry, short
from airflow_mlops_provider.ui.chains import ModelDecisions


def speaks_of_live(known: ModelDecisions | None) -> Callable[[IndexEntry], bool]:
    """Tells of a check whether it speaks of the version in force; of every check while no version is known to be.

    A check without a version, such as one of drift, speaks of a former version when it used what that was trained on
    and not what the version in force was.

    :param known: the decisions about the model; ``None`` for what is no model.
    """
    if known is None or known.in_force is None:
        return lambda _: True
    champion, now = known.in_force.record.model, _training(known, known.in_force.record.number)
    former = _training(known, None) - now

    def is_live(facts: IndexEntry) -> bool:
        if facts.version:
            return facts.version == champion.version
        used = set(facts.data)
        return not used & former or bool(used & now)

    return is_live


def _training(known: ModelDecisions, number: int | None) -> set[str]:
    """Fingerprints of what versions in force were trained on: of decision ``number``, or of all."""
    records = (link.record for link in known.links if link.record.moved and number in (None, link.record.number))
    found = (record.datasets.get(TRAINING) for record in records)
    return {short(ref.fingerprint) for ref in found if ref is not None and ref.fingerprint}
