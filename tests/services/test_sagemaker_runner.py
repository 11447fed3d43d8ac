"""Jobs on SageMaker, by a stand-in before moto: their lines, their secrets, their end, and what people meet."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator

import boto3
import pytest

from airflow_mlops_provider.airflow_versions import AirflowFailException, TaskDeferred
from airflow_mlops_provider.exceptions import BackendError, BadInputError, JobCancelledError
from airflow_mlops_provider.operators.validation import DataValidationOperator
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.runners.runner import LastingRunner, State
from airflow_mlops_provider.tasks.run import release
from airflow_mlops_provider.triggers.sagemaker import ProcessingTrigger
from deployment.servers import data_folder
from tests.services.cluster.servers import wait_until
from tests.services.sagemaker import SageMaker, processes_of, running_sagemaker
from tests.services.sagemaker_task import CONNECTION, SageMakerTask

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


@pytest.fixture(scope="module")
def sagemaker() -> Iterator[SageMaker]:
    with data_folder("sagemaker") as folder, running_sagemaker(folder) as running:
        yield running


@pytest.fixture(scope="module")
def client(sagemaker: SageMaker) -> Callable[[str], object]:
    return lambda service: boto3.session.Session().client(service, endpoint_url=sagemaker.address, **KEYS)


@pytest.fixture(scope="module")
def bucket(client) -> str:
    client("s3").create_bucket(Bucket="company")
    return "s3://company"


@pytest.fixture
def task(sagemaker, bucket, files_mlflow, tmp_path):
    """A function that makes a training that waits at its gate."""

    def make(**given):
        name = hashlib.sha256(f"{tmp_path}{len(list(tmp_path.iterdir()))}".encode()).hexdigest()[:8]
        where = {"address": sagemaker.address, "bucket": bucket, "tracking_uri": files_mlflow}
        return SageMakerTask(folder=tmp_path / name, **{**where, **given})

    return make


@pytest.fixture
def quick(task, client, bucket):
    """A function that makes a check that ends by itself within seconds."""
    client("s3").put_object(Bucket="company", Key="rows.csv", Body=b"hours\n40\n38\n")
    rule = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "hours", "min_value": 0}}
    keys = {"dataset": f"{bucket}/rows.csv", "suite": {"name": "s", "expectations": [rule]}}

    def make(**given):
        return task(**{"job": "validate", "keys": keys, **given})

    return make


def described(client, handle):
    return client("sagemaker").describe_processing_job(ProcessingJobName=handle.name)


def tags_of(client, handle):
    arn = described(client, handle)["ProcessingJobArn"]
    return {tag["Key"]: tag["Value"] for tag in client("sagemaker").list_tags(ResourceArn=arn)["Tags"]}


def ended(client, handle):
    wait_until(
        lambda: described(client, handle)["ProcessingJobStatus"] not in ("InProgress", "Stopping"), "the end of a job"
    )
    return described(client, handle)["ProcessingJobStatus"]


def test_the_runner_is_one_whose_jobs_outlive_the_task(task):
    assert isinstance(task().runner(), LastingRunner)


def test_lines_of_a_long_job_arrive_while_it_runs_and_its_description_shows_no_secret(client, task):
    training = task()
    handle = training.submit()
    lines = handle.logs()
    assert "at the gate" in lines  # it waits there, so the line cannot have come at the end
    assert handle.state() is State.RUNNING
    shown = described(client, handle)["Environment"]
    assert set(shown) == {"AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "MLFLOW_TRACKING_URI"}
    training.gate.touch()
    rest = list(lines)
    assert not any('"verdict"' in line for line in rest)
    assert training.collect(handle).kind == "training"
    assert "airflow-mlops-provider:collected" not in tags_of(client, handle)
    handle.release()
    told = tags_of(client, handle)
    assert (told["airflow-mlops-provider:dag_id"], told["airflow-mlops-provider:collected"]) == ("d", "true")


def test_cancel_ends_the_process(client, task):
    handle = task().submit()
    assert "at the gate" in handle.logs()
    assert processes_of(handle.name)
    handle.cancel()
    with pytest.raises(JobCancelledError):
        handle.collect()
    assert ended(client, handle) == "Stopped"
    assert processes_of(handle.name) == []
    handle.cancel()  # of a job that has ended does nothing


def test_bad_input_is_the_jobs_own_sentence_and_is_not_retried(quick, bucket):
    missing = quick()
    missing.keys = {**missing.keys, "dataset": f"{bucket}/nowhere.csv"}
    handle = missing.submit()
    with pytest.raises(AirflowFailException, match=r"^validate: s3://company/nowhere.csv: no such file"):
        missing.collect(handle)


def test_a_retry_of_a_failed_job_runs_it_again_under_the_next_name(sagemaker, task):
    training = task()
    (training.folder / "gated.py").write_text("def build(gate):\n    raise OSError('the network is gone')\n")
    names = []
    for number in range(1, 4):  # more than one page of a listing
        training.try_number = number
        handle = training.submit()
        names.append(handle.name)
        with pytest.raises(BackendError, match="the network is gone"):
            training.collect(handle)
        handle.release()
    assert [name.rpartition("-")[2] for name in names] == ["1", "2", "3"]
    assert [name for name in sagemaker.started if name in names] == names


def test_a_failure_that_nobody_saw_is_run_again_by_the_retry(client, task):
    training = task()
    handle = training.submit()
    wait_until(lambda: processes_of(handle.name), "the start of a job")
    os.killpg(processes_of(handle.name)[0], 9)
    assert ended(client, handle) == "Failed"
    training.try_number = 2
    training.gate.touch()
    again = training.submit()
    assert again.name == f"{handle.name.removesuffix('1')}2"
    assert training.collect(again).kind == "training"


def test_a_killed_job_is_told_with_sagemakers_words_and_a_hint(client, task):
    training = task()
    handle = training.submit()
    wait_until(lambda: processes_of(handle.name), "the start of a job")
    os.killpg(processes_of(handle.name)[0], 9)
    with pytest.raises(BackendError, match=r"AlgorithmError: .*, exit code: 137; it may have run out of memory"):
        training.collect(handle)


def test_a_job_that_ends_while_its_worker_is_dead_is_collected_and_not_run_again(sagemaker, client, quick):
    check = quick()
    first = check.submit()
    assert ended(client, first) == "Completed"
    check.try_number = 2
    again = check.submit()
    assert again.name == first.name
    assert check.collect(again).verdict.status == "pass"
    assert sagemaker.started.count(first.name) == 1


def test_a_cleared_task_runs_anew_and_ends_what_ran_before(client, task):
    training = task()
    first = training.submit()
    assert "at the gate" in first.logs()
    training.try_number, training.max_tries = 2, 4
    training.gate.touch()
    anew = training.submit()
    assert anew.name != first.name
    assert ended(client, first) in ("Stopped", "Completed")
    assert training.collect(anew).kind == "training"


def test_a_secret_is_read_by_the_job_itself_and_stands_nowhere_else(client, task, caplog):
    caplog.set_level("DEBUG", logger="airflow_mlops_provider")
    arn = client("secretsmanager").create_secret(Name="mlflow", SecretString='{"password": "sesame"}')["ARN"]
    training = task(
        environment={"MLFLOW_TRACKING_PASSWORD": "sesame"},
        arguments={"secrets": {"MLFLOW_TRACKING_PASSWORD": f"{arn}:password::"}},
    )
    (training.folder / "gated.py").write_text(
        "import os\nfrom sklearn.linear_model import LogisticRegression\n\ndef build(gate):\n"
        "    assert os.environ['MLFLOW_TRACKING_PASSWORD'] == 'sesame'\n    return LogisticRegression()\n"
    )
    handle = training.submit()
    assert training.collect(handle).kind == "training"
    assert "sesame" not in str(described(client, handle)) + str(tags_of(client, handle)) + caplog.text


def test_a_secret_that_the_description_would_show_is_refused_before_the_job(sagemaker, task):
    before = len(sagemaker.started)
    training = task(environment={"MLFLOW_TRACKING_PASSWORD": "sesame"})
    with pytest.raises(AirflowFailException, match=r"MLFLOW_TRACKING_PASSWORD holds a secret.*secrets=\{") as caught:
        training.submit()
    assert "sesame" not in str(caught.value)
    assert len(sagemaker.started) == before


def test_an_evidence_root_on_this_machine_is_refused_by_name(task, tmp_path):
    runner = task().runner()
    spec = {"reference": "s3://a/b", "current": "s3://a/c", "evidence_root": str(tmp_path)}
    with pytest.raises(BadInputError, match=rf"the evidence root {tmp_path} lies on this machine, which a SageMaker"):
        runner.submit("drift", spec, environment={})


class Deferred:
    """An operator that waits in the triggerer, as Airflow runs it."""

    def __init__(self, check: SageMakerTask) -> None:
        self.check = check
        self.operator = DataValidationOperator(
            task_id="t",
            dataset=check.keys["dataset"],
            suite=check.keys["suite"],
            runner=check.runner(),
            deferrable=True,
            evidence_root=check.evidence_root,
            aws_conn_id=CONNECTION,
        )
        with pytest.raises(TaskDeferred) as deferred:
            self.operator.execute(check.context)
        self.name = deferred.value.kwargs["name"]
        path, self.arguments = deferred.value.trigger.serialize()
        assert path == f"{ProcessingTrigger.__module__}.{ProcessingTrigger.__qualname__}"

    def event(self, **arguments):
        async def first():
            return await anext(ProcessingTrigger(**{**self.arguments, **arguments}).run())

        return asyncio.run(first()).payload

    def resume(self, event):
        operator = DataValidationOperator(
            task_id="t",
            dataset="-",
            suite="-",
            runner=self.check.runner(),
            evidence_root=self.check.evidence_root,
            aws_conn_id=CONNECTION,
        )
        return Outcome.from_json(operator.execute_complete(self.check.context, event=event, name=self.name))


def test_a_deferred_task_waits_in_the_triggerer_and_goes_on_with_the_outcome(sagemaker, quick):
    deferred = Deferred(quick())
    assert "secret" not in str(deferred.arguments)
    event = deferred.event()
    assert event == {"reason": "ended", "since": None}
    assert deferred.resume(event).verdict.status == "pass"
    assert sagemaker.started.count(deferred.name) == 1


def test_a_deferred_task_that_somebody_marks_takes_its_job_along(client, task):
    handle = task().submit()
    assert "at the gate" in handle.logs()
    asyncio.run(ProcessingTrigger(job_name=handle.name, aws_conn_id=CONNECTION).on_kill())
    assert ended(client, handle) == "Stopped"
    assert processes_of(handle.name) == []


def test_a_deferred_task_whose_time_runs_out_is_told_so(task):
    handle = task().submit()

    async def first():
        return await anext(ProcessingTrigger(job_name=handle.name, aws_conn_id=CONNECTION, deadline=0.0).run())

    assert asyncio.run(first()).payload["reason"] == "deadline"
    handle.cancel()
    release(handle)
