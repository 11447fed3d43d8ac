"""Blocks that are kept to save reading: the newest generation counts, and of two writers nothing breaks."""

from __future__ import annotations

from airflow_mlops_provider.stores.evidence.kept_blocks import KeptBlocks, to_merge
from airflow_mlops_provider.stores.evidence.store import EvidenceStore


def test_the_newest_generation_counts(tmp_path):
    blocks = KeptBlocks(EvidenceStore(str(tmp_path)), "profiles/x")
    assert blocks.read() == {}
    blocks.write([], [b"one", b"two"])
    first = blocks.read()
    assert sorted(first.values()) == [b"one", b"two"]
    kept = [name for name, data in first.items() if data == b"one"]
    blocks.write(kept, [b"three"])
    assert sorted(blocks.read().values()) == [b"one", b"three"]


def test_the_same_blocks_make_no_new_generation(tmp_path):
    blocks = KeptBlocks(EvidenceStore(str(tmp_path)), "profiles/x")
    blocks.write([], [b"one"])
    before = sorted(tmp_path.rglob("*"))
    blocks.write(blocks.read(), [])
    assert sorted(tmp_path.rglob("*")) == before


def test_an_altered_block_is_left_out(tmp_path):
    blocks = KeptBlocks(EvidenceStore(str(tmp_path)), "profiles/x")
    blocks.write([], [b"one", b"two"])
    path = next(path for path in tmp_path.rglob("*.kept") if path.read_bytes() == b"one")
    path.write_bytes(b"other")
    assert list(blocks.read().values()) == [b"two"]


def test_blocks_of_one_size_are_merged_by_sixteen():
    assert to_merge({f"{i:02d}": 1 for i in range(15)}) == []
    assert [len(group) for group in to_merge({f"{i:02d}": 1 for i in range(40)})] == [16, 16]
    large = {f"{i:02d}": 200 for i in range(20)}
    assert [len(group) for group in to_merge(large)] == [16]
    assert to_merge(dict.fromkeys(large, 256), at_most=256) == []
