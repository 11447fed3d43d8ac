"""Each line of a log comes once, however often its stream breaks off."""

from __future__ import annotations

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.runners.pods.log_lines import LogLines


class Streams:
    """A cluster whose log comes in these streams, one after the other."""

    def __init__(self, *streams):
        self.streams = list(streams)
        self.asked = []

    def lines(self, name, *, since_seconds):
        self.asked.append(since_seconds)
        for line in self.streams.pop(0):
            if isinstance(line, Exception):
                raise line
            yield line

    def follow(self, since=None):
        lines = LogLines(cluster=self, name="p", since=since, poll_seconds=0)
        return list(lines.follow(until=lambda: len(self.streams) <= 1))


def test_a_line_that_comes_again_after_a_break_is_left_out():
    streams = Streams(
        [b"2026-01-01T00:00:01.100000000Z one\n", b"2026-01-01T00:00:01.2Z two\n", b""],
        [b"2026-01-01T00:00:01.100000000Z one\n", b"2026-01-01T00:00:01.20Z two\n", b"2026-01-01T00:00:01.21Z three\n"],
    )
    assert streams.follow() == ["one", "two", "three"]
    assert streams.asked[0] is None
    assert streams.asked[1] > 60


def test_lines_that_the_triggerer_has_passed_on_are_left_out():
    streams = Streams([b"2026-01-01T00:00:01.5Z one\n", b"2026-01-01T00:00:02.5Z two\n"])
    assert streams.follow(since="2026-01-01T00:00:02.000000Z") == ["two"]


def test_empty_lines_odd_bytes_and_lines_without_a_time_are_whole():
    streams = Streams([b"2026-01-01T00:00:01Z \n", b"2026-01-01T00:00:02Z \xff  x\r\n", b"no time\n", b""])
    assert streams.follow() == ["", r"\xff  x", "no time"]


def test_a_log_that_cannot_be_read_is_told_once_and_not_at_the_end():
    gone = BackendError("it may not be read")
    assert Streams([gone], [gone], [b"2026-01-01T00:00:01Z one\n"]).follow() == ["it may not be read", "one"]
    assert Streams([gone]).follow() == []
