"""The public interface: names, parameters and defaults that docs and users rely on. More may be added, none taken."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from dataclasses import MISSING, fields
from typing import Any

import pytest

import airflow_mlops_provider
from airflow_mlops_provider import jobs
from airflow_mlops_provider.decisions.bias import BiasPolicy
from airflow_mlops_provider.decisions.decay import DecayPolicy
from airflow_mlops_provider.decisions.drift import DriftPolicy
from airflow_mlops_provider.decisions.evaluation import EvaluationPolicy
from airflow_mlops_provider.decisions.promotion import PromotionPolicy
from airflow_mlops_provider.decisions.validation import ValidationPolicy
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode, encode
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict, worst

REQUIRED = inspect.Parameter.empty
ANY = object()
"""A default that depends on the configuration."""

CONSTRUCTORS: dict[str, dict[str, Any]] = {
    "operators.validation.DataValidationOperator": {
        "dataset": REQUIRED,
        **dict.fromkeys(("suite", "contract", "clean_uri", "quarantine_uri")),
        "policy": ValidationPolicy(),
    },
    "sensors.drift.DriftSensor": {
        **dict.fromkeys(("reference", "current"), REQUIRED),
        **dict.fromkeys(("columns", "window_column", "drift_asset")),
        "policy": DriftPolicy(),
        "deferrable": ANY,
    },
    "operators.training.TrainOperator": {
        **dict.fromkeys(("model", "dataset"), REQUIRED),
        "runner": None,
        "tracking_conn_id": "mlflow_default",
    },
    "operators.evaluation.EvaluateModelOperator": {
        **dict.fromkeys(("model", "dataset", "predictions", "label_column", "candidate", "champion")),
        "champion_alias": "champion",
        "policy": EvaluationPolicy(),
    },
    "operators.bias.BiasSliceOperator": {
        "slices": REQUIRED,
        **dict.fromkeys(("model", "dataset", "predictions", "label_column", "prediction_column")),
        "max_depth": 2,
        "metric": "accuracy",
        "policy": BiasPolicy(),
    },
    "operators.promotion.PromoteModelOperator": {
        **dict.fromkeys(("model", "evidence"), REQUIRED),
        "alias": "champion",
        "mode": "auto",
        "policy": PromotionPolicy(),
    },
    "operators.promotion.RollbackModelOperator": dict.fromkeys(("model", "reason"), REQUIRED),
    "operators.inference.BatchPredictOperator": {
        **dict.fromkeys(("model", "dataset", "output_uri"), REQUIRED),
        "shadow": None,
    },
    "notifications.slack.MLOpsSlackNotifier": {},
}
SHORT_NAMES = (
    *("BiasSliceOperator", "DataValidationOperator", "DriftSensor"),
    *("PromoteModelOperator", "TrainOperator"),
)
TEMPLATED = {"dataset", "model", "reference", "current", "evidence"}


def load(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(f"airflow_mlops_provider.{module}"), name)


def parameters(cls: type) -> dict[str, inspect.Parameter]:
    """Those of the constructor and of the package's own base classes, without Airflow's."""
    own = [base for base in cls.__mro__ if base.__module__.startswith("airflow_mlops_provider")]
    found: dict[str, inspect.Parameter] = {}
    for base in reversed(own):
        if "__init__" in vars(base):
            found |= inspect.signature(inspect.unwrap(vars(base)["__init__"])).parameters
    return {
        name: parameter
        for name, parameter in found.items()
        if name != "self" and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }


@pytest.mark.parametrize("path", CONSTRUCTORS)
def test_a_constructor_has_its_parameters_and_defaults_by_keyword_only(path):
    found = parameters(load(path))
    assert {parameter.kind for parameter in found.values()} == {inspect.Parameter.KEYWORD_ONLY}
    for name, default in CONSTRUCTORS[path].items():
        assert name in found
        if default is not ANY:
            assert found[name].default == default, name


@pytest.mark.parametrize("path", [path for path in CONSTRUCTORS if not path.startswith("notifications")])
def test_what_the_interface_calls_templated_is(path):
    cls = load(path)
    assert TEMPLATED & set(CONSTRUCTORS[path]) <= set(cls.template_fields)


def test_the_five_names_of_the_package_are_lazy():
    assert sorted(airflow_mlops_provider.__all__) == sorted(SHORT_NAMES)
    for name in SHORT_NAMES:
        path = next(path for path in CONSTRUCTORS if path.endswith(f".{name}"))
        assert getattr(airflow_mlops_provider, name) is load(path)
    code = "import sys, airflow_mlops_provider, airflow_mlops_provider.jobs; print('airflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


GATE = {
    "margin": 0.005,
    "superiority": False,
    "confidence": 0.95,
    "min_rows": 2000,
    "required": ("validation", "evaluation", "bias", "model_card"),
    "max_p99_latency_ms": None,
}
POLICIES: dict[type, dict[str, Any]] = {
    ValidationPolicy: {"max_quarantine_share": 0.0},
    DriftPolicy: {
        "monthly_false_alarm": 0.05,
        "checks_per_month": 30,
        "min_ks_d": 0.05,
        "severe_ks_d": 0.10,
        "min_tvd": 0.05,
        "min_missing_change": 0.02,
        "min_unseen_share": 0.01,
        "joint": True,
        "min_joint_auc": 0.55,
        "min_rows": 200,
        "rule": "default",
    },
    EvaluationPolicy: GATE,
    PromotionPolicy: GATE,
    DecayPolicy: {"rule": "default", "min_drop": 0.01, "checks_per_month": 30},
    BiasPolicy: {"min_support": 50, "min_gap": 0.05, "alpha": 0.05, "critical": {}},
}


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.__name__)
def test_a_policy_has_its_keys_and_defaults(policy):
    assert {key: getattr(policy(), key) for key in POLICIES[policy]} == POLICIES[policy]
    assert all(field.kw_only and field.name in inspect.getdoc(policy) for field in fields(policy))


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.__name__)
def test_a_policy_is_a_record_that_can_be_imported_from_the_module_that_judges_by_it(policy):
    room, topic = policy.__module__.removeprefix("airflow_mlops_provider.").rsplit(".", 1)
    assert room == "records.policies"
    judges = importlib.import_module(f"airflow_mlops_provider.decisions.{topic}")
    assert policy.__name__ in judges.__all__
    assert getattr(judges, policy.__name__) is policy


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.__name__)
def test_a_policy_survives_json_and_refuses_what_it_does_not_know(policy):
    assert decode(policy, encode(policy())) == policy()
    with pytest.raises(BadInputError, match=f"{policy.__name__}: unknown key 'max_hope'"):
        decode(policy, {"max_hope": 1})


JOBS: dict[str, tuple[set[str], set[str]]] = {
    "validate": ({"dataset"}, {"suite", "contract", "clean_uri", "quarantine_uri", "policy"}),
    "drift": ({"reference", "current"}, {"columns", "window_column", "label_column", "prediction_column", "policy"}),
    "train": ({"model", "dataset"}, {"tracking_uri", "trainer_params"}),
    "evaluate": (
        set(),
        {
            *("model", "dataset", "predictions", "label_column", "candidate", "champion"),
            *("metric", "task", "policy"),
        },
    ),
    "bias": (
        {"slices"},
        {"model", "dataset", "predictions", "label_column", "prediction_column", "metric", "max_depth", "policy"},
    ),
    "decay": ({"history", "metric"}, {"rule", "policy"}),
    "promote": ({"model", "evidence"}, {"alias", "mode", "policy"}),
    "rollback": ({"model", "reason"}, {"to_version"}),
    "predict": ({"model", "dataset", "output_uri"}, {"shadow"}),
    "verify": (set(), {"model", "evidence"}),
    "replay": ({"policy"}, {"model", "evidence"}),
}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_its_keys(name):
    required, optional = JOBS[name]
    found = {field.name: field for field in fields(jobs.job_class(name))}
    needed = {key for key, field in found.items() if field.default is MISSING and field.default_factory is MISSING}
    assert needed == required
    assert required | optional | {"evidence_root"} <= set(found)


def test_the_status_is_the_worst_finding_in_a_fixed_order():
    order = [Status.FAIL, Status.INSUFFICIENT_EVIDENCE, Status.NOTICE, Status.PASS]
    assert [str(status) for status in order] == ["fail", "insufficient_evidence", "notice", "pass"]
    for position, status in enumerate(order):
        assert worst(order[position:]) is status
    assert worst([]) is Status.INSUFFICIENT_EVIDENCE


def test_an_outcome_reads_as_the_interface_says():
    data = DatasetRef(uri="a.parquet", fingerprint="sha256:f", rows=545, schema_hash="sha256:s")
    finding = Finding(subject="hours", measure="ks_d", observed=0.21, limit=0.05, p_value=1e-30, status=Status.FAIL)
    verdict = Verdict.of([finding], summary="3 of 30 columns drifted")
    outcome = Outcome(kind="drift", verdict=verdict, evidence_uri="file:///e.json", dataset=data)
    assert outcome.to_json() == {
        "schema": 1,
        "kind": "drift",
        "evidence_uri": "file:///e.json",
        "verdict": {
            "status": "fail",
            "summary": "3 of 30 columns drifted",
            "findings": [
                {
                    "subject": "hours",
                    "measure": "ks_d",
                    "observed": 0.21,
                    "limit": 0.05,
                    "p_value": 1e-30,
                    "status": "fail",
                    "detail": "",
                }
            ],
        },
        "dataset": {"uri": "a.parquet", "fingerprint": "sha256:f", "rows": 545, "schema_hash": "sha256:s"},
        "model": None,
    }
    assert [field.name for field in fields(ModelRef)] == ["name", "version", "uri", "digest", "run_id"]


def test_a_model_is_declared_with_the_keys_of_the_interface():
    declared = {
        "name": "wage",
        "task": "classification",
        "target": "high_wage",
        "features": ["exper", "hours", "educ", "black", "hisp", "married", "union", "poorhlth"],
        "sensitive": ["black", "hisp"],
        "time_column": "year",
        "trainer": "wage_model:build",
        "metrics": {"roc_auc": "higher", "accuracy": "higher"},
        "group_column": "nr",
        "owners": ["ml-team"],
    }
    assert decode(ModelSpec, declared).deciding_metric == "roc_auc"
