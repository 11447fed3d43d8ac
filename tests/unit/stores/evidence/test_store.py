"""Evidence is created once, verified when read, and never half there; the same laws on disk and on S3."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from airflow_mlops_provider.exceptions import AlreadyExistsError, BackendError, BadInputError, IntegrityError
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Status, Verdict
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.specs import local_path


@pytest.fixture(scope="module")
def s3():
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{server._server.server_port}"
    server.stop()


@pytest.fixture(params=["disk", "s3"])
def store(request, tmp_path, monkeypatch):
    if request.param == "disk":
        return EvidenceStore(str(tmp_path / "mlops"))
    import s3fs

    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": request.getfixturevalue("s3"),
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"b{abs(hash(request.node.name))}"
    s3fs.S3FileSystem(skip_instance_cache=True).mkdir(bucket)
    return EvidenceStore(f"s3://{bucket}/mlops")


def test_what_was_written_is_read_and_listed(store):
    first = store.write("drift", {"a": 1})
    second = store.write("drift", {"a": 2})
    assert store.read(first) == {"a": 1}
    assert store.uris("drift") == [first, second]
    assert store.kinds() == ["drift"]
    assert store.uris("bias") == []


def test_one_of_many_writers_commits_a_record(store):
    def attempt(writer: int) -> bool:
        try:
            store.append("decisions/wage", 1, {"writer": writer})
        except AlreadyExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        wins = list(pool.map(attempt, range(8)))
    assert sum(wins) == 1
    [(_, body)] = store.chain("decisions/wage")
    assert json.loads(body) == {"writer": wins.index(True)}


def test_a_chain_is_read_in_order_of_number(store):
    for number in (2, 10, 1):
        store.append("decisions/wage", number, {"n": number})
    assert [json.loads(body)["n"] for _, body in store.chain("decisions/wage")] == [1, 2, 10]


def test_the_first_claim_stands(store):
    assert store.claimed("batch") is None
    assert store.claim("batch", {"by": "a"}) == {"by": "a"}
    assert store.claim("batch", {"by": "b"}) == {"by": "a"}
    assert store.claimed("batch") == {"by": "a"}


def test_an_attachment_is_read_back(store):
    assert store.read_bytes(store.attach("drift/attachments/x.html", b"<p>")) == b"<p>"


def test_an_edited_report_is_refused_by_name(tmp_path):
    store = EvidenceStore(str(tmp_path))
    uri = store.attach_hashed("drift/attachments/report.html", b"<p>")
    assert store.read_bytes(uri) == b"<p>"
    local_path(uri).write_text("<b>")
    with pytest.raises(IntegrityError, match=r"report-.*\.html was changed"):
        store.read_bytes(uri)


def test_missing_evidence_is_named(store):
    uri = store.write("drift", {})
    gone = uri.replace("drift/", "bias/")
    with pytest.raises(BadInputError, match=r"bias/.* does not exist"):
        store.read(gone)


def test_evidence_outside_the_root_is_refused(store):
    with pytest.raises(BadInputError, match="does not lie under"):
        store.read("file:///etc/passwd")


def test_an_edited_file_is_refused_by_name(tmp_path):
    store = EvidenceStore(str(tmp_path))
    uri = store.write("drift", {"verdict": "fail"})
    local_path(uri).write_text('{"verdict":"pass"}')
    with pytest.raises(IntegrityError, match=r"drift/.*was changed"):
        store.read(uri)


def test_a_renamed_file_without_its_hash_is_refused(tmp_path):
    store = EvidenceStore(str(tmp_path))
    path = local_path(store.write("drift", {}))
    moved = path.rename(path.with_name("mine.json"))
    with pytest.raises(IntegrityError, match="no SHA-256"):
        store.read(moved.as_uri())


def test_a_root_that_cannot_be_written_is_a_failed_backend(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendError, match="cannot be written"):
        EvidenceStore(str(tmp_path / "file")).write("drift", {})


def test_a_root_without_exclusive_create_is_refused_by_name():
    with pytest.raises(BadInputError, match="ftp://"):
        EvidenceStore("ftp://host/x")


def test_nothing_half_written_is_left_behind(tmp_path):
    store = EvidenceStore(str(tmp_path))
    with pytest.raises(BadInputError):
        store.write("drift", {"a": float("nan")})
    assert not list(Path(tmp_path).rglob("*"))


def finding(status="fail"):
    return {"subject": "it", "measure": "number", "observed": 1.0, "limit": None, "p_value": None, "status": status}


@pytest.mark.parametrize(
    "verdict",
    [
        {"status": "pass", "summary": "fine", "findings": [finding()]},
        {"status": "pass", "summary": "fine", "findings": []},
        {"status": "pass", "summary": "fine", "findings": [{**finding("pass"), "observed": None}]},
    ],
)
def test_a_verdict_milder_than_its_findings_is_not_written(store, verdict):
    with pytest.raises(BadInputError, match=r"verdict of the evidence.*(milder|a pass needs)"):
        store.write("drift", {"kind": "drift", "verdict": verdict})
    assert store.uris("drift") == []


def test_what_is_larger_than_asked_for_is_not_read(store):
    uri = store.attach_hashed("drift/attachments/report.html", b"0123456789")
    assert store.read_bytes(uri, at_most=10) == b"0123456789"
    with pytest.raises(BadInputError, match="has 10 bytes; at most 9 are read"):
        store.read_bytes(uri, at_most=9)


def test_withdrawn_evidence_is_gone_with_its_entry_and_attachments_and_other_evidence_stays(store):
    def written(name):
        attachment = store.attach_hashed(f"drift/attachments/20260101T000000.000000Z-{name}.html", b"<html>")
        evidence = Evidence(
            kind=Kind.DRIFT,
            created_at="2026-01-01T00:00:00+00:00",
            verdict=Verdict(status=Status.INSUFFICIENT_EVIDENCE, summary=name, findings=()),
            attachments={"page.html": attachment},
        )
        return store.write("drift", evidence), attachment

    kept, page = written("kept")
    gone, its_page = written("gone")
    store.withdraw(gone)
    assert [store.holds(uri) for uri in (gone, its_page, kept, page)] == [False, False, True, True]
    assert [entry.evidence for entry in store.index.entries()] == store.names("drift")


def test_marks_in_a_folder_of_their_own_are_no_claims(store):
    assert store.claim("a", {"run": 1}, folder="marks") == {"run": 1}
    assert store.claim("a", {"run": 2}, folder="marks") == {"run": 1}
    assert (store.claimed("a"), store.claimed("a", folder="marks")) == (None, {"run": 1})
