"""Who approved and who asked, from what Airflow hands over."""

from __future__ import annotations

import types

import pytest

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.operators.promotion import PromoteModelOperator, RollbackModelOperator, approver_of

ADA = {"id": "7", "name": "ada"}


@pytest.mark.parametrize(
    ("answer", "person"),
    [
        ("ada", "ada"),
        ("", None),
        (None, None),
        ({"chosen_options": ["Approve"], "responded_by_user": ADA}, "ada"),
        ({"chosen_options": ["Approve"], "responded_by_user": {"id": "7"}}, "7"),
        ({"chosen_options": ["Approve"], "responded_by_user": None}, None),
        ({"chosen_options": ["Reject"], "responded_by_user": ADA}, None),
    ],
)
def test_the_approver_is_whoever_said_yes(answer, person):
    assert approver_of(answer) == person
    operator = PromoteModelOperator(task_id="promote", model="models:/wage/1", evidence=[], approver=answer)
    assert operator.spec()["approver"] == person


@pytest.mark.parametrize(
    ("given", "triggered_by", "person"),
    [(None, "ada", "ada"), ("bob", "ada", "bob"), ("", "ada", "ada"), (None, None, None)],
)
def test_who_asks_for_a_rollback_is_whoever_triggered_the_run(monkeypatch, given, triggered_by, person):
    asked = []
    monkeypatch.setattr(JobOperator, "execute", lambda self, context: asked.append(self.spec()) or {})
    operator = RollbackModelOperator(task_id="rollback", name="wage", reason="why", person=given, to_version="")
    operator.execute({"dag_run": types.SimpleNamespace(triggering_user_name=triggered_by)})
    assert asked == [{"name": "wage", "reason": "why", "to_version": None, "person": person}]
