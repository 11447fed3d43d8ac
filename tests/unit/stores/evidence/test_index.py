from __future__ import annotations

import json
import multiprocessing
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.records.codec import canonical_json, sha256
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.evidence_name import evidence_name, name_of
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict
from airflow_mlops_provider.stores.evidence.index import entry_of, facts_of, parse_entry, short
from airflow_mlops_provider.stores.evidence.reindex import main, rebuild_index
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.specs import local_path

WHEN = datetime(2026, 1, 31, tzinfo=UTC)
roots = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
"""A root is made anew for every example."""


def evidence(kind=Kind.DRIFT, status=Status.PASS, *, model="wage", version="1", data=("batch",), **more):
    found = Finding(subject="it", measure="number", observed=1.0, status=status)
    refs = {str(i): DatasetRef(uri=f"{name}.parquet", fingerprint=f"sha256:{name}") for i, name in enumerate(data)}
    return Evidence(
        kind=kind,
        created_at=WHEN.isoformat(),
        verdict=Verdict.of([found], summary="said by a test"),
        model=ModelRef(name=model, version=version, digest=f"sha256:{version}") if model else None,
        inputs=refs,
        **more,
    )


def places(root):
    store = EvidenceStore(root)
    return {place: store.read_bytes(store.uri_of(place)) for place in store.index.places()}


def forget(root):
    index = EvidenceStore(root).index
    index.remove(index.places())


def test_the_newest_checks_of_a_model_are_found_without_reading_them(new_root):
    store = EvidenceStore(new_root())
    for number in range(4):
        store.write("drift", evidence(model="wage" if number % 2 else "rent", origin={"dag_id": "monitor"}))
        store.write("bias", evidence(Kind.BIAS, Status.FAIL))
    written = store.uris("drift")
    found = store.index.newest("wage", Kind.DRIFT, 1)
    assert [store.uri_of(entry.evidence) for entry in found] == written[-1:]
    [entry] = found
    assert (entry.model, entry.version, entry.status, entry.dag_id) == ("wage", "1", Status.PASS, "monitor")
    assert entry.data == (short("sha256:batch"),)
    assert len(store.index.entries()) == 8
    assert len(store.index.entries(model="wage")) == 6


def test_an_entry_holds_all_that_says_what_the_evidence_is_about(new_root):
    store = EvidenceStore(new_root())
    origin = {"dag_id": "d", "run_id": "r", "task_id": "t", "try_number": "1"}
    uri = store.write("drift", evidence(origin=origin))
    [entry] = store.index.entries()
    facts = store.index.facts(entry)
    assert (facts.evidence, facts.origin, facts.model.name) == (name_of(uri), origin, "wage")


names = st.text(min_size=1, max_size=300).filter(str.strip).filter(lambda text: text.isprintable() and text.isascii())
wide_names = st.one_of(names, st.text("~%.=/ -_né漢🦆", min_size=1, max_size=80).filter(str.strip))


@given(
    model=st.none() | wide_names,
    version=st.none() | wide_names,
    dag_id=st.none() | wide_names,
    data=st.lists(names, max_size=6, unique=True),
    kind=st.sampled_from(Kind),
    status=st.sampled_from(Status),
)
def test_a_name_of_an_entry_tells_the_facts_or_says_that_they_are_inside(model, version, dag_id, data, kind, status):
    made = evidence(kind, status, model=model, version=version, data=data, origin={"dag_id": dag_id} if dag_id else {})
    facts = facts_of(evidence_name(kind, WHEN, sha256(b"")), made)
    told, parsed = entry_of(facts), parse_entry(entry_of(facts).place)
    assert all(len(part.encode()) <= 235 or "model." in part or "dag." in part for part in told.place.split("/"))
    assert max(len(part) for part in told.place.split("/")) <= 255
    if "~" not in told.place:
        assert parsed == told
    assert (parsed.evidence, parsed.kind, parsed.status) == (told.evidence, kind, status)


@pytest.mark.parametrize("name", ["n" * 250, "漢" * 60])
def test_a_name_too_long_for_a_file_is_still_told_in_full(new_root, name):
    store = EvidenceStore(new_root())
    store.write("drift", evidence(model=name, data=list("abcdef"), origin={"dag_id": name}))
    [entry] = store.index.entries(model=name, kind=Kind.DRIFT)
    assert (entry.model, entry.dag_id, len(entry.data)) == (name, name, 6)


class Killed(BaseException):
    """Stands for a process that ends here: nothing after it runs, no handler catches it."""


class Dying:
    """Files whose process ends after a number of steps."""

    def __init__(self, files, steps):
        self._files, self._steps = files, steps

    def __getattr__(self, name):
        return getattr(self._files, name)

    def create(self, name, data):
        if not self._steps:
            raise Killed
        self._steps -= 1
        return self._files.create(name, data)


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["write", "write", "write", "killed before", "killed between", "purge", "forget some", "rebuild"]
        ),
        st.sampled_from([Kind.DRIFT, Kind.EVALUATION]),
        st.sampled_from(["wage", "rent", None]),
        st.integers(0, 10**6),
    ),
    max_size=14,
)


