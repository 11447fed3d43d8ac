"""What a second request reads: nothing but what changed, and that always."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_mlops_provider.records.decision_record import Effect
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.reindex import rebuild_index
from airflow_mlops_provider.stores.specs import local_path
from airflow_mlops_provider.ui.auth import Reader
from airflow_mlops_provider.ui.board import Board, read_board
from tests.builders.page_samples import decide, model, story, write

_OPENED: list[list[str]] = []
"""Who counts; the interpreter's own events are listened to, so that no read can be missed."""


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if _OPENED and event in ("open", "os.scandir", "os.listdir"):
        _OPENED[-1].append(os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else "")


sys.addaudithook(_listen)


@contextmanager
def opened(root: Path) -> Iterator[list[str]]:
    """Files and folders below ``root`` that are opened, by their names below it."""
    _OPENED.append(found := [])
    yield found
    _OPENED.remove(found)
    found[:] = [name.removeprefix(f"{root}/") for name in found if name.startswith(f"{root}/")]


def rest(root: Path) -> None:
    """As if nothing had come or gone for a long time."""
    for place, _, _ in os.walk(root):
        os.utime(place, ns=(10**18, 10**18))


def statuses(board: Board) -> dict[str, dict[Kind, list[Status]]]:
    return {
        group.name: {check.kind: [entry.status for entry in check.history] for check in group.of_all}
        for group in board.models
    }


@pytest.fixture
def still(root: Path, reader: Reader) -> Path:
    """A root that was read once and did not change."""
    story(root)
    rebuild_index(str(root))
    rest(root)
    read_board(str(root), reader)
    return root


def test_of_a_root_that_did_not_change_nothing_is_read_and_two_folders_are_listed(still: Path, reader: Reader) -> None:
    with opened(still) as again:
        read_board(str(still), reader)
    assert sorted(again) == ["decisions", "undelivered"]


def test_one_new_piece_is_all_that_is_read(still: Path, reader: Reader) -> None:
    uri = write(still, Kind.BIAS, Status.FAIL, "new", model=model("3"))
    with opened(still) as found:
        board = read_board(str(still), reader)
    assert sorted(found) == ["bias", f"bias/{uri.rpartition('/')[2]}", "decisions", "undelivered"]
    assert statuses(board)["wage"][Kind.BIAS][-1] is Status.FAIL


def test_a_new_decision_is_shown(still: Path, reader: Reader) -> None:
    decide(still, Effect.MOVED, "3")
    [wage] = read_board(str(still), reader).models
    assert wage.decisions
    assert wage.decisions.champion == model("3")


def test_what_is_gone_is_not_shown_any_more(still: Path, reader: Reader) -> None:
    before = statuses(read_board(str(still), reader))["wage"][Kind.EVALUATION]
    sorted((still / "evaluation").glob("*.json"))[-1].unlink()
    assert statuses(read_board(str(still), reader))["wage"][Kind.EVALUATION] == before[:-1]


@pytest.mark.parametrize("size", ["same", "other"])
def test_evidence_edited_in_place_is_broken_although_its_folder_did_not_change(
    still: Path, reader: Reader, size: str
) -> None:
    [wage] = read_board(str(still), reader).models
    path = local_path(wage.checks[-1].latest.uri)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b" " if size == "same" else data + b" ")
    rest(still)
    assert [entry.uri for entry in read_board(str(still), reader).broken] == [path.as_uri()]
    path.write_bytes(data)
    assert read_board(str(still), reader).broken == ()


def test_a_record_edited_in_place_is_a_fault_although_its_folder_did_not_change(still: Path, reader: Reader) -> None:
    first = still / "decisions" / "wage" / "00000001.json"
    first.write_bytes(first.read_bytes().replace(b'"reason":""', b'"reason":"x"'))
    rest(still)
    [wage] = read_board(str(still), reader).models
    assert wage.decisions
    assert wage.decisions.faults


def test_what_one_person_may_not_read_is_not_shown_because_another_read_it(still: Path, reader: Reader) -> None:
    class Stranger(Reader):
        def may_read_dag(self, dag_id: str) -> bool:
            return dag_id == "wage_monitor"

    assert len(statuses(read_board(str(still), reader))["wage"]) > 1
    seen = read_board(str(still), Stranger(None))
    assert {kind for group in (*seen.models, *seen.datasets) for kind in (check.kind for check in group.checks)} == {
        Kind.DRIFT
    }
