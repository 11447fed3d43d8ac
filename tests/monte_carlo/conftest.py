"""How a measured rate is held against a stated one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scipy import stats

Check = Callable[[int, int, float], None]


@pytest.fixture
def at_most() -> Check:
    """Fails when ``hits`` of ``trials`` contradict "at most ``rate``": the one-sided 95 % bound of Clopper-Pearson."""

    def check(hits: int, trials: int, rate: float) -> None:
        lower = stats.beta.ppf(0.05, hits, trials - hits + 1) if hits else 0.0
        print(f"{hits}/{trials} = {hits / trials:.2%}, stated at most {rate:.2%}")
        assert lower <= rate, f"{hits} of {trials} is surely more than {rate:.2%}"

    return check


@pytest.fixture
def at_least() -> Check:
    """Fails when ``hits`` of ``trials`` contradict "at least ``rate``" by their one-sided 95 % bound."""

    def check(hits: int, trials: int, rate: float) -> None:
        upper = stats.beta.ppf(0.95, hits + 1, trials - hits) if hits < trials else 1.0
        print(f"{hits}/{trials} = {hits / trials:.2%}, stated at least {rate:.2%}")
        assert upper >= rate, f"{hits} of {trials} is surely less than {rate:.2%}"

    return check
