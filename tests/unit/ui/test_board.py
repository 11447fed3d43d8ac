from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.decision_record import Effect
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.reindex import rebuild_index
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.specs import local_path
from airflow_mlops_provider.ui.auth import Reader
from airflow_mlops_provider.ui.board import NEWEST, Board, Subject, locate, read_board
from tests.builders.page_samples import dataset, decide, model, origin, write


def test_an_empty_root_is_an_empty_board(root: Path, reader: Reader) -> None:
    assert read_board(str(root), reader).is_empty


def test_evidence_of_a_model_is_grouped_under_it_in_the_order_of_the_lifecycle(root: Path, reader: Reader) -> None:
    write(root, Kind.BIAS, Status.PASS, "fair", model=model("1"))
    write(root, Kind.TRAINING, Status.PASS, "trained", model=model("1"))
    [wage] = read_board(str(root), reader).models
    assert (wage.subject, wage.name) == (Subject.MODEL, "wage")
    assert [check.kind for check in wage.checks] == [Kind.TRAINING, Kind.BIAS]


def test_the_latest_outcome_is_the_newest_by_name(root: Path, reader: Reader) -> None:
    write(root, Kind.EVALUATION, Status.FAIL, "worse", model=model("2"), hours_ago=1)
    write(root, Kind.EVALUATION, Status.PASS, "better", model=model("1"), hours_ago=5)
    [check] = read_board(str(root), reader).models[0].checks
    assert check.latest.outcome.verdict.status is Status.FAIL
    assert [entry.outcome.verdict.status for entry in check.history] == [Status.PASS, Status.FAIL]


def test_a_check_of_data_belongs_to_the_model_that_was_made_from_that_data(root: Path, reader: Reader) -> None:
    data = dataset("years")
    write(root, Kind.VALIDATION, Status.PASS, "valid", dataset=data, origin=origin("wage_train"))
    write(root, Kind.TRAINING, Status.PASS, "trained", model=model("1"), inputs={"dataset": data})
    board = read_board(str(root), reader)
    assert [check.kind for check in board.models[0].checks] == [Kind.VALIDATION, Kind.TRAINING]
    assert not board.datasets


@pytest.mark.parametrize("has_index", [True, False])
def test_a_refused_batch_belongs_to_the_models_of_its_dag(root: Path, reader: Reader, has_index: bool) -> None:
    data = dataset("years")
    write(root, Kind.VALIDATION, Status.PASS, "valid", hours_ago=2, dataset=data, origin=origin("wage_ingest"))
    write(root, Kind.TRAINING, Status.PASS, "trained", model=model("1"), inputs={"dataset": data})
    write(root, Kind.VALIDATION, Status.FAIL, "refused", dataset=dataset("broken"), origin=origin("wage_ingest"))
    write(root, Kind.VALIDATION, Status.FAIL, "refused", dataset=dataset("other"), origin=origin("orders"))
    if has_index:
        rebuild_index(str(root))
    board = read_board(str(root), reader)
    [wage] = board.models
    assert [(check.kind, check.latest.status) for check in wage.checks] == [
        (Kind.VALIDATION, Status.FAIL),
        (Kind.TRAINING, Status.PASS),
    ]
    assert [group.name for group in board.datasets] == ["orders"]


def test_drift_from_the_champions_training_data_belongs_to_that_model(root: Path, reader: Reader) -> None:
    reference = dataset("reference")
    decide(root, Effect.MOVED, "1", datasets={"training": reference})
    write(root, Kind.DRIFT, Status.FAIL, "drifted", inputs={"reference": reference, "current": dataset("batch")})
    assert [check.kind for check in read_board(str(root), reader).models[0].checks] == [Kind.DRIFT]


def test_a_check_of_unknown_data_is_grouped_by_the_dag_that_made_it_or_else_by_the_data(
    root: Path, reader: Reader
) -> None:
    write(root, Kind.VALIDATION, Status.PASS, "valid", dataset=dataset("a"), origin=origin("orders"))
    write(root, Kind.VALIDATION, Status.PASS, "valid", dataset=dataset("b"))
    groups = [(group.subject, group.name) for group in read_board(str(root), reader).datasets]
    assert groups == [(Subject.DAG, "orders"), (Subject.DATASET, "/data/b.parquet")]


