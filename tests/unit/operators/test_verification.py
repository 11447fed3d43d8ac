"""Past judgements are checked and judged again as tasks; a check that fails turns its task red."""

from __future__ import annotations

import types

import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.airflow_versions import AirflowFailException
from airflow_mlops_provider.operators.verification import ReplayOperator, VerifyOperator
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.specs import local_path

CONTEXT = {
    "ti": types.SimpleNamespace(
        dag_id="d", run_id="r", task_id="it", map_index=-1, try_number=1, xcom_push=lambda **_: None
    )
}
WINDOWS = [{"window": "before", "value": 0.80, "rows": 5000}, {"window": "now", "value": 0.74, "rows": 5000}]


@pytest.fixture
def dropped(evidence_root):
    outcome = jobs.run("decay", {"history": WINDOWS, "metric": "accuracy", "evidence_root": evidence_root})
    assert outcome.verdict.status is Status.FAIL
    return outcome


def test_evidence_that_holds_is_a_green_task(dropped, evidence_root):
    operator = VerifyOperator(task_id="it", evidence=dropped.to_json(), evidence_root=evidence_root)
    outcome = Outcome.from_json(operator.execute(CONTEXT))
    assert (outcome.kind, outcome.verdict.status) == (Kind.VERIFICATION, Status.PASS)


def test_evidence_that_was_changed_is_a_red_task_without_a_retry(dropped, evidence_root):
    path = local_path(dropped.evidence_uri)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b'"fail"', b'"pass"'))
    operator = VerifyOperator(task_id="it", evidence=dropped.evidence_uri, evidence_root=evidence_root)
    with pytest.raises(AirflowFailException, match=r"checks? fail.*; evidence: http://"):
        operator.execute(CONTEXT)


def test_a_model_that_nobody_decided_about_is_named(evidence_root):
    with pytest.raises(AirflowFailException, match=r"^verify: no decision about model 'wage' is recorded in "):
        VerifyOperator(task_id="it", model="models:/wage/3", evidence_root=evidence_root).execute(CONTEXT)


@pytest.mark.parametrize(("min_drop", "changed"), [(0.01, Status.PASS), (0.2, Status.NOTICE)])
def test_evidence_is_judged_again_under_another_policy(dropped, evidence_root, min_drop, changed):
    operator = ReplayOperator(
        task_id="it", evidence=dropped.to_json(), policy={"min_drop": min_drop}, evidence_root=evidence_root
    )
    outcome = Outcome.from_json(operator.execute(CONTEXT))
    assert (outcome.kind, outcome.verdict.status) == (Kind.REPLAY, changed)


def test_neither_a_model_nor_evidence_is_refused(evidence_root):
    with pytest.raises(AirflowFailException, match=r"^replay: replay spec: give either 'model' or 'evidence'$"):
        ReplayOperator(task_id="it", policy={}, model="", evidence_root=evidence_root).execute(CONTEXT)
