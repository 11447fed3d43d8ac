"""The reference dataset behind an alias: what the version in force was trained on."""

from __future__ import annotations

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.decision_record import TRAINING, TRAINING_PROFILE
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.roles import PREVIOUS
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain, Link
from airflow_mlops_provider.stores.chains.in_force import in_force
from airflow_mlops_provider.stores.evidence.store import EvidenceStore


def reference_dataset(uri: str, evidence_root: str) -> DatasetRef:
    """The dataset that a version in force was trained on, as its promotion recorded it.

    :param uri: ``models:/name@champion``, or another alias that promotions use, or ``models:/name@previous``.
    :param evidence_root: where the decision record lies.
    :returns: the pinned training dataset: the reference that new data are held against.
    :raises BadInputError: when ``uri`` has another form or nothing has been promoted yet.
    :raises IntegrityError: when the record was tampered with.
    """
    link = _decision_of_alias(uri, evidence_root)
    found = link.record.datasets.get(TRAINING)
    if found is None:
        raise BadInputError(f"reference {uri}: record {link.uri} names no training dataset")
    return found


def reference_profile(uri: str, evidence_root: str) -> DatasetRef | None:
    """The profile of that dataset that was kept at the promotion; ``None`` when none was. Raises the same."""
    return _decision_of_alias(uri, evidence_root).record.datasets.get(TRAINING_PROFILE)


def _decision_of_alias(uri: str, evidence_root: str) -> Link:
    """The decision that put the version behind ``uri`` in force."""
    name, alias = parse_alias_uri(uri)
    chain = DecisionChain(EvidenceStore(evidence_root), name)
    links = chain.links()
    moved = [link for link in links if link.record.moved and link.record.alias == alias]
    if alias == PREVIOUS:
        stack = in_force(links)
        moved = list(stack[-2:-1])
    if not moved:
        raise BadInputError(f"reference {uri}: no promotion to {alias!r} is recorded in {chain.place}")
    return moved[-1]


def is_model_uri(uri: str) -> bool:
    """Whether a dataset URI stands for the training data of a model: ``models:/...``."""
    return uri.startswith("models:/")


def parse_alias_uri(uri: str) -> tuple[str, str]:
    """Name and alias of ``models:/name@alias``; raises ``BadInputError`` for anything else."""
    name, at, alias = uri.removeprefix("models:/").partition("@")
    if not is_model_uri(uri) or not at or not name or not alias:
        raise BadInputError(f"{uri!r} is not of the form models:/name@alias")
    return name, alias
