"""Past measurements judged again, from their stored report and policy alone."""

from __future__ import annotations

import importlib
import typing
from collections.abc import Callable, Mapping
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import canonical_json, decode
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Verdict

_TOPICS: dict[Kind, str] = {
    Kind.VALIDATION: "validation",
    Kind.DRIFT: "drift",
    Kind.TRAINING: "training",
    Kind.EVALUATION: "evaluation",
    Kind.BIAS: "bias",
    Kind.DECAY: "decay",
    Kind.MODEL_CARD: "model_card",
    Kind.PROMOTION: "promotion",
    Kind.ROLLBACK: "rollback",
    Kind.PURGE: "purge",
}


def judge_again(kind: Kind, report: Any, policy: Any, *, where: str) -> Verdict | None:
    """The verdict that today's rules give on a stored report.

    :param report: as stored, plain JSON.
    :param policy: as stored, or another one; its keys are those of the topic's policy.
    :param where: what to call it in errors.
    :returns: ``None`` for a kind whose verdict is not made from a report and a policy.
    :raises BadInputError: when report or policy are not what the topic's rules read.
    """
    judge = _judge_of(kind)
    if judge is None:
        return None
    # The report's class is known to the rules by name alone, because Dag files import them without it.
    reports = importlib.import_module(f"airflow_mlops_provider.records.reports.{_TOPICS[kind]}")
    hints = typing.get_type_hints(judge, localns=vars(reports))
    if not isinstance(report, Mapping):
        raise BadInputError(f"{where} holds no report to judge")
    return judge(
        decode(hints["report"], report, where=f"report of {where}"),
        decode(hints["policy"], policy or {}, where=f"policy of {where}"),
    )


def _judge_of(kind: Kind) -> Callable[[Any, Any], Verdict] | None:
    if kind not in _TOPICS:
        return None
    topic = _TOPICS[kind]
    found: Callable[[Any, Any], Verdict] = getattr(
        importlib.import_module(f"airflow_mlops_provider.decisions.{topic}"), f"judge_{topic}"
    )
    return found


def same_judgement(one: Verdict, other: Verdict) -> bool:
    """Whether two verdicts rest on the same numbers, limits and statuses; their words may differ."""
    return _essence(one) == _essence(other)


def _essence(verdict: Verdict) -> list[bytes]:
    """As bytes, so that a record just made and the same record read back are the same."""
    found = [[f.subject, f.measure, f.observed, f.limit, f.p_value, f.status] for f in verdict.findings]
    return [canonical_json(verdict.status), *sorted(map(canonical_json, found))]
