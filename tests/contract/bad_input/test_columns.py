"""Columns that hold what nobody expects: never a pass that nothing stands behind, never a trace."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = 400
RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=ROWS)


class Data:
    """Writes tables into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0

    def __call__(self, **columns: Any) -> str:
        return self.of(columns)

    def of(self, columns: dict[str, Any]) -> str:
        self._count += 1
        path = self._folder / f"data_{self._count}.parquet"
        pq.write_table(pa.table(columns), path)
        return str(path)


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return Data(tmp_path)


def drift(reference: str, current: str, **more: Any) -> dict[str, Any]:
    return {"reference": reference, "current": current, "html_report": "never", **more}


def suite(*rules: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"expectations": [{"type": kind, "kwargs": kwargs} for kind, kwargs in rules]}


def between(column: str, low: float = -100.0) -> dict[str, Any]:
    return suite(("expect_column_values_to_be_between", {"column": column, "min_value": low}))


ALL_MISSING = {
    "NULL": pa.nulls(ROWS, pa.float64()),
    "NaN": np.full(ROWS, np.nan),
    "no type": pa.nulls(ROWS),
    "text": pa.nulls(ROWS, pa.string()),
}


@pytest.mark.parametrize("kind", ALL_MISSING)
def test_a_column_all_missing_is_drift_in_current_and_undecided_in_the_reference(kind, data, command):
    there = ["a", "b"] * (ROWS // 2) if kind == "text" else X
    good, empty = data(x=X, y=there), data(x=X, y=ALL_MISSING[kind])
    outcome = command.judged("drift", drift(good, empty), "fail")
    assert "y: every value is missing" in outcome["verdict"]["summary"]
    outcome = command.judged("drift", drift(empty, good), "insufficient_evidence")
    assert "undecided: y" in outcome["verdict"]["summary"]


@pytest.mark.parametrize("kind", ALL_MISSING)
def test_a_column_all_missing_fails_its_rules(kind, data, command):
    rules = suite(("expect_column_values_to_be_in_set", {"column": "y", "value_set": ["a", 1.0]}))
    command.judged("validate", {"dataset": data(x=X, y=ALL_MISSING[kind]), "suite": rules}, "fail")


def test_one_nan_among_numbers_is_a_missing_value(data, command):
    batch = data(x=np.r_[np.nan, X[1:]])
    rules = suite(("expect_column_values_to_not_be_null", {"column": "x"}))
    found = command.judged("validate", {"dataset": batch, "suite": rules}, "fail")["verdict"]["findings"]
    assert (found[0]["subject"], found[0]["measure"], found[0]["observed"]) == ("x", "unexpected_rows", 1.0)


@pytest.mark.parametrize("where", ["reference", "current"])
def test_a_column_with_infinite_values_is_undecided_by_drift(where, data, command):
    good, infinite = data(x=X), data(x=np.r_[np.inf, X[1:]])
    line = drift(good, infinite) if where == "current" else drift(infinite, good)
    found = command.judged("drift", line, "insufficient_evidence")["verdict"]["findings"][0]
    assert (found["subject"], found["measure"]) == ("x", "infinite")
    assert where in found["detail"]


def test_infinite_values_are_told_by_validation(data, command):
    infinite = data(x=np.r_[np.inf, X[1:]])
    rules = suite(("expect_column_mean_to_be_between", {"column": "x", "min_value": -1, "max_value": 1}))
    found = command.judged("validate", {"dataset": infinite, "suite": rules}, "fail")
    assert "infinite" in found["verdict"]["summary"]
    assert "pass" not in command.judged("validate", {"dataset": infinite, "suite": between("x")})["verdict"]["status"]


def test_nothing_in_common_is_bad_input(data, command):
    command.refused("drift", drift(data(a=X, b=X), data(c=X, d=X)), "share none", "a, b against c, d")


def test_a_column_that_went_or_changed_its_type_is_drift(data, command):
    good = data(x=X, y=X)
    gone = command.judged("drift", drift(good, data(x=X)), "fail")
    assert "y: missing from the current batch" in gone["verdict"]["summary"]
    changed = command.judged("drift", drift(good, data(x=X, y=[str(value) for value in X])), "fail")
    assert "y: double in the reference, string now" in changed["verdict"]["summary"]
    assert command.judged("drift", drift(data(x=X), good), "notice")["verdict"]["findings"][0]["subject"] == "y"


def test_the_same_data_twice_is_no_drift(data, command):
    good = data(x=X, y=RANDOM.integers(0, 3, ROWS), z=["a", "b", None, "c"] * (ROWS // 4))
    outcome = command.judged("drift", drift(good, good), "pass")
    # The joint test blurs each side with a noise of its own, so that its p-value is one of two draws.
    columns = [found for found in outcome["verdict"]["findings"] if found["measure"] != "joint_auc"]
    assert {found["p_value"] for found in columns} == {1.0}


@pytest.mark.parametrize("rows", [0, 1, 199])
def test_too_few_rows_are_never_a_pass(rows, data, command):
    good, few = data(x=X), data(x=X[:rows])
    command.judged("drift", drift(good, few), "insufficient_evidence")
    if rows:
        command.judged("drift", drift(few, good), "insufficient_evidence")
    else:
        command.refused("drift", drift(few, good), "reference ", "has no rows")


def test_a_batch_without_rows_is_never_valid(data, command):
    empty = data(x=pa.array([], pa.float64()))
    for rules, status in (
        (between("x"), "insufficient_evidence"),
        (suite(("expect_column_to_exist", {"column": "x"})), "insufficient_evidence"),
        (suite(("expect_table_row_count_to_be_between", {"min_value": 1})), "fail"),
        (suite(("expect_column_median_to_be_between", {"column": "x", "min_value": 0})), "insufficient_evidence"),
    ):
        command.judged("validate", {"dataset": empty, "suite": rules}, status)


def test_constant_columns_and_repeated_rows_are_judged(data, command):
    constant, other = data(x=np.ones(ROWS)), data(x=np.full(ROWS, 2.0))
    repeated = data(x=np.repeat(X[:10], ROWS // 10))
    command.judged("drift", drift(constant, constant), "pass")
    command.judged("drift", drift(constant, other), "fail")
    command.judged("drift", drift(repeated, repeated), "pass")


def test_whole_numbers_beyond_53_bits_are_told_apart(data, command):
    big = data(x=pa.array([2**53, 2**53 + 1, 2**62, 2**63 - 1] * (ROWS // 4), pa.int64()))
    spec = {"dataset": big, "suite": between("x", 2**53 + 1)}
    found = command.judged("validate", spec, "fail")["verdict"]["findings"][0]
    assert found["observed"] == ROWS / 4
    command.judged("drift", drift(big, big), "pass")
    largest = data(x=pa.array([2**64 - 1 - i for i in range(ROWS)], pa.uint64()))
    command.judged("drift", drift(largest, largest), "pass")
    labels = {"y": pa.array([2**53, 2**53 + 1] * (ROWS // 2)), "p": pa.array([2**53, 2**53 + 1] * (ROWS // 2))}
    spec = {"predictions": data(**labels), "label_column": "y", "candidate": "p", "metric": "accuracy"}
    assert "accuracy 1 " in command.judged("evaluate", spec)["verdict"]["summary"]


def test_very_many_categories_are_judged(data, command):
    many = data(x=[f"level {i}" for i in range(120_000)])
    command.judged("drift", drift(many, many), "pass")


TYPES = {
    "date": pa.array([dt.date(2020, 1, 1) + dt.timedelta(i) for i in range(ROWS)]),
    "time stamp": pa.array(
        [dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + dt.timedelta(i) for i in range(ROWS)], pa.timestamp("ns", "UTC")
    ),
    "decimal": pa.array([Decimal(i) / 100 for i in range(ROWS)]),
    "wide decimal": pa.array([Decimal(10) ** 40 + i for i in range(ROWS)], pa.decimal256(60, 0)),
    "list": pa.array([[i] for i in range(ROWS)]),
    "struct": pa.array([{"a": i} for i in range(ROWS)]),
    "map": pa.array([[("a", 1)]] * ROWS, pa.map_(pa.string(), pa.int64())),
    "boolean": pa.array([i % 2 == 0 for i in range(ROWS)]),
    "dictionary": pa.array(["a", None] * (ROWS // 2)).dictionary_encode(),
    "bytes": pa.array([b"\xff\x00"] * ROWS),
    "time": pa.array([dt.time(1, 2, 3)] * ROWS),
    "duration": pa.array([dt.timedelta(seconds=i) for i in range(ROWS)]),
    "half": pa.array(np.ones(ROWS, np.float16)),
    "long text": pa.array(["z" * 50_000 + str(i % 3) for i in range(ROWS)], pa.large_string()),
    "odd text": pa.array(["a\0b", "\u202e", "", "None"] * (ROWS // 4)),
}


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_of_column_is_judged_and_none_breaks_a_job(kind, data, command):
    batch = data(x=X, c=TYPES[kind])
    command.judged("drift", drift(batch, batch), "pass", "notice")
    rules = suite(
        ("expect_column_values_to_not_be_null", {"column": "c"}),
        ("expect_column_values_to_be_unique", {"column": "c"}),
        ("expect_column_values_to_be_between", {"column": "c", "min_value": 0}),
    )
    spec = {"dataset": batch, "suite": rules, "policy": {"max_quarantine_share": 1.0}}
    places = {key: str(command.folder / f"{key}.parquet") for key in ("clean_uri", "quarantine_uri")}
    command.judged("validate", {**spec, **places})


@pytest.mark.parametrize("kind", ["list", "struct", "map"])
def test_lists_and_mappings_make_no_labels_predictions_or_slices(kind, data, command):
    flags = RANDOM.integers(0, 2, ROWS)
    table = {"predictions": data(y=flags, p=flags, c=TYPES[kind])}
    command.refused("evaluate", {**table, "label_column": "c", "candidate": "p"}, "column 'c' holds ")
    command.refused("evaluate", {**table, "label_column": "y", "candidate": "c"}, "column 'c' holds ")
    command.refused(
        "bias", {**table, "label_column": "y", "prediction_column": "p", "slices": ["c"]}, "column 'c' holds "
    )


NAMES = [
    *(" ", "a.b", "a b", 'q"uote', "q'uote", "select", "группа", "日本", "😀", "a\nb", "a\tb", "%s", "{x}", "--"),
    *("; drop table x", "x" * 3000, "__index_level_0__", "rowid", "`b`", "a\\b", "[0]", "nan", "None", "0", "*"),
    *("key_0", "copies", "file_row_number", "mlops_source", "rows", "n", "count", "label", "prediction"),
]


def test_a_column_may_have_any_name(data, command):
    texts, flags = ["a", "b", "c", "d"] * (ROWS // 4), RANDOM.integers(0, 2, ROWS)
    columns = {name: texts if position % 2 else X for position, name in enumerate(NAMES)}
    batch = data.of(columns)
    outcome = command.judged("drift", drift(batch, batch), "pass")
    assert {finding["subject"] for finding in outcome["verdict"]["findings"]} >= set(NAMES) - {"__index_level_0__"}
    rules = [("expect_column_values_to_be_unique", {"column": name}) for name in NAMES[:-1:2]]
    command.judged("validate", {"dataset": batch, "suite": suite(*rules)}, "pass")
    rules = [("expect_column_values_to_be_unique", {"column": name}) for name in NAMES[1::2]]
    found = command.judged("validate", {"dataset": batch, "suite": suite(*rules)}, "fail")["verdict"]["findings"]
    assert {finding["subject"] for finding in found} == {*NAMES[1::2], "rows"}
    for name in NAMES[1::2]:
        table = data.of({name: texts, "the truth": flags, "the answer": flags})
        spec = {"predictions": table, "label_column": "the truth", "prediction_column": "the answer", "slices": [name]}
        findings = command.judged("bias", spec, "pass")["verdict"]["findings"]
        assert findings[0]["subject"].startswith(f"{name}=")


def test_columns_that_differ_in_case_only_are_named_where_they_cannot_be_told_apart(data, command):
    flags = RANDOM.integers(0, 2, ROWS)
    batch = data(Group=flags, group=flags, y=flags)
    command.refused("validate", {"dataset": batch, "suite": between("group")}, "'Group' and 'group'")
    spec = {"predictions": batch, "label_column": "y", "prediction_column": "y", "slices": ["Group", "group"]}
    command.refused("bias", spec, "'Group' and 'group'")
    command.judged("drift", drift(batch, batch), "pass")


SCORES = {
    "NaN": (np.r_[np.nan, np.full(ROWS - 1, 0.5)], "column 'p' has 1 missing predictions of 400 rows"),
    "all NaN": (np.full(ROWS, np.nan), "column 'p' has 400 missing predictions of 400 rows"),
    "infinite": (np.r_[np.inf, np.full(ROWS - 1, 0.5)], "column 'p' has 1 infinite values of 400 rows"),
    "text": (["high"] * ROWS, "column 'p' holds object and label column 'y' int64"),
}


@pytest.mark.parametrize("kind", SCORES)
def test_scores_that_are_no_numbers_are_refused(kind, data, command):
    scores, reason = SCORES[kind]
    table = data(y=RANDOM.integers(0, 2, ROWS), p=scores, s=["a", "b"] * (ROWS // 2))
    command.refused("evaluate", {"predictions": table, "label_column": "y", "candidate": "p"}, reason)
    command.refused(
        "bias", {"predictions": table, "label_column": "y", "prediction_column": "p", "slices": ["s"]}, reason
    )


LABELS = {
    "one class": (np.ones(ROWS, int), "label column 'y' has one class only"),
    "missing": (np.where(X > 0, np.nan, 1.0), "missing labels of 400 rows"),
    "none": (pa.nulls(ROWS, pa.int64()), "column 'y' has "),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_that_teach_nothing_are_refused(kind, data, command):
    labels, reason = LABELS[kind]
    table = data(y=labels, p=RANDOM.random(ROWS), h=np.ones(ROWS, int))
    command.refused("evaluate", {"predictions": table, "label_column": "y", "candidate": "p"}, reason)
    wanted = "column 'y' has one class only" if kind == "one class" else reason
    command.refused(
        "evaluate", {"predictions": table, "label_column": "y", "candidate": "h", "metric": "accuracy"}, wanted
    )


def test_a_column_of_keys_is_no_label(data, command):
    keys = [f"order {i}" for i in range(1_200)]
    spec = {"predictions": data(y=keys, p=keys), "label_column": "y", "candidate": "p"}
    command.refused("evaluate", spec, "columns 'y' and 'p' hold 1,200 classes")


@pytest.mark.parametrize("rows", [1, 12])
def test_a_handful_of_predictions_is_never_a_pass(rows, data, command):
    flags = np.arange(rows) % 2
    table = data(y=flags, p=flags, s=["a"] * rows)
    spec = {"predictions": table, "label_column": "y"}
    if rows == 1:
        command.refused("evaluate", {**spec, "candidate": "p"}, "column 'y' has one class only")
    else:
        command.judged("evaluate", {**spec, "candidate": "p"}, "insufficient_evidence")
    command.judged("bias", {**spec, "prediction_column": "p", "slices": ["s"]}, "insufficient_evidence")


def test_a_slice_column_without_a_value_is_never_a_pass(data, command):
    flags = RANDOM.integers(0, 2, ROWS)
    table = data(y=flags, p=flags, s=pa.nulls(ROWS, pa.string()))
    spec = {"predictions": table, "label_column": "y", "prediction_column": "p", "slices": ["s"]}
    command.judged("bias", spec, "insufficient_evidence")


def test_a_csv_without_rows_is_never_a_pass(command, tmp_path):
    (tmp_path / "good.csv").write_text("x\n" + "\n".join(f"{value}" for value in X))
    (tmp_path / "bare.csv").write_text("x\n")
    good, bare = str(tmp_path / "good.csv"), str(tmp_path / "bare.csv")
    command.judged("drift", drift(good, bare), "insufficient_evidence")
    command.refused("drift", drift(bare, good), "bare.csv")
    status = command.judged("validate", {"dataset": bare, "suite": between("x")})["verdict"]["status"]
    assert status in ("fail", "insufficient_evidence")


def test_no_number_of_an_outcome_is_nan_or_infinite(data, command):
    huge = data(x=np.array([1e308, -1e308] * (ROWS // 2)), y=np.full(ROWS, 5e-324) * np.arange(ROWS))
    answer = command("drift", drift(huge, huge))
    assert answer.status == 0
    json.loads(answer.out.splitlines()[-1], parse_constant=pytest.fail)
