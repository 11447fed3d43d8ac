"""Every key of every job is offered by its operator, under one name, with one meaning, and reaches the job."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import types
import typing
from enum import Enum
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BadInputError, FormerNameWarning
from airflow_mlops_provider.operators.promotion import PromoteModelOperator, RollbackModelOperator
from airflow_mlops_provider.operators.training import TrainOperator
from airflow_mlops_provider.provider_info import get_provider_info
from airflow_mlops_provider.records.refs import Writer
from airflow_mlops_provider.records.requests import REQUESTS, request_type
from airflow_mlops_provider.records.requests.request import former_names
from airflow_mlops_provider.tasks.arguments import RequestMeta
from docs import docstrings
from tests.builders.requests import ALTERNATIVES, KEYS

SET_BY_THE_TASK = {
    "evidence_root": "an argument of every operator, which falls back to [mlops] evidence_root",
    "run_key": "the identity of the running task in its Dag run",
    "origin": "the running task itself",
    "sender": "set where a runner packs the request for another place",
    "tracking_uri": "the operator's tracking_conn_id says it, because an address may hold a password",
    "once": "always so in a sensor, whose tries and runs ask again and again",
    "written_by": "read from the upstream Outcome or asset events when the task runs",
}
"""Keys that no operator offers, with the reason."""
OF_THE_TASK = {
    "runner": "where the job runs",
    "tracking_conn_id": "the Connection in place of the key tracking_uri",
    "aws_conn_id": "the Connection of evidence and data on S3, which never enters a request",
    "evidence_root": "see above",
    "drift_asset": "what the sensor emits an event of",
    "deferrable": "how the sensor waits",
}
"""Arguments of operators that are no keys, with what they are."""
DEFAULTS_OF_THE_TASK = {
    ("ingest", "interval_start"): "the data interval of the Dag run",
    ("purge", "retention_days"): "[mlops] retention_days",
    ("close", "person"): "whoever triggered the run",
}
"""Required keys that an operator finds elsewhere when they are not given."""


def _operators() -> dict[str, type]:
    info = get_provider_info()
    names = [name for part in ("operators", "sensors") for entry in info[part] for name in entry["python-modules"]]
    found = [
        kind
        for name in names
        for kind in vars(importlib.import_module(name)).values()
        if isinstance(kind, RequestMeta) and kind.__module__ == name
    ]
    assert len({kind.request_type for kind in found}) == len(found), "two operators of one job"
    return {kind.request_type.job: kind for kind in found}


OPERATORS = _operators()
FORMER = [
    (job, old, new)
    for job in REQUESTS
    for old, new in former_names(request_type(job)).items()
    if (job, old) != ("train", "params")
]
"""Former names that operators take; an operator's ``params`` are Airflow's."""


def keys(job: str) -> dict[str, dataclasses.Field[Any]]:
    return {field.name: field for field in dataclasses.fields(request_type(job)) if field.name not in SET_BY_THE_TASK}


def arguments(operator: type) -> dict[str, inspect.Parameter]:
    own = inspect.signature(inspect.unwrap(vars(operator)["__init__"])).parameters.values()
    return {each.name: each for each in own if each.name != "self" and each.kind is not each.VAR_KEYWORD}


def made(job: str, **changed: Any) -> Any:
    given = {name: value for name, value in KEYS[job].items() if name not in SET_BY_THE_TASK} | changed
    return OPERATORS[job](task_id="it", **{name: value for name, value in given.items() if value is not None})


def expected(job: str, **changed: Any) -> Any:
    given = {name: value for name, value in KEYS[job].items() if name not in SET_BY_THE_TASK} | changed
    return request_type(job).from_spec({name: value for name, value in given.items() if value is not None})


def context() -> dict[str, Any]:
    return {"ti": types.SimpleNamespace(dag_id="d", run_id="r", task_id="it", map_index=-1, try_number=1)}


def test_every_job_has_an_operator_and_every_operator_a_job():
    assert set(OPERATORS) == set(REQUESTS) == set(jobs.JOBS)


@pytest.mark.parametrize("job", REQUESTS)
def test_an_operator_offers_every_key_and_nothing_under_another_name(job):
    offered = set(arguments(OPERATORS[job]))
    assert set(keys(job)) <= offered
    assert offered <= set(keys(job)) | set(OF_THE_TASK)


def test_every_exempt_key_is_a_key_of_some_job():
    known = {field.name for job in REQUESTS for field in dataclasses.fields(request_type(job))}
    assert set(SET_BY_THE_TASK) <= known
    assert all(name in arguments(OPERATORS[job]) for job, name in DEFAULTS_OF_THE_TASK)


@pytest.mark.parametrize("job", REQUESTS)
def test_an_operator_has_the_defaults_of_its_job(job):
    for name, argument in arguments(OPERATORS[job]).items():
        field = keys(job).get(name)
        if field is None:
            continue
        has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if has_default:
            default = field.default_factory() if field.default is dataclasses.MISSING else field.default
            assert argument.default in (None, default), name
        elif (job, name) not in DEFAULTS_OF_THE_TASK:
            assert argument.default is inspect.Parameter.empty, name


@pytest.mark.parametrize(
    ("job", "changed"),
    [(job, {}) for job in KEYS] + [(job, changed) for job, all_of_it in ALTERNATIVES.items() for changed in all_of_it],
)
def test_every_value_given_to_an_operator_reaches_the_job(job, changed):
    request = made(job, **changed).request(context())
    assert request == expected(job, **changed)
    given = {name for name, value in (KEYS[job] | changed).items() if value is not None and name not in SET_BY_THE_TASK}
    defaults = {name: field for name, field in keys(job).items() if name in given}
    for name, field in defaults.items():
        assert field.default is dataclasses.MISSING or getattr(request, name) != field.default, name


def test_the_samples_give_every_key_a_value():
    for job in REQUESTS:
        sampled = {*KEYS[job], *(name for changed in ALTERNATIVES.get(job, []) for name in changed)}
        assert set(keys(job)) <= sampled, job


def is_text(hint: Any) -> bool:
    """Whether a template can give a value of this type."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) in (typing.Union, tuple):
        return any(is_text(each) for each in typing.get_args(hint) if each not in (type(None), Ellipsis))
    if hint is Any or typing.get_origin(hint) is not None:
        return True
    if hint is Writer or hint.__name__.endswith("Policy"):
        return False
    return issubclass(hint, str | Enum) or dataclasses.is_dataclass(hint)


