"""A job in a pod: found again by a retry, its Outcome by its address, its pod removed only when that is safe."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError, JobCancelledError, JobFaultError
from airflow_mlops_provider.jobs import outcomes_of
from airflow_mlops_provider.jobs.exit_message import ExitMessage
from airflow_mlops_provider.jobs.protocol import outcome_line
from airflow_mlops_provider.runners.kubernetes import KubernetesRunner
from airflow_mlops_provider.runners.runner import LastingRunner, State
from airflow_mlops_provider.stores.evidence.job_specs import read_spec
from airflow_mlops_provider.stores.specs import local_path
from tests.unit.runners.pods.pods_api import PodsApi, refused, runner_on, status

ENVIRONMENT = {"MLFLOW_TRACKING_PASSWORD": "secret"}


@pytest.fixture
def api() -> PodsApi:
    return PodsApi()


@pytest.fixture
def spec(tmp_path):
    origin = {"dag_id": "d", "run_id": "r", "try_number": "1", "max_tries": "2"}
    keys = {"reference": str(tmp_path / "a.csv"), "current": str(tmp_path / "b.csv"), "label_column": "y"}
    return {**keys, "evidence_root": str(tmp_path), "run_key": "d/r/t/-1", "origin": origin}


def again(spec, **origin):
    return {**spec, "origin": {**spec["origin"], "try_number": "2", **origin}}


def ends(api, *, code=0, **message):
    """Pods that are read from now on have ended so."""
    said = ExitMessage(status=code, **message).to_bytes(at_most=4096).decode() if message else None
    terminated = {"exitCode": code, "message": said, "reason": "Completed" if code == 0 else "Error"}
    terminated["finishedAt"] = "2026-01-01T00:00:00Z"  # long ago, and its log is read nevertheless
    api.becomes = lambda pod: pod.update(status=status(terminated=terminated))


def leaves(spec, outcome):
    return outcomes_of("drift", spec).leave(outcome)


def submit(api, spec, **arguments):
    return runner_on(api, **arguments).submit("drift", spec, environment=ENVIRONMENT)


def test_the_outcome_is_read_by_its_address_and_the_pod_goes_when_it_is_released(api, spec, outcome):
    handle = submit(api, spec)
    ends(api, outcome_uri=leaves(spec, outcome))
    api.log = [f"2026-01-01T00:00:0{i}.0Z {line}\n".encode() for i, line in enumerate(["one", outcome_line(outcome)])]
    assert list(handle.logs()) == ["one"]
    assert (handle.collect(), handle.state()) == (outcome, State.SUCCEEDED)
    assert list(api.pods) == [handle.name]
    handle.release()
    assert api.deleted == [handle.name]


def test_the_pod_reads_its_spec_in_the_evidence_root_and_its_secrets_in_a_secret_that_it_owns(api, spec):
    handle = submit(api, spec, env={"A": "b"})
    pod = api.pods[handle.name]
    container = pod["spec"]["containers"][0]
    uri = container["args"][3]
    assert read_spec(uri)["current"]["uri"] == spec["current"]
    ((name, secret),) = api.secrets.items()
    assert (secret.string_data, secret.metadata.owner_references[0].uid) == (ENVIRONMENT, pod["metadata"]["uid"])
    assert container["envFrom"] == [{"secretRef": {"name": name}}]
    assert "secret" not in str(container["env"])


def test_a_retry_finds_the_pod_and_makes_the_secret_that_a_dead_worker_did_not(api, spec, outcome):
    first = submit(api, spec)
    (name,) = api.secrets
    api.secrets.clear()
    second = submit(api, again(spec))
    assert (second.name, list(api.secrets), list(api.pods)) == (first.name, [name], [first.name])


def test_a_job_that_ended_while_nobody_looked_is_not_run_again(api, spec, outcome):
    submit(api, spec)
    ends(api, outcome_uri=leaves(spec, outcome))
    handle = submit(api, again(spec))
    assert handle.collect() == outcome
    assert len(api.pods) == 1


@pytest.mark.parametrize("other", [{"max_tries": "5"}, None])
def test_a_cleared_task_and_another_request_of_it_end_the_pod_before(api, spec, other):
    first = submit(api, spec)
    second = submit(api, again(spec, **other) if other else {**spec, "current": "/c.csv"})
    assert (api.deleted, list(api.pods)) == ([first.name], [second.name])


def test_another_process_of_the_same_task_that_came_first_is_joined(api, spec):
    first = submit(api, spec)
    hidden = api.list_namespaced_pod
    answers = iter([[], [], []])  # what it looked at before the first pod was made

    def blind(namespace, *, label_selector):
        found = hidden(namespace, label_selector=label_selector)
        found.items = next(answers, found.items)
        return found

    api.list_namespaced_pod = blind
    assert submit(api, spec).name == first.name


@pytest.mark.parametrize("keep", [True, False])
def test_a_failed_job_raises_its_error_and_its_pod_is_kept_where_that_was_asked(api, spec, keep):
    handle = submit(api, spec, keep_failed=keep)
    ends(api, code=1, error="MLflow is gone")
    with pytest.raises(BackendError, match=r"^job 'drift' in pod jobs/mlops-drift-.*-1: MLflow is gone$"):
        handle.collect()
    handle.release()
    api.becomes = lambda pod: None
    retry = submit(api, again(spec), keep_failed=keep)
    number = 2 if keep else 1
    assert retry.name == f"{handle.name[:-1]}{number}"
    assert len(api.pods) == number


def test_an_outcome_that_cannot_be_read_now_is_read_by_the_retry_and_nothing_runs_again(api, spec, outcome, tmp_path):
    handle = submit(api, spec)
    uri = leaves(spec, outcome)
    ends(api, outcome_uri=uri)
    folder = local_path(uri).parent
    folder.rename(tmp_path / "away")
    folder.write_text("no folder")  # as a store that cannot be reached
    with pytest.raises(BackendError):
        handle.collect()
    handle.release()
    with pytest.raises(BackendError):
        submit(api, again(spec)).collect()
    folder.unlink()
    (tmp_path / "away").rename(folder)
    assert submit(api, again(spec)).collect() == outcome
    assert api.deleted == []


def test_bad_input_that_nobody_saw_is_told_and_not_run_again(api, spec):
    submit(api, spec)
    ends(api, code=2, error="b.csv: no such file")
    handle = submit(api, again(spec))
    with pytest.raises(BadInputError, match=r"^b\.csv: no such file$"):
        handle.collect()


def test_a_failure_that_nobody_saw_is_run_again(api, spec):
    first = submit(api, spec)
    ends(api, code=1, error="MLflow is gone")
    submit(api, again(spec))
    assert api.deleted == [first.name]
    assert len(api.pods) == 1


def test_the_number_of_a_pod_is_above_those_that_are_kept(api, spec):
    for _ in range(3):
        api.becomes = lambda pod: None
        handle = submit(api, spec, keep_failed=True)
        ends(api, code=1, error="it failed")
        with pytest.raises(BackendError):
            handle.collect()
        handle.release()
    del api.pods[f"{handle.name[:-1]}1"]  # somebody has looked at it
    api.becomes = lambda pod: None
    assert submit(api, spec).name.endswith("-4")


def test_a_fault_comes_with_its_traceback(api, spec):
    handle = submit(api, spec)
    ends(api, code=1, error='Traceback (most recent call last):\n  File "x"\nKeyError: 1')
    with pytest.raises(JobFaultError, match="KeyError: 1") as caught:
        handle.collect()
    assert "Traceback" in str(caught.value.__cause__)


def test_a_job_without_a_last_word_whose_outcome_was_written_has_it(api, spec, outcome):
    handle = submit(api, spec)
    leaves(read_spec(api.pods[handle.name]["spec"]["containers"][0]["args"][3]), outcome)
    ends(api, code=137)
    assert handle.collect() == outcome


def test_a_pod_that_is_gone_is_told_and_its_retry_runs(api, spec):
    handle = submit(api, spec)
    api.pods.clear()
    with pytest.raises(BackendError, match="the pod is gone; somebody deleted it"):
        handle.collect()
    handle.release()
    assert api.deleted == []


def test_a_cancelled_job_is_deleted_and_says_so(api, spec):
    handle = submit(api, spec)
    handle.cancel()
    handle.cancel()
    assert (handle.state(), api.deleted) == (State.CANCELLED, [handle.name])
    with pytest.raises(JobCancelledError):
        handle.collect()


def test_a_pod_that_does_not_start_in_time_is_deleted(api, spec):
    handle = submit(api, spec, startup_timeout=0)
    with pytest.raises(BackendError, match="it did not start within 0 s: no node has taken it"):
        handle.collect()
    assert api.deleted == [handle.name]


def test_what_a_pod_waits_for_is_told_once(api, spec):
    handle = submit(api, spec)
    reasons = iter(["ContainerCreating", "ContainerCreating", "CreateContainerConfigError"])

    def becomes(pod):
        reason = next(reasons, None)
        ended = status(terminated={"exitCode": 1})
        pod.update(status=status(waiting={"reason": reason}) if reason else ended)

    api.becomes = becomes
    name = f"pod jobs/{handle.name}"
    assert list(handle.logs()) == [f"{name} waits: ContainerCreating", f"{name} waits: CreateContainerConfigError"]


def test_a_log_that_may_not_be_read_is_a_line_and_no_failure(api, spec, outcome):
    handle = submit(api, spec)
    states = iter(["running"] * 4)
    uri = leaves(spec, outcome)
    last = ExitMessage(status=0, outcome_uri=uri).to_bytes(at_most=4096).decode()

    def becomes(pod):
        done = next(states, None) is None
        pod.update(status=status(terminated={"exitCode": 0, "message": last}) if done else status(running={}))

    api.becomes = becomes
    api.refuses["log"] = refused(403, "pods/log is forbidden")
    (line,) = handle.logs()
    assert line.endswith(f"may not read the log of pod {handle.name}: pods/log is forbidden")
    assert handle.collect() == outcome


def test_a_secret_that_may_not_be_made_is_told_and_leaves_no_pod(api, spec):
    api.refuses["secret"] = refused(403, "secrets is forbidden")
    with pytest.raises(
        BackendError, match=r"^connection 'kubernetes_default' may not make secret .*secrets is forbidden$"
    ):
        submit(api, spec)
    assert api.pods == {}


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (refused(401, "Unauthorized"), BackendError, "the cluster does not know who asks: Unauthorized"),
        (refused(403, "pods is forbidden"), BackendError, "may not make pod .*: pods is forbidden"),
        (refused(403, "exceeded quota: q"), BackendError, "cannot make pod .*: exceeded quota: q"),
        (refused(404, 'namespaces "jobs" not found', "namespaces"), BadInputError, "there is no namespace 'jobs'"),
        (refused(422, "Pod is invalid: spec.x"), BadInputError, "cannot make pod .*: Pod is invalid: spec.x"),
        (refused(500, "etcd is gone"), BackendError, "cannot make pod .*: etcd is gone"),
    ],
)
def test_what_the_cluster_refuses_is_one_sentence(api, spec, error, kind, said):
    api.refuses["create"] = error
    with pytest.raises(kind, match=said) as caught:
        submit(api, spec)
    assert "\n" not in str(caught.value)


def test_a_job_is_found_again_by_its_name_alone(api, spec, outcome):
    handle = submit(api, spec)
    ends(api, outcome_uri=leaves(spec, outcome))
    runner = runner_on(api)
    assert isinstance(runner, LastingRunner)
    assert runner.resume("drift", handle.name).collect() == outcome
    with pytest.raises(BackendError, match="pod jobs/other is gone"):
        runner.resume("drift", "other")


@pytest.mark.parametrize(
    ("template", "said"),
    [("/nowhere.yaml", "No such file"), ([1], "is not a pod"), ({"spec": 1}, "is not a pod")],
)
def test_a_template_that_is_none_is_bad_input(api, spec, template, said):
    with pytest.raises(BadInputError, match=f"'pod_template' .*{said}"):
        submit(api, spec, pod_template=template)


def test_a_template_is_what_all_pods_begin_with(api, spec, tmp_path):
    (tmp_path / "pod.yaml").write_text(
        "metadata: {labels: {team: ml}}\n"
        "spec:\n  priorityClassName: low\n  containers:\n"
        "  - {name: any, env: [{name: T, value: t}]}\n  - {name: proxy, image: p}\n"
    )
    handle = submit(api, spec, pod_template=tmp_path / "pod.yaml", env={"A": "a"})
    pod = api.pods[handle.name]
    first, second = pod["spec"]["containers"]
    assert (first["name"], first["image"], second["name"]) == ("mlops", "image:1", "proxy")
    assert [each["name"] for each in first["env"]] == ["T", "A"]
    assert pod["metadata"]["labels"]["team"] == "ml"
    assert (pod["spec"]["priorityClassName"], pod["spec"]["restartPolicy"]) == ("low", "Never")


def test_what_becomes_of_a_job_when_its_worker_shuts_down_is_keep_or_cancel():
    with pytest.raises(BadInputError, match="'on_kill' is 'delete'; it is 'keep' or 'cancel'"):
        KubernetesRunner(image="i", on_kill="delete")
