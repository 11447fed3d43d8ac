"""The log of judged windows: each is entered once, whoever asks and however often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_mlops_provider.stores.chains.windows import JudgedWindow, WindowLog
from airflow_mlops_provider.stores.evidence.store import EvidenceStore


@pytest.fixture
def log(tmp_path):
    return WindowLog(EvidenceStore(str(tmp_path)), ["reference", "day"])


def window(name, *, unusual=False, label=""):
    return JudgedWindow(fingerprint=name, unusual=unusual, label=label)


def test_the_first_window_has_no_predecessor_and_the_next_one_finds_it(log):
    assert log.enter(window("a", unusual=True)) is None
    assert log.enter(window("b")) == window("a", unusual=True)


def test_a_retry_changes_nothing(log):
    log.enter(window("a", unusual=True))
    log.enter(window("b"))
    for _ in range(3):
        assert log.enter(window("b")).fingerprint == "a"
        assert log.enter(window("a")) is None
    assert log.enter(window("c")).fingerprint == "b"


def test_a_backfill_out_of_order_finds_the_day_before_by_its_label(log):
    for day in ("2026-01-03", "2026-01-01", "2026-01-02"):
        log.enter(window(day, label=day))
    assert log.enter(window("2026-01-03", label="2026-01-03")).label == "2026-01-02"
    assert log.enter(window("2026-01-01", label="2026-01-01")) is None


def test_numbers_as_labels_are_ordered_as_numbers(log):
    for day in ("9", "10", "11"):
        log.enter(window(day, label=day))
    assert log.enter(window("10", label="10")).label == "9"


def test_a_corrected_window_counts_as_it_was_found_last(log):
    log.enter(window("bad", unusual=True, label="2026-03-02"))
    log.enter(window("corrected", label="2026-03-02"))
    assert log.enter(window("next", unusual=True, label="2026-03-03")).fingerprint == "corrected"
    log.enter(window("bad again", unusual=True, label="2026-03-02"))
    assert log.enter(window("next", unusual=True, label="2026-03-03")).fingerprint == "corrected"


def test_streams_do_not_mix(log, tmp_path):
    log.enter(window("a"))
    assert WindowLog(EvidenceStore(str(tmp_path)), ["another", "day"]).enter(window("b")) is None


def test_many_schedulers_at_once_enter_each_window_once(log):
    names = [f"w{i % 5}" for i in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: log.enter(window(name)), names))
    order = {name: log.enter(window(name)) for name in names}
    assert sum(found is None for found in order.values()) == 1
    assert len({found.fingerprint for found in order.values() if found}) == 4


def test_labels_that_tell_no_order_leave_it_to_the_checks(log):
    for day in ("31.12.2025", "02.01.2026", "01.01.2026"):
        log.enter(window(day, label=day))
    assert log.enter(window("02.01.2026", label="02.01.2026")).label == "31.12.2025"
