"""What is kept of the files of a folder, so that they are not opened again."""

from __future__ import annotations

import pyarrow as pa
import pytest

from airflow_mlops_provider.stores.datasets.file_facts import FileFacts, keep_facts, read_facts
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

ONE, OTHER = (pa.schema([("x", kind)]) for kind in (pa.int64(), pa.float64()))


@pytest.fixture
def store(tmp_path):
    return EvidenceStore(str(tmp_path / "mlops"))


def test_facts_are_read_as_they_were_kept(store):
    facts = {
        "a": FileFacts(schema=ONE, rows=3),
        "b": FileFacts(schema=OTHER, rows=0, empty=frozenset({"x"})),
        "c": FileFacts(schema=ONE, rows=5, empty=frozenset()),
    }
    keep_facts(store, "days", facts)
    assert read_facts(store, "days") == facts
    assert read_facts(store, "others") == {}


def test_what_is_known_is_not_written_again_and_what_changed_is(store, tmp_path):
    facts = {"a": FileFacts(schema=ONE, rows=3)}
    keep_facts(store, "days", facts)
    before = sorted(tmp_path.rglob("*"))
    keep_facts(store, "days", facts)
    assert sorted(tmp_path.rglob("*")) == before
    keep_facts(store, "days", {"b": FileFacts(schema=OTHER, rows=4)})
    assert read_facts(store, "days")["b"].rows == 4


def test_many_days_are_kept_in_few_files(store, tmp_path):
    facts = {}
    for day in range(40):
        facts[f"{day:02d}"] = FileFacts(schema=ONE, rows=day)
        keep_facts(store, "days", facts)
    assert read_facts(store, "days") == facts
    newest = sorted(path for path in tmp_path.rglob("*.json"))[-1]
    assert newest.read_text().count(".kept") <= 16


def test_damaged_facts_are_not_known(store, tmp_path):
    keep_facts(store, "days", {"a": FileFacts(schema=ONE, rows=3)})
    for path in tmp_path.rglob("*.kept"):
        path.unlink()
    assert read_facts(store, "days") == {}
