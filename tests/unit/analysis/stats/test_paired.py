from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from airflow_mlops_provider.analysis.stats.paired import bootstrap, by_group, delong, mcnemar_midp


def means(sums: np.ndarray) -> np.ndarray:
    return sums[:, 1] / sums[:, 0]


def units_of(values: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(values)), values])


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_mid_p_lies_between_the_exact_tails(b: int, c: int) -> None:
    if b + c == 0:
        assert mcnemar_midp(b, c) == 0.5
        return
    exact = stats.binomtest(b, b + c, 0.5, alternative="greater").pvalue
    beyond = stats.binomtest(b + 1, b + c, 0.5, alternative="greater").pvalue if b < b + c and c else 0.0
    assert mcnemar_midp(b, c) == pytest.approx((exact + beyond) / 2, abs=1e-9)


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_two_directions_of_the_mid_p_add_up_to_one(b: int, c: int) -> None:
    assert mcnemar_midp(b, c) + mcnemar_midp(c, b) == pytest.approx(1.0)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 6)), min_size=4, max_size=60).filter(
        lambda rows: len({row[0] for row in rows}) == 2
    )
)
def test_areas_equal_scikit_learn_with_ties(rows: list[tuple[bool, int, int]]) -> None:
    positive = np.array([row[0] for row in rows])
    scores = np.array([row[1:] for row in rows], dtype=float)
    result = delong(positive, scores)
    assert result.areas == pytest.approx([roc_auc_score(positive, scores[:, k]) for k in (0, 1)])
    assert result.influence.sum(axis=0) == pytest.approx([0, 0], abs=1e-9)


def test_the_covariance_of_areas_is_that_of_the_jackknife() -> None:
    rng = np.random.default_rng(3)
    positive = rng.random(400) < 0.4
    common = rng.normal(size=400) + positive
    scores = np.column_stack([common + rng.normal(size=400), common + rng.normal(size=400)])
    result = delong(positive, scores)
    # Leaving one row of a class out at a time is how Arvesen 1969 and DeLong 1988 define it.
    jackknife = np.zeros((2, 2))
    for side in (positive, ~positive):
        left_out = np.array(
            [delong(np.delete(positive, i), np.delete(scores, i, 0)).areas for i in np.flatnonzero(side)]
        )
        m = side.sum()
        jackknife += np.cov(left_out, rowvar=False) * (m - 1) ** 2 / m
    assert result.covariance == pytest.approx(jackknife, rel=0.01)


def test_one_class_has_no_area() -> None:
    with pytest.raises(ValueError, match="both classes"):
        delong([True, True], [[0.1], [0.2]])


@pytest.mark.parametrize("kind", ["few kinds", "resampled", "normal limit"])
def test_the_bootstrap_has_the_spread_of_the_mean_however_it_is_drawn(kind: str, monkeypatch) -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 2, 3000).astype(float) if kind == "few kinds" else rng.normal(5, 2, 3000)
    if kind == "normal limit":
        monkeypatch.setattr("airflow_mlops_provider.analysis.stats.paired.MAX_RESAMPLED", 100)
    draws = bootstrap(units_of(values), means, replicates=4000, seed=2)
    assert draws.mean() == pytest.approx(values.mean(), abs=5 * values.std() / np.sqrt(3000 * 4000))
    assert draws.std() == pytest.approx(values.std() / np.sqrt(3000), rel=0.05)


def test_the_same_seed_gives_the_same_draws() -> None:
    units = units_of(np.random.default_rng(0).normal(size=700))
    assert (bootstrap(units, means, seed=5) == bootstrap(units, means, seed=5)).all()


def test_rows_of_one_group_are_resampled_together() -> None:
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(100), 20)
    values = np.repeat(rng.normal(size=100), 20)  # a group's rows say the same, so there are 100 facts, not 2,000
    alone = bootstrap(units_of(values), means, seed=0).std()
    together = bootstrap(by_group(units_of(values), groups), means, seed=0).std()
    assert together == pytest.approx(values.std() / 10, rel=0.1)
    assert together / alone == pytest.approx(np.sqrt(20), rel=0.1)


def test_resampling_influence_agrees_with_resampling_areas() -> None:
    rng = np.random.default_rng(7)
    groups = np.repeat(np.arange(150), 4)
    positive = rng.random(600) < 0.5
    scores = positive + np.repeat(rng.normal(size=150), 4) + rng.normal(size=600)
    result = delong(positive, scores[:, None])
    values = result.areas[0] + result.influence[:, 0]
    linear = bootstrap(by_group(units_of(values), groups), means, replicates=4000, seed=0)
    naive = []
    for _ in range(1000):
        rows = (rng.integers(0, 150, 150)[:, None] * 4 + np.arange(4)).ravel()
        naive.append(roc_auc_score(positive[rows], scores[rows]))
    assert linear.std() == pytest.approx(np.std(naive), rel=0.1)
    assert np.quantile(linear, 0.05) == pytest.approx(np.quantile(naive, 0.05), abs=0.004)
