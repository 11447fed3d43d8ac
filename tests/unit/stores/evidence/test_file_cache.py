from __future__ import annotations

from airflow_mlops_provider.stores.evidence.file_cache import Kept


def test_what_is_kept_is_good_for_its_stamp_only():
    kept = Kept(most=10)
    kept.put("a", "first", 1)
    assert (kept.get("a", "first"), kept.get("a", "second"), kept.get("b", "first")) == (1, None, None)
    kept.put("a", "second", 2)
    assert (kept.get("a", "first"), kept.get("a", "second")) == (None, 2)


def test_all_that_is_kept_weighs_no_more_than_stated_and_what_was_asked_for_lately_stays():
    kept = Kept(most=10)
    for key in ("a", "b"):
        kept.put(key, 0, key, weight=5)
    assert kept.get("a", 0) == "a"
    kept.put("c", 0, "c", weight=5)
    assert [kept.get(key, 0) for key in "abc"] == ["a", None, "c"]
    kept.put("a", 0, "too heavy", weight=11)
    assert [kept.get(key, 0) for key in "abc"] == [None, None, "c"]
    kept.put("d", 0, "d", weight=5)
    assert [kept.get(key, 0) for key in "cd"] == ["c", "d"]


def test_nothing_is_kept_once_it_is_forgotten():
    kept = Kept(most=2)
    kept.put("a", 0, "a", weight=2)
    kept.forget()
    assert kept.get("a", 0) is None
    kept.put("b", 0, "b", weight=2)
    assert kept.get("b", 0) == "b"
