"""The laws of evidence on Google Cloud Storage and on Azure: the same tests as on disk and on S3."""

from __future__ import annotations

import multiprocessing
import uuid
from collections.abc import Callable, Iterator

import fsspec
import pytest

from airflow_mlops_provider.exceptions import AlreadyExistsError, BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.stores.evidence.reindex import rebuild_index
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence
from tests.services.conftest import programs_from_debian
from tests.services.object_stores import running_azure, running_gcs
from tests.unit.stores.evidence.test_store import (  # noqa: F401  # pytest runs them here too, on this module's stores
    test_a_chain_is_read_in_order_of_number,
    test_an_attachment_is_read_back,
    test_evidence_outside_the_root_is_refused,
    test_marks_in_a_folder_of_their_own_are_no_claims,
    test_missing_evidence_is_named,
    test_one_of_many_writers_commits_a_record,
    test_the_first_claim_stands,
    test_what_is_larger_than_asked_for_is_not_read,
    test_what_was_written_is_read_and_listed,
    test_withdrawn_evidence_is_gone_with_its_entry_and_attachments_and_other_evidence_stays,
)

SERVERS = {"gs": running_gcs, "abfs": running_azure}
processes = multiprocessing.get_context("spawn")


@pytest.fixture(scope="module", params=list(SERVERS))
def scheme(request: pytest.FixtureRequest) -> Iterator[str]:
    with programs_from_debian(), SERVERS[request.param]() as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        from fsspec.config import conf, set_conf_env

        before = dict(conf)
        set_conf_env(conf)  # read once, when fsspec was imported
        fsspec.filesystem(request.param).clear_instance_cache()
        yield request.param
        conf.clear()
        conf.update(before)


@pytest.fixture
def new_root(scheme: str) -> Callable[[], str]:
    bucket = f"b{uuid.uuid4().hex}"
    fsspec.filesystem(scheme).mkdir(bucket)
    return lambda: f"{scheme}://{bucket}/{uuid.uuid4().hex}"


@pytest.fixture
def store(new_root: Callable[[], str]) -> EvidenceStore:
    return EvidenceStore(new_root())


def commit(root: str, writer: int) -> int:
    try:
        EvidenceStore(root).append("decisions/wage", 1, {"writer": writer})
    except AlreadyExistsError:
        return 0
    return 1


def test_one_of_many_processes_commits_a_record(new_root):
    root = new_root()
    with processes.Pool(4) as pool:
        assert sum(pool.starmap(commit, [(root, writer) for writer in range(8)])) == 1
    assert len(EvidenceStore(root).chain("decisions/wage")) == 1


def test_what_is_not_there_and_what_was_removed_is_said(store):
    uri = store.write("drift", {"a": 1})
    store.remove([store.name_of(uri)])
    store.remove([store.name_of(uri)])  # what is gone already is none of its business
    with pytest.raises(BadInputError, match="does not exist"):
        store.read(uri)
    assert (store.uris("drift"), store.kinds(), store.holds(uri)) == ([], [], False)


def test_marks_and_times_of_files_are_told(store):
    store.append("decisions/wage", 1, {"a": 1})
    (stamp,) = store.chain_stamps("decisions/wage").values()
    assert "None" not in stamp
    (written,) = store.times("decisions").values()
    assert written.tzinfo is not None


def test_a_job_keeps_its_evidence_there_and_its_index_is_made_again(new_root, tmp_path):
    root, data = new_root(), tmp_path / "rows.csv"
    data.write_text("hours\n40\n38\n")
    rule = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "hours", "min_value": 0}}
    spec = {"dataset": str(data), "suite": {"name": "s", "expectations": [rule]}, "evidence_root": root}
    outcome = run("validate", spec)
    assert read_evidence(outcome.evidence_uri).verdict == outcome.verdict
    assert outcome.evidence_uri.startswith(root)
    assert rebuild_index(root).added == 0
    assert EvidenceStore(root).catalogue() is not None
    checked = run("verify", {"evidence": outcome.evidence_uri, "evidence_root": root})
    assert checked.verdict.status == "pass"
