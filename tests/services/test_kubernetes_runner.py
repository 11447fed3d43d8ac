"""Jobs in pods of a real API server: lines, Secrets, their end, and what people meet, in one sentence each."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from contextlib import aclosing
from pathlib import Path

import pandas as pd
import pytest

from airflow_mlops_provider.airflow_versions import AirflowFailException
from airflow_mlops_provider.exceptions import BackendError, JobCancelledError, JobFaultError
from airflow_mlops_provider.runners.runner import State
from airflow_mlops_provider.tasks.run import collect_for_task, release
from airflow_mlops_provider.triggers.kubernetes import PodTrigger
from tests.services.cluster.servers import NODE, Cluster, wait_until
from tests.services.pod_task import PodTask

pytestmark = pytest.mark.timeout(1500)  # the first one may wait until Kubernetes is built


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> str:
    return cluster.make_namespace()


@pytest.fixture
def task(cluster, namespace, tmp_path):
    """A function that makes a training that waits at its gate; MLflow lies beside its evidence."""

    def make(**given):
        where = {"kubeconfig": cluster.kubeconfig, "namespace": namespace, **given}
        folder = tmp_path / f"task-{len(list(tmp_path.iterdir()))}"
        return PodTask(folder=folder, tracking_uri=f"sqlite:///{tmp_path}/m.db", **where)

    return make


@pytest.fixture
def quick(task, tmp_path):
    """A function that makes a check that ends by itself within seconds."""
    rows = tmp_path / "rows.csv"
    pd.DataFrame({"hours": [40, 38]}).to_csv(rows, index=False)
    rule = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "hours", "min_value": 0}}
    keys = {"dataset": str(rows), "suite": {"name": "s", "expectations": [rule]}}

    def make(**given):
        return task(**{"job": "validate", "keys": keys, **given})

    return make


def pods_of(cluster, handle):
    return [pod for pod in cluster.core.list_pod_for_all_namespaces().items if pod.metadata.name == handle.name]


def secrets_of(cluster, handle, namespace):
    return [each for each in cluster.core.list_namespaced_secret(namespace).items if handle.name in each.metadata.name]


def error_of(task):
    handle = task.submit()
    with pytest.raises((BackendError, AirflowFailException, JobFaultError)) as caught:
        task.collect(handle)
    release(handle)
    return caught.value


def process_of(cluster, handle):
    return next(each["process"] for each in cluster.events() if each["pod"] == handle.name)


def test_lines_of_a_long_job_arrive_while_it_runs_and_its_secret_goes_with_its_pod(cluster, namespace, task):
    training = task()
    handle = training.submit()
    lines = handle.logs()
    assert "at the gate" in lines  # it waits there, so the line cannot have come at the end
    assert handle.state() is State.RUNNING
    (secret,) = secrets_of(cluster, handle, namespace)
    assert set(secret.data) == {"MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_PASSWORD"}
    training.gate.touch()
    rest = list(lines)
    assert not any('"verdict"' in line for line in rest)
    assert handle.collect().kind == "training"
    assert "secret" not in str(pods_of(cluster, handle)[0].spec.containers[0].env)
    handle.release()
    wait_until(lambda: not pods_of(cluster, handle), "the end of the pod")
    wait_until(lambda: not secrets_of(cluster, handle, namespace), "the end of the secret")


def test_cancel_kills_the_process_and_all_that_it_started(cluster, task):
    handle = task().submit()
    assert "at the gate" in handle.logs()
    process = process_of(cluster, handle)
    handle.cancel()
    with pytest.raises(JobCancelledError):
        handle.collect()
    wait_until(lambda: not Path(f"/proc/{process}").exists(), "the end of the process")
    wait_until(lambda: not pods_of(cluster, handle), "the end of the pod")


def test_bad_input_is_the_jobs_own_sentence_and_is_not_retried(quick):
    missing = quick()
    missing.keys = {**missing.keys, "dataset": "/nowhere/rows.csv"}
    error = error_of(missing)
    assert isinstance(error, AirflowFailException)
    assert str(error) == "validate: /nowhere/rows.csv: no such file, or no .parquet or .csv file in it"


def test_a_retry_of_a_failed_job_runs_it_again_and_a_kept_pod_is_no_obstacle(cluster, namespace, task):
    training = task(arguments={"keep_failed": True})
    (training.folder / "gated.py").write_text("def build(gate):\n    raise OSError('the network is gone')\n")
    handle = training.submit()
    with pytest.raises(BackendError, match="the network is gone"):
        handle.collect()
    handle.release()
    assert pods_of(cluster, handle)[0].metadata.labels["airflow-mlops-provider/collected"] == "true"
    training.try_number = 2
    again = training.submit()
    with pytest.raises(BackendError, match="the network is gone"):
        again.collect()
    assert again.name == f"{handle.name.removesuffix('1')}2"
    again.release()


def test_a_failure_that_nobody_saw_is_run_again_by_the_retry(cluster, quick):
    check = quick()
    with cluster.holding():
        handle = check.submit()
        wait_until(lambda: pods_of(cluster, handle)[0].spec.node_name, "a node")
        ended = {"exitCode": 137, "reason": "OOMKilled"}
        status = {"name": "mlops", "image": "", "imageID": "", "ready": False, "restartCount": 0}
        body = {"status": {"phase": "Failed", "containerStatuses": [{**status, "state": {"terminated": ended}}]}}
        cluster.core.patch_namespaced_pod_status(handle.name, check.namespace, body)
    check.try_number = 2
    again = check.submit()
    assert again.collect().verdict.status == "pass"
    again.release()


def test_a_cleared_task_runs_anew_and_ends_what_ran_before(cluster, task):
    training = task()
    handle = training.submit()
    lines = handle.logs()
    assert "at the gate" in lines
    lines.close()  # its worker is gone
    training.try_number, training.max_tries = 2, 5
    cleared = training.submit()
    assert cleared.name != handle.name
    assert not pods_of(cluster, handle)
    training.gate.touch()
    cleared.collect()
    cleared.release()
    assert len(training.outcomes) == 1


def test_spec_evidence_and_outcome_travel_by_s3(cluster, quick, bucket, aws):
    check = quick(arguments={"env": aws, "mounted": [os.sep]})
    root = f"{bucket}/mlops"
    from airflow_mlops_provider.records.requests import request_type
    from airflow_mlops_provider.tasks.run import submit_for_task

    request = request_type("validate").from_spec(check.keys)
    handle = submit_for_task(request, context=check.context, runner=check.runner(), evidence_root=root, environment={})
    assert collect_for_task(handle, "validate", evidence_root=root).evidence_uri.startswith(f"{root}/validation/")
    release(handle)


def test_a_template_variables_and_a_secret_of_the_users_reach_the_job(cluster, namespace, quick):
    cluster.core.create_namespaced_secret(namespace, {"metadata": {"name": "mine"}, "stringData": {"FROM_SECRET": "s"}})
    template = {
        "metadata": {"labels": {"team": "ml"}},
        "spec": {"containers": [{"name": "any", "env": [{"name": "T", "value": "t"}]}]},
    }
    handle = quick(
        arguments={
            "pod_template": template,
            "env": {"GIVEN": "g", "KEY": {"secretKeyRef": {"name": "mine", "key": "FROM_SECRET"}}},
            "env_from": [{"secretRef": {"name": "mine"}}],
            "node_selector": {"kubernetes.io/hostname": NODE},
            "tolerations": [{"key": "gpu", "operator": "Exists"}],
            "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}},
            "service_account": "default",
        }
    ).submit()
    handle.collect()
    pod = pods_of(cluster, handle)[0]
    container = pod.spec.containers[0]
    assert (pod.metadata.labels["team"], container.name) == ("ml", "mlops")
    assert {each.name for each in container.env} == {"T", "GIVEN", "KEY"}
    assert container.resources.limits == {"memory": "1Gi"}
    handle.release()


def test_an_eks_cluster_is_reached_with_aws_credentials(cluster, namespace, quick, monkeypatch):
    for name, value in aws_access(cluster).items():
        monkeypatch.setenv(name, value)
    handle = quick(arguments=EKS).submit()
    assert handle.collect().verdict.status == "pass"
    assert credentials()
    handle.release()
    assert credentials() == set()
    wait_until(lambda: not pods_of(cluster, handle), "the end of the pod")


def deferred(training):
    """The handle of a training that is waited for in the triggerer, and the arguments of its trigger."""
    runner = training.runner()
    handle = training.submit(runner)
    return handle, runner.waiting(handle, deadline=None)[1]


def test_in_the_triggerer_an_eks_cluster_is_reached_with_aws_credentials(cluster, task, monkeypatch):
    for name, value in aws_access(cluster).items():
        monkeypatch.setenv(name, value)
    training = task(arguments=EKS)
    handle, arguments = deferred(training)
    assert "secret" not in str(arguments)
    trigger = PodTrigger(**arguments)
    trigger.poll_interval = 0.5

    async def event():
        async with aclosing(trigger.run()) as events, asyncio.TaskGroup() as group:
            first = group.create_task(anext(events))
            await asyncio.to_thread(wait_until, lambda: trigger.last_log_time, "a look at the log of the job")
            training.gate.touch()
            return (await first).payload

    assert asyncio.run(event())["reason"] == "ended"
    assert credentials() == set()
    assert training.collect(handle).kind == "training"
    release(handle)


def test_a_task_that_somebody_marks_takes_its_pod_of_an_eks_cluster_along(cluster, task, monkeypatch):
    for name, value in aws_access(cluster).items():
        monkeypatch.setenv(name, value)
    handle, arguments = deferred(task(arguments=EKS))
    trigger = PodTrigger(**arguments)
    trigger.poll_interval = 0.5

    async def marked():
        waits = asyncio.ensure_future(anext(trigger.run()))
        await asyncio.to_thread(wait_until, lambda: trigger.last_log_time, "a look at the log of the job")
        waits.cancel()
        await asyncio.wait([waits])
        await trigger.on_kill()  # as Airflow does from 3.3 on, when the wait is over

    asyncio.run(marked())
    wait_until(lambda: not pods_of(cluster, handle), "the end of the pod")
    assert credentials() == set()


def test_an_eks_cluster_that_is_not_there_is_named(cluster, quick, monkeypatch):
    for name, value in aws_access(cluster).items():
        monkeypatch.setenv(name, value)
    error = error_of_submit(quick(arguments={"cluster": "other", "aws_conn_id": None, "region": "eu-central-1"}))
    assert isinstance(error, BackendError)
    assert str(error).startswith("EKS cluster 'other' (connection None): ")
    assert "No cluster found for name: other." in str(error)


EKS = {"cluster": "prod", "aws_conn_id": None, "region": "eu-central-1"}


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))


def credentials():
    """The files with AWS credentials that are left lying."""
    return set(Path(tempfile.gettempdir()).glob("airflow_eks_*"))


def aws_access(cluster):
    return {
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL_EKS": cluster.eks.address,
        # The kubeconfig of EKS asks a Python of this name for tokens.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


# What people meet.


def test_without_permission_the_cluster_says_who_may_not_do_what(cluster, quick):
    error = error_of_submit(quick(kubeconfig=cluster.user("nobody")))
    assert isinstance(error, BackendError)
    assert str(error).startswith(
        "connection 'cluster' may not list pods: pods is forbidden: User \"nobody\" cannot list"
    )


def test_a_namespace_that_is_not_there_is_named(quick):
    error = error_of_submit(quick(namespace="nowhere"))
    assert isinstance(error, AirflowFailException)
    assert str(error) == "validate: connection 'cluster': there is no namespace 'nowhere' in the cluster"


def test_a_server_that_does_not_answer_is_a_failed_backend(cluster, quick, monkeypatch):
    away = json.loads(json.dumps(cluster.kubeconfig))
    away["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    error = error_of_submit(quick(kubeconfig=away))
    assert isinstance(error, BackendError)
    assert str(error).startswith("connection 'cluster': cannot list pods: ")


def test_a_pod_that_no_node_takes_is_given_up_with_the_schedulers_reason(cluster, quick):
    waits = quick(arguments={"node_selector": {"gpu": "yes"}, "startup_timeout": 2})
    error = error_of(waits)
    assert isinstance(error, BackendError)
    assert "it did not start within 2 s: Unschedulable: 0/1 nodes are available: 1 node(s) didn't match" in str(error)


def test_a_secret_that_is_not_there_is_named_when_the_pod_is_given_up(quick):
    waits = quick(arguments={"env_from": [{"secretRef": {"name": "missing"}}], "startup_timeout": 3})
    assert 'did not start within 3 s: CreateContainerConfigError: secrets "missing" not found' in str(error_of(waits))


STATUS = {"name": "mlops", "image": "example/none:1", "imageID": "", "ready": False, "restartCount": 0}


def test_an_image_that_cannot_be_pulled_is_told_at_once(cluster, quick):
    waiting = {"reason": "ErrImagePull", "message": "rpc error: not found"}
    cluster.next_pod_gets({"containerStatuses": [{**STATUS, "state": {"waiting": waiting}}]})
    error = error_of(quick())
    assert isinstance(error, BackendError)
    assert str(error).endswith(": image example/none:1 cannot be pulled: ErrImagePull: rpc error: not found")


def test_a_job_that_ran_out_of_memory_is_told_with_its_limit(cluster, quick):
    ended = {"exitCode": 137, "reason": "OOMKilled"}
    cluster.next_pod_gets({"phase": "Failed", "containerStatuses": [{**STATUS, "state": {"terminated": ended}}]})
    error = error_of(quick(arguments={"resources": {"limits": {"memory": "2Gi"}}}))
    assert isinstance(error, BackendError)
    assert str(error).endswith(": out of memory: it was killed at its limit of 2Gi; give it more memory")


def test_an_evicted_job_is_told_with_the_nodes_reason_and_its_retry_runs(cluster, quick):
    evicted = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    cluster.next_pod_gets(evicted)
    check = quick()
    error = error_of(check)
    assert str(error).endswith(": the cluster ended it: Evicted: The node was low on resource: memory.")
    check.try_number = 2
    again = check.submit()
    assert again.collect().verdict.status == "pass"
    again.release()


def error_of_submit(task):
    with pytest.raises((BackendError, AirflowFailException)) as caught:
        task.submit()
    return caught.value


def test_the_role_of_the_guide_is_all_that_a_runner_needs(cluster, namespace, quick):
    import yaml

    text = (Path(__file__).parents[2] / "docs/how-to/run-elsewhere.md").read_text()
    block = next(part.split("```")[0] for part in text.split("```yaml\n")[1:] if "kind: Role\n" in part)
    role = next(each for each in yaml.safe_load_all(block) if each["kind"] == "Role")
    from kubernetes import client

    rbac = client.RbacAuthorizationV1Api(cluster.core.api_client)
    role["metadata"] = {"name": "guide"}
    rbac.create_namespaced_role(namespace, role)
    subject = {"kind": "User", "name": "runner", "apiGroup": "rbac.authorization.k8s.io"}
    reference = {"kind": "Role", "name": "guide", "apiGroup": "rbac.authorization.k8s.io"}
    rbac.create_namespaced_role_binding(
        namespace, {"metadata": {"name": "guide"}, "roleRef": reference, "subjects": [subject]}
    )
    check = quick(kubeconfig=cluster.user("runner"), arguments={"keep_failed": True})
    handle = check.submit()
    lines = list(handle.logs())
    assert handle.collect().verdict.status == "pass"
    assert not any("cannot" in line or "may not" in line for line in lines)
    handle.release()
    missing = quick(kubeconfig=cluster.user("runner"), arguments={"keep_failed": True})
    missing.keys = {**missing.keys, "dataset": "/nowhere/rows.csv"}
    error_of(missing)  # is labelled, and kept
    assert list(cluster.core.list_namespaced_pod(namespace, label_selector="airflow-mlops-provider/collected").items)
