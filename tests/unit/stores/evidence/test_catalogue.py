from __future__ import annotations

import pytest

from airflow_mlops_provider.records.evidence_name import name_of, stem_of
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.catalogue import STEM
from airflow_mlops_provider.stores.evidence.index import short
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from tests.unit.stores.evidence.test_index import evidence


def test_the_catalogue_tells_by_folder_what_the_index_tells_by_entry(new_root):
    store = EvidenceStore(new_root())
    uris = [store.write("drift", evidence(data=("reference", str(number)))) for number in range(3)]
    store.write("bias", evidence(Kind.BIAS, model="rent"))
    found = store.catalogue()
    [drift] = [folder for folder in found.folders if folder.first.kind is Kind.DRIFT]
    assert [name[:STEM] for name in drift.names] == [stem_of(uri) for uri in uris]
    assert drift.fingerprints == {short(f"sha256:{name}") for name in ("reference", "0", "1", "2")}
    assert (found.lacking, found.loose) == ((), ())
    assert list(found.newest(1)) == [name_of(uris[-1]), *store.names("bias")]


def test_evidence_without_an_entry_or_with_two_lacks_one_and_an_entry_without_evidence_is_left_out(new_root):
    store = EvidenceStore(new_root())
    lost, twice, gone, good = (name_of(store.write("drift", evidence(version=str(number)))) for number in range(4))
    entries = {entry.evidence: entry.place for entry in store.index.entries()}
    store.index.remove([entries[lost]])
    data = store.read_bytes(store.uri_of(entries[twice]))
    store.attach(entries[twice].replace(".pass.", ".fail."), data)
    store._files.remove(gone)
    found = store.catalogue()
    assert set(found.lacking) == {lost, twice}
    assert [stem_of(name)[:STEM] for folder in found.folders for name in folder.names] == [stem_of(good)]


def test_what_is_no_entry_tells_nothing(tmp_path):
    store = EvidenceStore(str(tmp_path))
    name = name_of(store.write("drift", evidence()))
    [place] = store.index.places()
    folder = place.rpartition("/")[0]
    for junk in (
        "junk.json",
        f"{stem_of(name)}.unheard_of.1...json",
        f"20261399T000000.000000Z-{'0' * 64}.pass.1...json",
    ):
        store.attach(f"{folder}/{junk}", b"{")
    store.attach(f"index/{place.rpartition('/')[2]}", b"{")
    found = store.catalogue()
    assert [len(each.names) for each in found.folders] == [1]
    assert not found.lacking


@pytest.mark.parametrize("change", ["comes", "goes", "entry goes"])
def test_as_long_as_no_name_comes_or_goes_the_catalogue_is_the_same(new_root, change):
    store = EvidenceStore(new_root())
    for status in (Status.PASS, Status.FAIL):
        store.write("drift", evidence(status=status))
    before = store.catalogue()
    assert store.catalogue() is before
    if change == "comes":
        store.write("drift", evidence(status=Status.NOTICE))
    elif change == "goes":
        store.remove(store.names("drift")[:1])
    else:
        store.index.remove(store.index.places()[:1])
    after = store.catalogue()
    counted = sum(len(folder.names) for folder in after.folders)
    assert (len(after.names[Kind.DRIFT]), counted, len(after.lacking)) == {
        "comes": (3, 3, 0),
        "goes": (1, 1, 0),
        "entry goes": (2, 1, 1),
    }[change]