def test_the_version_in_force_is_counted_and_candidates_and_former_versions_stand_apart(
    root: Path, reader: Reader
) -> None:
    first, third = dataset("first"), dataset("third")
    decide(root, Effect.MOVED, "1", hours_ago=9, datasets={"training": first})
    decide(root, Effect.MOVED, "3", hours_ago=5, champion=model("1"), datasets={"training": third})
    batch = dataset("batch")
    write(root, Kind.EVALUATION, Status.PASS, "of 3", hours_ago=6, model=model("3"))
    write(root, Kind.DRIFT, Status.FAIL, "of 1", hours_ago=4, inputs={"reference": first, "current": batch})
    for kind in (Kind.EVALUATION, Kind.PROMOTION, Kind.BIAS):
        write(root, kind, Status.FAIL, "of 4", hours_ago=3, model=model("4"))
    write(root, Kind.PREDICTION, Status.PASS, "of 3", hours_ago=2, model=model("3"), dataset=batch)
    board = read_board(str(root), reader)
    [wage] = board.models
    assert {check.kind for check in wage.checks} == {Kind.EVALUATION, Kind.PREDICTION}
    assert {check.kind for check in wage.others} == {Kind.EVALUATION, Kind.PROMOTION, Kind.BIAS, Kind.DRIFT}
    assert (board.count(Status.FAIL), board.count(Status.PASS)) == (0, 2)
    write(root, Kind.DRIFT, Status.FAIL, "of 3", inputs={"reference": third, "current": batch})
    assert read_board(str(root), reader).count(Status.FAIL) == 1


def test_without_a_champion_every_version_counts(root: Path, reader: Reader) -> None:
    for version in ("1", "2"):
        write(root, Kind.EVALUATION, Status.FAIL, "refused", model=model(version))
    [wage] = read_board(str(root), reader).models
    assert ([check.kind for check in wage.checks], wage.others) == ([Kind.EVALUATION], ())


def test_evidence_of_a_dag_that_the_person_may_not_read_is_left_out(root: Path, reader: Reader) -> None:
    write(root, Kind.TRAINING, Status.FAIL, "hidden", model=model("1"), origin=origin("secret_train"))
    write(root, Kind.EVALUATION, Status.PASS, "shown", model=model("1"), origin=origin("wage_train"))
    board = read_board(str(root), reader)
    assert [check.kind for check in board.models[0].checks] == [Kind.EVALUATION]
    assert board.count(Status.FAIL) == 0


def test_a_model_of_which_the_person_may_read_nothing_is_not_even_named(root: Path, reader: Reader) -> None:
    write(root, Kind.TRAINING, Status.PASS, "hidden", model=model("1"), origin=origin("secret_train"))
    decide(root, Effect.MOVED, "1", origin=origin("secret_train"))
    assert read_board(str(root), reader).is_empty


def test_changed_evidence_is_named_and_never_shown_as_a_verdict(root: Path, reader: Reader) -> None:
    good = write(root, Kind.DRIFT, Status.PASS, "quiet", dataset=dataset("a"), hours_ago=2)
    bad = write(root, Kind.DRIFT, Status.FAIL, "drifted", dataset=dataset("b"))
    assert not read_board(str(root), reader).broken
    path = local_path(bad)
    path.write_bytes(path.read_bytes().replace(b"fail", b"pass"))
    os.utime(path, ns=(1, 1))
    board = read_board(str(root), reader)
    assert [(entry.uri, "was changed after it was written" in entry.fault) for entry in board.broken] == [(bad, True)]
    assert [check.latest.uri for group in board.datasets for check in group.checks] == [good]


def test_a_file_that_is_not_evidence_at_all_is_named_too(root: Path, reader: Reader) -> None:
    (root / "bias").mkdir(parents=True)
    (root / "bias" / "notes.json").write_text("{")
    [entry] = read_board(str(root), reader).broken
    assert "notes.json" in entry.fault


def test_only_the_newest_of_each_kind_are_read(root: Path, reader: Reader) -> None:
    for number in range(NEWEST + 5):
        write(root, Kind.DRIFT, Status.PASS, f"batch {number}", hours_ago=NEWEST - number, origin=origin("monitor"))
    [check] = read_board(str(root), reader).datasets[0].checks
    assert len(check.history) == NEWEST
    assert check.latest.outcome.verdict.summary == f"batch {NEWEST + 4}"