def take(root, step, kind, model, seed):
    store, choose = EvidenceStore(root), random.Random(seed)
    if step in ("write", "killed before", "killed between"):
        dies_after = {"write": 99, "killed before": 0, "killed between": 1}[step]
        store._files = Dying(store._files, dies_after)
        try:
            store.write(kind, evidence(kind, choose.choice(list(Status)[:2]), model=model, version=str(seed % 3)))
        except Killed:
            return
    elif step == "purge":
        store.remove([name for name in sorted(store.evidence_names()) if choose.random() < 0.3])
    elif step == "forget some":
        store.index.remove([place for place in store.index.places() if choose.random() < 0.5])
    else:
        rebuild_index(root)


@roots
@given(steps=steps)
def test_whatever_happened_a_rebuilt_index_is_the_one_that_was_kept(new_root, steps):
    root = new_root()
    for step in steps:
        take(root, *step)
    kept = places(root)
    rebuild_index(root)
    whole = places(root)
    forgotten = any(step[0] in ("killed between", "forget some") for step in steps)
    assert kept == whole or (forgotten and kept.items() <= whole.items())
    forget(root)
    rebuild_index(root)
    assert places(root) == whole
    store = EvidenceStore(root)
    assert {entry.evidence for entry in store.index.entries()} == store.evidence_names()


def _write_many(root, model, count):
    store = EvidenceStore(root)
    for number in range(count):
        store.write("drift", evidence(model=model, version=str(number)))


def _write_until_killed(root, written):
    store = EvidenceStore(root)
    while True:
        store.write("drift", evidence(model="killed"))
        written.set()


def test_processes_that_write_at_once_are_all_in_the_index_and_a_killed_one_loses_nothing(new_root):
    root, context = new_root(), multiprocessing.get_context("spawn")
    written = context.Event()
    writers = [context.Process(target=_write_many, args=(root, model, 5)) for model in ("wage", "rent")]
    doomed = context.Process(target=_write_until_killed, args=(root, written))
    for process in (*writers, doomed):
        process.start()
    for process in writers:
        process.join()
    assert written.wait(60)
    doomed.kill()
    doomed.join()
    store = EvidenceStore(root)
    assert [len(store.index.entries(model=model)) for model in ("wage", "rent")] == [5, 5]
    rebuild_index(root)
    assert {entry.evidence for entry in store.index.entries()} == store.evidence_names()


def test_a_forged_entry_is_replaced_by_what_the_evidence_says(new_root):
    root = new_root()
    store = EvidenceStore(root)
    store.write("drift", evidence(status=Status.FAIL))
    [place] = store.index.places()
    good = places(root)
    data = store.read_bytes(store.uri_of(place))
    store.index.remove([place])
    store.attach(place, data.replace(b"fail", b"pass"))
    store.attach(place.replace(".fail.", ".pass."), data)
    made = rebuild_index(root)
    assert places(root) == good
    assert (made.entries, made.added, made.removed) == (1, 1, 1)


def test_evidence_stands_even_when_its_entry_cannot_be_written(tmp_path, caplog):
    root = tmp_path / "mlops"
    root.mkdir()
    (root / "index").write_text("not a folder")
    store = EvidenceStore(str(root))
    uri = store.write("drift", evidence())
    assert store.read(uri)["kind"] == "drift"
    assert "not in the index" in caplog.text
    with pytest.raises(BackendError):
        rebuild_index(str(root))


def test_evidence_that_cannot_be_read_is_named_and_the_rest_is_entered(tmp_path, capsys):
    store = EvidenceStore(str(tmp_path))
    bad, good = store.write("drift", evidence()), store.write("drift", evidence(version="2"))
    local_path(bad).write_text("{}")
    assert main([str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert told.out == "1 entries: 0 added, 1 removed\n"
    assert bad in told.err
    assert [entry.evidence for entry in store.index.entries()] == [name_of(good)]


def test_the_index_of_a_root_that_is_none_is_empty(tmp_path):
    assert rebuild_index(str(tmp_path / "nothing")).entries == 0
    assert main(["ftp://host/x"]) == 2


def test_what_is_no_record_of_ours_is_not_entered(tmp_path):
    store = EvidenceStore(str(tmp_path))
    store.write("drift", {"a": 1})
    assert not store.index.places()


def test_an_entry_is_plain_json_of_the_facts(tmp_path):
    store = EvidenceStore(str(tmp_path))
    uri = store.write("drift", evidence())
    [place] = store.index.places()
    data = store.read_bytes(store.uri_of(place))
    assert json.loads(data)["evidence"] == name_of(uri)
    assert canonical_json(facts_of(name_of(uri), evidence())) == data
    assert WHEN + timedelta(0) == datetime.fromisoformat(json.loads(data)["created_at"])
