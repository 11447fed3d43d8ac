"""Whether evidence is what a job made of it, beyond the hash in its name.

A hash tells that nobody edited a file under its name. Whoever writes an edited copy under a name of its own is found
by judging the stored report again.
"""

from __future__ import annotations

from collections.abc import Iterator

from airflow_mlops_provider.decisions.dataset_fallback import note_fallbacks
from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs.decisions.rejudge import judge_again, same_judgement
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.evidence_name import name_of
from airflow_mlops_provider.records.verdict import Verdict
from airflow_mlops_provider.stores.evidence.store import read_evidence, store_of


def read_vouched(uri: str) -> Evidence:
    """The evidence at ``uri``, whose verdict follows from its report and whose attachments are as they were written.

    :raises BadInputError: when it or an attachment is not there, or its report cannot be judged.
    :raises IntegrityError: when it, its verdict or an attachment was changed, naming the file.
    """
    found = read_evidence(uri)
    again = judged_again(found, uri)
    if again is not None and not same_judgement(found.verdict, again):
        raise IntegrityError(
            f"evidence {uri} says {found.verdict.status}, which is not what its report and policy give: "
            f"{again.status}, {again.summary}"
        )
    for _, trouble in examine_attachments(found, uri):
        if trouble:
            raise IntegrityError(trouble)
    return found


def judged_again(found: Evidence, uri: str) -> Verdict | None:
    """The verdict that the evidence's own report and policy give; ``None`` for a kind that is not judged from them.

    :raises BadInputError: when they cannot be judged.
    """
    again = judge_again(found.kind, found.report, found.policy, where=f"evidence {uri}")
    return None if again is None else note_fallbacks(found.kind, again, found.inputs)


def examine_attachments(found: Evidence, uri: str) -> Iterator[tuple[str, str]]:
    """Each attachment's URI in the root of ``uri``, which may be a copy, and what is wrong with it, or ``""``."""
    store = store_of(uri)
    for attached in found.attachments.values():
        place = store.uri_of(name_of(attached))
        try:
            store.read_bytes(place)
        except BadInputError as error:
            yield place, str(error)
        else:
            yield place, ""
