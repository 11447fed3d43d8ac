"""The law of the streaming tier: its interval always contains the KS distance that scipy computes from every value."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from airflow_mlops_provider.analysis.drift.profile import ks_interval
from airflow_mlops_provider.analysis.drift.scan import edges_of, profile_rows

# After the largest number comes infinity, which numpy warns of and which is as good an edge.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")


class Column:
    """One column in memory, in batches that cut through it."""

    def __init__(self, values):
        self.uri, self.table = "memory", pa.table({"x": pa.array(values, type=pa.float64())})
        self.schema, self.columns, self.rows = self.table.schema, ("x",), self.table.num_rows

    def batches(self, columns=None, *, coded=False):
        return iter(self.table.to_batches(max_chunksize=7))


MISSING = st.none() | st.just(math.nan)
TIED = st.integers(-2, 2).map(float)
ANY = st.floats(allow_nan=False, allow_infinity=False)
"""Every finite number there is: subnormal ones, both zeros, and those whose differences overflow."""
CONSTANT = ANY.flatmap(lambda value: st.lists(st.just(value) | MISSING, min_size=1, max_size=40))
columns = (
    CONSTANT
    | st.lists(TIED | ANY | MISSING, min_size=1, max_size=40)
    | st.lists(TIED | MISSING, min_size=1, max_size=40)
)


def present(values):
    return [value for value in values if value is not None and not math.isnan(value)]


def interval(reference, current):
    before = profile_rows(Column(reference), ["x"])
    return ks_interval(before["x"], profile_rows(Column(current), ["x"], edges_of(before))["x"])


# The exact p-value, which nobody asks for here, fails with a warning on some of these.
@pytest.mark.filterwarnings("ignore:ks_2samp. Exact calculation unsuccessful:RuntimeWarning")
@given(columns.filter(present), columns.filter(present))
@example([0.0] * 5, [0.0] * 4 + [1.0])
@example([1.0], [1.0])
@example([1.0], [2.0])
@example([0.0, None], [-0.0, math.nan])
@example([5e-324], [0.0])
@example([1.7976931348623157e308], [-1.7976931348623157e308])
@example([3.0] * 50, [3.0] * 50 + [math.nan])
def test_the_interval_contains_scipys_distance(reference, current):
    exact = ks_2samp(present(reference), present(current)).statistic
    low, high = interval(reference, current)
    assert low - 1e-12 <= exact <= high + 1e-12


@given(st.lists(TIED, min_size=1, max_size=60), st.lists(TIED, min_size=1, max_size=60))
def test_values_that_the_reference_shares_leave_no_doubt(reference, current):
    low, high = interval(reference, [value for value in current if value in reference] or reference)
    assert low == pytest.approx(high, abs=1e-12)


def test_without_a_value_on_a_side_there_is_no_distance():
    for sides in (([None], [1.0]), ([1.0], [math.nan])):
        with pytest.raises(ValueError, match="values on both sides"):
            interval(*sides)


def test_many_rows_with_heavy_tails_ties_and_gaps_keep_the_law():
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.01, 0.3, 1e6):
        reference, current = rng.standard_cauchy(20_000), rng.standard_cauchy(15_000) + shift
        reference[::3], current[::4], current[::7] = 0.0, shift, np.nan
        exact = ks_2samp(reference, current[~np.isnan(current)], method="asymp").statistic
        low, high = interval(reference, current)
        assert low - 1e-12 <= exact <= high + 1e-12
        assert high - low < 0.01 or shift == 1e6