def test_the_uri_of_an_outcome_is_located_and_so_is_its_plain_path(root: Path) -> None:
    uri = write(root, Kind.DRIFT, Status.PASS, "quiet")
    assert locate(str(root), uri) == uri
    assert locate(str(root), str(local_path(uri))) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/passwd",
        "/etc/passwd",
        "{root}/../outside.json",
        "{root}/drift/../../outside.json",
        "{root}/drift/%2e%2e/%2e%2e/outside.json",
        "{root}/decisions/wage/00000001.json",
        "{root}/mlflow.db",
        "{root}2/drift/20260101T000000.000000Z-" + "0" * 64 + ".json",
        "{root}/secrets/20260101T000000.000000Z-" + "0" * 64 + ".json",
        "{root}/drift/20260101T000000.000000Z-" + "0" * 64 + ".json\n",
        "s3://bucket/drift/20260101T000000.000000Z-" + "0" * 64 + ".json",
        "",
    ],
)
def test_nothing_but_evidence_of_this_root_is_located(root: Path, uri: str) -> None:
    with pytest.raises(BadInputError, match="is not evidence under the evidence root"):
        locate(str(root), uri.format(root=root.as_uri()))


MODELS, ROUNDS = 12, 7
"""More checks of a kind than are read of all models together."""
CHECKS = {Kind.TRAINING: 1, Kind.DRIFT: ROUNDS, Kind.EVALUATION: ROUNDS, Kind.BIAS: ROUNDS}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve models, a quiet one among busy ones, each with its data's checks, and the index of all that."""
    root = tmp_path_factory.mktemp("many") / "mlops"
    for number in range(MODELS):
        name, data = f"model-{number}", dataset(f"data-{number}")
        made_by = origin(f"dag_{number}")
        about = {"model": model("1", name), "inputs": {"dataset": data}, "origin": made_by}
        for kind, count in CHECKS.items():
            for checked in range(count):
                status = Status.FAIL if checked == number % count else Status.PASS
                more = about if kind is not Kind.DRIFT else {"inputs": {"reference": data}, "origin": made_by}
                write(root, kind, status, f"{kind} {checked}", hours_ago=100 * number + checked, **more)
    rebuild_index(str(root))
    return root


def histories(board: Board) -> dict[str, dict[Kind, list[tuple[str, Status]]]]:
    return {
        group.name: {check.kind: [(entry.uri, entry.status) for entry in check.history] for check in group.checks}
        for group in (*board.models, *board.datasets)
    }


def latest(board: Board) -> dict[str, dict[Kind, tuple[str, Status]]]:
    return {name: {kind: found[-1] for kind, found in checks.items()} for name, checks in histories(board).items()}


def test_every_model_shows_all_its_checks_however_busy_the_others_are(many: Path, reader: Reader) -> None:
    board = read_board(str(many), reader)
    assert len(board.models) == MODELS
    for group in board.models:
        assert {check.kind: len(check.history) for check in group.checks} == CHECKS
        assert all(check.latest.evidence for check in group.checks)
    assert (board.datasets, board.broken, board.unread) == ((), (), {})


def test_a_root_without_an_index_shows_the_same(many: Path, reader: Reader, tmp_path: Path) -> None:
    copy = shutil.copytree(many, tmp_path / "copy")
    before = histories(read_board(str(copy), reader))
    shutil.rmtree(copy / "index")
    assert histories(read_board(str(copy), reader)) == before


def test_what_is_neither_indexed_nor_read_is_counted(
    many: Path, reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(many, tmp_path / "copy")
    shutil.rmtree(copy / "index")
    monkeypatch.setattr("airflow_mlops_provider.ui.board.MOST_READ", 0)
    unread = sum(max(0, MODELS * count - NEWEST) for count in CHECKS.values())
    assert unread > 0
    assert read_board(str(copy), reader).unread == {copy.as_uri(): unread}
    rebuild_index(str(copy))
    assert not read_board(str(copy), reader).unread


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_the_index_lacks_or_says_wrongly_the_verdicts_are_right(
    many: Path, reader: Reader, tmp_path: Path, data: st.DataObject
) -> None:
    copy = shutil.copytree(many, tmp_path / uuid.uuid4().hex)
    truth = latest(read_board(str(copy), reader))
    places = EvidenceStore(str(copy)).index.places()
    for place in data.draw(st.lists(st.sampled_from(places), max_size=40, unique=True)):
        spoil(copy / place, data.draw(st.sampled_from(SPOILT)))
    assert latest(read_board(str(copy), reader)) == truth


SPOILT = ["lost", "says otherwise", "twice", "stale", "junk"]


def spoil(entry: Path, how: str) -> None:
    content, name = entry.read_bytes(), entry.name
    other = name.replace(".fail.", ".pass.") if ".fail." in name else name.replace(".pass.", ".fail.")
    if how != "twice":
        entry.unlink()
    if how in ("says otherwise", "twice"):
        entry.with_name(other).write_bytes(content)
    elif how == "stale":
        entry.with_name(f"20200101T000000.000000Z-{'0' * 64}.pass.1...json").write_bytes(content)
    elif how == "junk":
        entry.with_name("junk.json").write_bytes(b"{")