@pytest.mark.parametrize("job", REQUESTS)
def test_every_key_that_is_text_or_named_by_text_is_a_template(job):
    hints = typing.get_type_hints(request_type(job))
    templated = set(OPERATORS[job].template_fields)
    assert {name for name in keys(job) if is_text(hints[name])} <= templated
    assert templated <= {*arguments(OPERATORS[job]), "evidence_root"}


@pytest.mark.parametrize("job", REQUESTS)
def test_an_operator_says_of_a_key_what_the_job_says(job):
    ours, theirs = (docstrings.read(kind).params for kind in (OPERATORS[job], request_type(job)))
    for name in keys(job):
        assert ours[name].startswith(theirs[name].rstrip(".")), f"{OPERATORS[job].__name__}.{name}"
    described = set(theirs) | set(docstrings.read(request_type(job).__mro__[1]).params)
    assert described == {field.name for field in dataclasses.fields(request_type(job))}


@pytest.mark.parametrize("job", REQUESTS)
def test_no_argument_hides_what_airflow_keeps_under_that_name(job):
    reserved = {*dir(BaseOperator), *inspect.signature(inspect.unwrap(BaseOperator.__init__)).parameters}
    assert not set(keys(job)) & reserved


@pytest.mark.parametrize(("job", "old", "new"), FORMER)
def test_an_operator_takes_a_key_under_its_former_name_with_a_warning(job, old, new):
    name = OPERATORS[job].__name__
    with pytest.warns(FormerNameWarning, match=f"{name}: '{old}' is now called '{new}'") as told:
        operator = made(job, **{new: None, old: KEYS[job][new]})
    assert operator.request(context()) == expected(job)
    assert told[0].filename == __file__


def test_an_argument_given_under_both_names_is_refused():
    with pytest.raises(BadInputError, match="RollbackModelOperator: 'name' is the former name of 'model'"):
        RollbackModelOperator(task_id="it", name="wage", model="wage", reason="why")


def test_a_mapped_operator_takes_former_names_too():
    with DAG("mapped", schedule=None), pytest.warns(FormerNameWarning, match="'approver' is now called 'person'"):
        mapped = PromoteModelOperator.partial(task_id="it", approver="ada", model="wage").expand(evidence=[[], []])
    assert mapped.partial_kwargs["person"] == "ada"


def test_params_of_a_training_task_are_those_of_airflow():
    operator = TrainOperator(task_id="it", model="m.yaml", dataset="in.parquet", params={"year": 1980})
    assert operator.request(context()).trainer_params == {}
    assert operator.params["year"] == 1980


@pytest.mark.parametrize("job", ["evaluate", "bias"])
def test_an_operator_without_a_model_or_predictions_is_refused_when_the_dag_is_read(job):
    required = {"slices": ["race"]} if job == "bias" else {}
    with pytest.raises(BadInputError, match=f"{job} spec: give 'model' \\+ 'dataset', or 'predictions' "):
        OPERATORS[job](task_id="it", **required)
