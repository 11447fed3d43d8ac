"""The profile of a block of files as bytes: what is read is what was written, and blocks add up."""

from __future__ import annotations

import numpy as np
import pytest

from airflow_mlops_provider.analysis.drift.profile_block import (
    ProfileBlock,
    decode_block,
    encode_block,
    merge_blocks,
)
from airflow_mlops_provider.analysis.drift.scan import edges_of, profile_rows
from airflow_mlops_provider.exceptions import BadInputError
from tests.builders.rows import Rows


def rows(seed, count=300):
    rng = np.random.default_rng(seed)
    return Rows.of(x=np.append(rng.normal(size=count), np.nan), code=[*range(count), 1], kind=["ä", "b"] * 150 + [None])


def block(seed, edges=None, **keys):
    profiles = profile_rows(rows(seed, **keys), ["x", "code", "kind"], edges)
    return ProfileBlock(files=(f"file {seed}",), profiles=profiles)


def said(found):
    return [
        repr({name: getattr(profile, name) for name in profile.__slots__ if name not in ("edges", "below")})
        for profile in found.profiles.values()
    ], [getattr(profile, "below", np.zeros(0)).tolist() for profile in found.profiles.values()]


def test_a_block_is_read_as_it_was_written():
    written = block(1)
    read = decode_block(encode_block(written), edges_of(written.profiles), name="b")
    assert read.files == written.files
    assert said(read) == said(written)


def test_a_column_without_values_keeps_its_unknown_extremes():
    profiles = profile_rows(Rows.of(x=np.array([np.nan, np.nan])), ["x"])
    read = decode_block(encode_block(ProfileBlock(files=(), profiles=profiles)), edges_of(profiles), name="b")
    assert np.isnan(read.profiles["x"].minimum)


def test_blocks_add_up():
    first = block(1)
    second = block(2, edges_of(first.profiles))
    merged = merge_blocks([first, second])
    assert merged.files == ("file 1", "file 2")
    assert merged.profiles["x"].below.tolist() == (first.profiles["x"].below + second.profiles["x"].below).tolist()
    assert merged.profiles["kind"].counts == {"ä": 300, "b": 300}


def test_a_block_takes_a_small_part_of_what_the_edges_do():
    written = block(1)
    assert len(encode_block(written)) < edges_of(written.profiles)["x"].nbytes


@pytest.mark.parametrize("damage", [lambda data: data[:100], lambda data: b"no " + data])
def test_damaged_blocks_and_those_of_other_cells_are_refused(damage):
    written = block(1)
    edges = edges_of(written.profiles)
    with pytest.raises(BadInputError, match="block of profiles"):
        decode_block(damage(encode_block(written)), edges, name="kept")
    with pytest.raises(BadInputError, match="other cells"):
        decode_block(encode_block(written), edges | {"x": edges["x"][:-1]}, name="kept")
