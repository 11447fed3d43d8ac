"""Profiles as bytes: they come back as they were, add up, and tell nothing about few rows when shared."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.analysis.drift import measure_drift, profile_file
from airflow_mlops_provider.analysis.drift.profile import LevelProfile, NumericProfile
from airflow_mlops_provider.analysis.drift.profile_file import (
    ProfiledDataset,
    decode_profile,
    encode_profile,
    merge_profiles,
    shareable_profile,
)
from airflow_mlops_provider.analysis.drift.scan import edges_of, profile_rows
from airflow_mlops_provider.decisions.drift import DriftPolicy, judge_drift
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.verdict import Status
from tests.builders.rows import Rows


def profiled(rows, edges=None):
    profiles = profile_rows(rows, rows.columns, edges)
    return ProfiledDataset(uri="p", schema=rows.schema, rows=rows.rows, profiles=profiles)


def test_a_profile_of_the_first_format_is_read_without_what_it_does_not_tell(monkeypatch):
    rows = Rows.of(x=[1, 2, 3, float("inf")] * 50)
    monkeypatch.setattr(profile_file, "FORMAT", profile_file._OLDER_FORMATS[0])
    known = ("column", "rows", "missing", "numeric")
    header = profile_file._header
    monkeypatch.setattr(profile_file, "_header", lambda *given: {key: header(*given)[key] for key in known})
    data = encode_profile(profiled(rows))
    monkeypatch.undo()
    found = decode_profile(data, uri="old").profiles["x"]
    assert (found.values, found.infinite, found.rises, found.levels) == (150, 0, 0, None)


def test_a_shared_profile_tells_the_levels_of_codes_alone_and_no_rare_one():
    shared = shareable_profile(profiled(Rows.of(code=[1, 2] * 500 + [7] * 3, year=list(range(1003)))))
    assert (shared.profiles["code"].levels.counts, shared.profiles["code"].levels.withheld) == ({"1": 500, "2": 500}, 3)
    assert shared.profiles["year"].levels is None


def same(a, b):
    for name, left in a.profiles.items():
        right = b.profiles[name]
        if isinstance(left, NumericProfile):
            assert np.array_equal(left.edges, right.edges)
            assert np.array_equal(left.below, right.below)
            assert np.array_equal([left.minimum, left.maximum], [right.minimum, right.maximum], equal_nan=True)
            assert (left.rows, left.missing) == (right.rows, right.missing)
            assert (left.infinite, left.rises, left.levels) == (right.infinite, right.rises, right.levels)
        else:
            assert left == right
    assert (a.rows, a.schema) == (b.rows, b.schema)


@given(
    st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=40).filter(any),
    st.lists(st.none() | st.text(max_size=5), min_size=1, max_size=40).filter(any),
)
def test_a_profile_comes_back_from_its_bytes(numbers, texts):
    n = min(len(numbers), len(texts))
    found = profiled(Rows.of(x=pa.array(numbers[:n], pa.float64()), c=pa.array(texts[:n], pa.string())))
    same(found, decode_profile(encode_profile(found), uri="p"))


def test_parts_add_up_to_the_whole():
    rng = np.random.default_rng(0)
    x, c = rng.normal(size=3000), rng.choice(["a", "b", None], 3000).tolist()
    whole = profiled(Rows.of(x=x, c=c))
    edges = edges_of(whole.profiles)
    parts = [profiled(Rows.of(x=x[i::3], c=c[i::3]), edges) for i in range(3)]
    merged = merge_profiles(parts, uri="p")
    assert merged.rows == 3000
    assert np.array_equal(merged.profiles["x"].below, whole.profiles["x"].below)
    assert merged.profiles["c"].counts == whole.profiles["c"].counts


def test_parts_of_other_columns_are_refused():
    with pytest.raises(BadInputError, match="same columns"):
        merge_profiles([profiled(Rows.of(x=[1.0])), profiled(Rows.of(y=[1.0]))], uri="p")


@pytest.mark.parametrize("damage", [b"", b"PK nothing", lambda data: data[: len(data) // 2]])
def test_damaged_bytes_are_named_and_not_a_profile(damage):
    data = damage(encode_profile(profiled(Rows.of(x=[1.0, 2.0])))) if callable(damage) else damage
    with pytest.raises(BadInputError, match=r"ref\.profile is not a drift profile"):
        decode_profile(data, uri="ref.profile")


def test_a_shared_profile_speaks_of_no_fewer_rows_than_it_promises():
    rng = np.random.default_rng(0)
    x = np.append(rng.normal(size=2000), 1e9)
    c = ["common"] * 1990 + ["rare"] * 9 + ["single", "other single"]
    full = profiled(Rows.of(x=x, c=c))
    shared = shareable_profile(full, min_count=10)
    numbers, levels = shared.profiles["x"], shared.profiles["c"]
    assert isinstance(levels, LevelProfile)
    assert numbers.counts.min() >= 10
    assert np.isnan(numbers.maximum)
    assert numbers.edges.max() < 10
    assert levels.counts == {"common": 1990}
    assert levels.withheld == 11
    assert levels.singles == 2
    assert b"single" not in encode_profile(shared)
    with pytest.raises(ValueError, match="withhold"):
        levels.merge(levels)


def judged(reference, current):
    found = measure_drift(reference, Rows.of(**current))
    verdict = judge_drift(found, DriftPolicy())
    return verdict, {finding.subject: finding.status for finding in reversed(verdict.findings)}


def test_a_shared_profile_keeps_constants_and_flags_of_which_both_values_are_frequent():
    shared = shareable_profile(profiled(Rows.of(const=[0] * 1000, b=[False] * 1000, often=[0, 1, 1, 1] * 250)))
    assert all(shared.profiles[name].is_two_level() for name in shared.columns)
    _, moved = judged(shared, {"const": [1] * 1000, "b": [True] * 1000, "often": [0, 1] * 500})
    assert set(moved.values()) == {Status.FAIL}
    _, same = judged(shared, {"const": [0] * 1000, "b": [False] * 1000, "often": [0, 1, 1, 1] * 250})
    assert set(same.values()) == {Status.PASS}


@pytest.mark.parametrize(
    ("ones", "status"), [(0, Status.PASS), (2, Status.PASS), (100, Status.FAIL), (1000, Status.FAIL)]
)
def test_a_flag_whose_ones_are_too_rare_to_share_is_known_by_its_zeros(ones, status):
    shared = shareable_profile(profiled(Rows.of(flag=[1] * 5 + [0] * 1995)))
    assert shared.profiles["flag"].levels.counts == {"0": 1995}
    assert judged(shared, {"flag": [1] * ones + [0] * (1000 - ones)})[1] == {"flag": status}


def test_fractions_whose_ones_are_too_rare_to_share_are_never_passed():
    shared = shareable_profile(profiled(Rows.of(flag=[0.5] * 5 + [0.25] * 1995)))
    verdict, found = judged(shared, {"flag": [0.5] * 100 + [0.25] * 900})
    assert found == {"flag": Status.INSUFFICIENT_EVIDENCE}
    assert verdict.summary.startswith(
        "0 of 1 columns drifted (undecided: flag, which profiles without rows leave open)"
    )
    assert "KS D lies between 0.00 and 1.00" in verdict.findings[0].detail


def test_a_profile_of_few_cells_leaves_open_what_it_cannot_tell():
    x = np.random.default_rng(0).normal(size=2000)
    shared = shareable_profile(profiled(Rows.of(x=x)), min_count=900)
    verdict, found = judged(shared, {"x": 3 * x})
    assert found == {"x": Status.INSUFFICIENT_EVIDENCE}
    assert "too few cells" in verdict.findings[0].detail
    assert judged(shareable_profile(profiled(Rows.of(x=x))), {"x": x})[1] == {"x": Status.PASS}


def test_levels_that_a_shared_profile_withholds_are_never_passed_for_the_frequent_ones_of_now():
    names = [f"shop {i}" for i in range(500)]
    shared = shareable_profile(profiled(Rows.of(shop=names * 2)))
    assert judged(shared, {"shop": ["other"] * 1000})[1] == {"shop": Status.INSUFFICIENT_EVIDENCE}
    few = shareable_profile(profiled(Rows.of(shop=["a", "b"] * 495 + names[:10])))
    assert judged(few, {"shop": ["a", "b"] * 480 + ["new"] * 40})[1] == {"shop": Status.FAIL}
    assert judged(few, {"shop": ["a", "b"] * 495 + names[:10]})[1] == {"shop": Status.PASS}
