from __future__ import annotations

import os
from pathlib import Path

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.decision_record import Effect
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.specs import local_path
from airflow_mlops_provider.ui.auth import Reader
from airflow_mlops_provider.ui.board import NEWEST, Subject, locate, read_board
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
