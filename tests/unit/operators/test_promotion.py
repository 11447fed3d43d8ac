"""Who approved and who asked, from what Airflow hands over."""

from __future__ import annotations

import types

import pytest

from airflow_mlops_provider.operators.promotion import PromoteModelOperator, RollbackModelOperator, approver_of
from airflow_mlops_provider.records.requests.rollback import RollbackRequest

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
    operator = PromoteModelOperator(task_id="promote", model="models:/wage/1", evidence=[], person=answer)
    assert operator.request({}).person == person


@pytest.mark.parametrize(
    ("given", "triggered_by", "person"),
    [(None, "ada", "ada"), ("bob", "ada", "bob"), ("", "ada", "ada"), (None, None, None)],
)
def test_who_asks_for_a_rollback_is_whoever_triggered_the_run(given, triggered_by, person):
    operator = RollbackModelOperator(task_id="rollback", model="wage", reason="why", person=given, to_version="")
    request = operator.request({"dag_run": types.SimpleNamespace(triggering_user_name=triggered_by)})
    assert request == RollbackRequest(model="wage", reason="why", to_version=None, person=person)
