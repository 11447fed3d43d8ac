"""Past verdicts judged again, from their stored report and policy alone, and evidence proven by it.

A hash tells that nobody edited a file under its name. Whoever writes an edited copy under a name of its own is found
by judging the stored report again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

from airflow_mlops_provider.decisions.bias import judge_bias
from airflow_mlops_provider.decisions.dataset_fallback import note_fallbacks
from airflow_mlops_provider.decisions.dataset_rollback import judge_dataset_rollback
from airflow_mlops_provider.decisions.decay import judge_decay
from airflow_mlops_provider.decisions.drift import judge_drift
from airflow_mlops_provider.decisions.evaluation import judge_evaluation
from airflow_mlops_provider.decisions.ingest import IngestPolicy, judge_ingest
from airflow_mlops_provider.decisions.model_card import judge_model_card
from airflow_mlops_provider.decisions.promotion import judge_promotion
from airflow_mlops_provider.decisions.purge import judge_purge
from airflow_mlops_provider.decisions.rollback import judge_rollback
from airflow_mlops_provider.decisions.training import judge_training
from airflow_mlops_provider.decisions.validation import judge_validation
from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.records.codec import canonical_json, decode
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.evidence_name import name_of
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.policies.bias import BiasPolicy
from airflow_mlops_provider.records.policies.decay import DecayPolicy
from airflow_mlops_provider.records.policies.drift import DriftPolicy
from airflow_mlops_provider.records.policies.evaluation import EvaluationPolicy
from airflow_mlops_provider.records.policies.model_card import ModelCardPolicy
from airflow_mlops_provider.records.policies.promotion import PromotionPolicy
from airflow_mlops_provider.records.policies.purge import PurgePolicy
from airflow_mlops_provider.records.policies.rollback import RollbackPolicy
from airflow_mlops_provider.records.policies.training import TrainingPolicy
from airflow_mlops_provider.records.policies.validation import ValidationPolicy
from airflow_mlops_provider.records.reports.bias import BiasReport
from airflow_mlops_provider.records.reports.dataset_rollback import DatasetRollbackReport
from airflow_mlops_provider.records.reports.decay import DecayReport
from airflow_mlops_provider.records.reports.drift import DriftReport
from airflow_mlops_provider.records.reports.evaluation import EvaluationReport
from airflow_mlops_provider.records.reports.ingest import IngestReport
from airflow_mlops_provider.records.reports.model_card import ModelCardReport
from airflow_mlops_provider.records.reports.promotion import PromotionReport
from airflow_mlops_provider.records.reports.purge import PurgeReport
from airflow_mlops_provider.records.reports.rollback import RollbackReport
from airflow_mlops_provider.records.reports.training import TrainingReport
from airflow_mlops_provider.records.reports.validation import ValidationReport
from airflow_mlops_provider.records.verdict import Verdict
from airflow_mlops_provider.stores.evidence.store import read_evidence, store_of

R = TypeVar("R")
P = TypeVar("P")
Rule: TypeAlias = "Callable[[Any, Any, str], Verdict]"


def _rule(report_class: type[R], policy_class: type[P], judge: Callable[[R, P], Verdict]) -> Rule:
    """The rule of one kind: stored JSON is decoded as that report and that policy, and judged."""

    def rule(report: Any, policy: Any, where: str) -> Verdict:
        return judge(
            decode(report_class, report, where=f"report of {where}"),
            decode(policy_class, policy, where=f"policy of {where}"),
        )

    return rule


_RULES: dict[Kind, Rule] = {
    Kind.INGEST: _rule(IngestReport, IngestPolicy, judge_ingest),
    Kind.VALIDATION: _rule(ValidationReport, ValidationPolicy, judge_validation),
    Kind.DRIFT: _rule(DriftReport, DriftPolicy, judge_drift),
    Kind.TRAINING: _rule(TrainingReport, TrainingPolicy, judge_training),
    Kind.EVALUATION: _rule(EvaluationReport, EvaluationPolicy, judge_evaluation),
    Kind.BIAS: _rule(BiasReport, BiasPolicy, judge_bias),
    Kind.DECAY: _rule(DecayReport, DecayPolicy, judge_decay),
    Kind.MODEL_CARD: _rule(ModelCardReport, ModelCardPolicy, judge_model_card),
    Kind.PROMOTION: _rule(PromotionReport, PromotionPolicy, judge_promotion),
    Kind.ROLLBACK: _rule(RollbackReport, RollbackPolicy, judge_rollback),
    Kind.DATASET_ROLLBACK: lambda report, _, where: judge_dataset_rollback(
        decode(DatasetRollbackReport, report, where=f"report of {where}")
    ),
    Kind.PURGE: _rule(PurgeReport, PurgePolicy, judge_purge),
}
"""The kinds whose verdict is made from a report and a policy, each with its report, policy and judge."""


def judge_again(kind: Kind, report: Any, policy: Any, *, where: str) -> Verdict | None:
    """The verdict that today's rules give on a stored report.

    :param report: as stored, plain JSON.
    :param policy: as stored, or another one; its keys are those of the kind's policy.
    :param where: what to call it in errors.
    :returns: ``None`` for a kind whose verdict is not made from a report and a policy.
    :raises BadInputError: when report or policy are not what the kind's rule reads.
    """
    rule = _RULES.get(kind)
    if rule is None:
        return None
    if not isinstance(report, Mapping):
        raise BadInputError(f"{where} holds no report to judge")
    return rule(report, policy or {}, where)


def same_judgement(one: Verdict, other: Verdict) -> bool:
    """Whether two verdicts rest on the same numbers, limits and statuses; their words may differ."""
    return _comparable_bytes(one) == _comparable_bytes(other)


def _comparable_bytes(verdict: Verdict) -> list[bytes]:
    """As bytes, so that a record just made and the same record read back are the same."""
    found = [[f.subject, f.measure, f.observed, f.limit, f.p_value, f.status] for f in verdict.findings]
    return [canonical_json(verdict.status), *sorted(map(canonical_json, found))]


def read_proven(uri: str) -> Evidence:
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
