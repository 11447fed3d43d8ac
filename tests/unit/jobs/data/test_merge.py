"""Parts of a dataset, judged apart, give what the whole gives."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.jobs.data.profile import read_profile
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.verdict import Finding, Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.listing import ranges
from airflow_mlops_provider.stores.evidence.store import read_evidence

RULES = [
    ("expect_column_values_to_be_between", {"column": "wage", "min_value": 0}),
    ("expect_column_values_to_not_be_null", {"column": "nr"}),
    ("expect_column_value_lengths_to_be_between", {"column": "region", "max_value": 1}),
    ("expect_table_row_count_to_be_between", {"min_value": 10}),
    ("expect_column_max_to_be_between", {"column": "wage", "max_value": 50}),
    ("expect_column_min_to_be_between", {"column": "region", "min_value": "a"}),
    ("expect_column_sum_to_be_between", {"column": "nr", "min_value": 0}),
    ("expect_column_proportion_of_non_null_values_to_be_between", {"column": "wage", "min_value": 0.5}),
    ("expect_column_distinct_values_to_be_in_set", {"column": "region", "value_set": ["a", "b", "cc"]}),
    ("expect_column_to_exist", {"column": "wage"}),
    ("expect_column_values_to_be_of_type", {"column": "nr", "type_": "int64"}),
]


def suite(*rules: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"name": "wages", "expectations": [{"type": kind, "kwargs": kwargs} for kind, kwargs in rules or RULES]}


def days(folder: Path, count: int = 6, *, seed: int = 0, rows: int = 20) -> pa.Table:
    """Write ``count`` files of a day each; returns all their rows."""
    rng, tables = np.random.default_rng(seed), []
    folder.mkdir(parents=True, exist_ok=True)
    for day in range(count):
        wage = [None if value < -1.6 else round(float(value) * 10 + 14, 1) for value in rng.normal(size=rows)]
        tables.append(
            pa.table(
                {
                    "nr": pa.array(range(day * rows, (day + 1) * rows), pa.int64()),
                    "wage": pa.array(wage, pa.float64()),
                    "region": [["a", "b", "cc"][value] for value in rng.integers(0, 3, size=rows)],
                }
            )
        )
        pq.write_table(tables[-1], folder / f"day-{day:02d}.parquet")
    return pa.concat_tables(tables)


class Parts:
    """A folder of days that is validated as a whole, and in parts that are merged."""

    def __init__(self, root: Path, evidence_root: str) -> None:
        self.root, self.where = root, {"evidence_root": evidence_root}
        self.raw = root / "raw"

    def validated(self, uri: str, name: str, **keys: Any) -> Outcome:
        file = f"{keys.pop('part', 'all')}.parquet"
        places = {f"{kind}_uri": str(self.root / f"{name}-{kind}" / file) for kind in ("clean", "quarantine")}
        spec = {"dataset": uri, "suite": suite(), "policy": {"max_quarantine_share": 0.9}, **places, **self.where}
        return run("validate", {**spec, **keys})

    def in_parts(self, count: int, **keys: Any) -> list[Outcome]:
        found = enumerate(ranges(str(self.raw), at_most=count))
        return [self.validated(each.uri, "parts", part=f"part-{number:02d}", **keys) for number, each in found]

    def merged(self, parts: list[Outcome], **keys: Any) -> Outcome:
        spec = {
            "parts": [part.to_json() for part in parts],
            "dataset": str(self.root / "parts-clean"),
            "quarantine_uri": str(self.root / "parts-quarantine"),
            "policy": {"max_quarantine_share": 0.9},
        }
        return run("merge", {**spec, **self.where, **keys})


@pytest.fixture
def parts(tmp_path: Path, evidence_root: str) -> Parts:
    return Parts(tmp_path, evidence_root)


def _comparable(outcome: Outcome) -> list[Finding]:
    return sorted((replace(each, detail="") for each in outcome.verdict.findings), key=repr)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), count=st.integers(1, 6), at_most=st.integers(1, 8))
def test_the_merged_verdict_is_that_of_the_whole(tmp_path_factory, seed, count, at_most):
    root = tmp_path_factory.mktemp("days")
    parts = Parts(root, str(root / "mlops"))
    days(parts.raw, count, seed=seed)
    whole = parts.validated(str(parts.raw), "whole")
    found = parts.in_parts(at_most)
    merged = parts.merged(found)
    if any(part.verdict.status is Status.FAIL for part in found):
        assert (merged.verdict.status, merged.dataset) == (Status.FAIL, None)
        return
    assert _comparable(merged) == _comparable(whole)
    assert merged.verdict.summary == whole.verdict.summary
    reports = [read_evidence(each.evidence_uri).report for each in (whole, merged)]
    kept = [(report["rows"], report["failing_rows"], report["all_missing"], report["infinite"]) for report in reports]
    assert kept[0] == kept[1]
    clean = [open_dataset(str(root / f"{name}-clean")).table() for name in ("whole", "parts")]
    quarantined = [open_dataset(str(root / f"{name}-quarantine")).table() for name in ("whole", "parts")]
    assert clean[0].equals(clean[1])
    assert quarantined[0].equals(quarantined[1])


def test_the_merged_outcome_speaks_of_the_whole_and_a_training_takes_it(parts):
    days(parts.raw)
    merged = parts.merged(parts.in_parts(3))
    whole = open_dataset(str(parts.root / "parts-clean")).ref
    assert merged.kind is Kind.VALIDATION
    assert (merged.dataset.fingerprint, merged.dataset.rows) == (whole.fingerprint, whole.rows)


def test_its_verdict_follows_from_its_report_as_that_of_one_task_does(parts):
    days(parts.raw)
    merged = parts.merged(parts.in_parts(3))
    outcome = run("verify", {"evidence": merged.evidence_uri, **parts.where})
    assert outcome.verdict.status is Status.PASS


def test_a_file_that_arrived_meanwhile_is_not_vouched_for(parts):
    days(parts.raw)
    found = parts.in_parts(3)
    pq.write_table(days(parts.root / "other", 1), parts.root / "parts-clean" / "late.parquet")
    with pytest.raises(BadInputError, match=r"late\.parquet of .* is in none of the parts"):
        parts.merged(found)


def test_a_part_that_is_left_out_is_named_by_its_file(parts):
    days(parts.raw)
    with pytest.raises(BadInputError, match=r"part-02\.parquet of .* is in none of the parts"):
        parts.merged(parts.in_parts(3)[:2])


def test_a_part_that_is_given_twice_is_refused(parts):
    days(parts.raw)
    first, *others = parts.in_parts(3)
    with pytest.raises(BadInputError, match=r"part-00\.parquet is part of both"):
        parts.merged([first, first, *others])


def test_a_part_that_changed_since_it_was_judged_is_refused(parts):
    days(parts.raw)
    found = parts.in_parts(3)
    pq.write_table(days(parts.root / "other", 1), parts.root / "parts-clean" / "part-01.parquet")
    with pytest.raises(IntegrityError, match=r"part .*part-01\.parquet changed since it was judged"):
        parts.merged(found)


def test_the_whole_fails_with_a_part_that_was_refused_and_vouches_for_no_dataset(parts):
    days(parts.raw)
    first, _ = parts.in_parts(2)
    second = ranges(str(parts.raw), at_most=2)[1].uri
    refused = parts.validated(second, "parts", part="part-01", policy={"max_quarantine_share": 0.0})
    assert refused.verdict.status is Status.FAIL
    merged = parts.merged([first, refused])
    assert (merged.verdict.status, merged.dataset) == (Status.FAIL, None)
    assert [each.subject for each in merged.verdict.findings if each.measure == "refused"] == [second]


def test_without_outputs_the_whole_is_what_was_read_and_a_failed_part_fails_it(parts):
    days(parts.raw)
    checked = {"clean_uri": None, "quarantine_uri": None}
    merged = parts.merged(parts.in_parts(3, **checked), dataset=str(parts.raw), quarantine_uri=None)
    assert merged.verdict.status is Status.FAIL
    assert {finding.measure for finding in merged.verdict.findings} >= {"refused", "unexpected_rows"}
    assert merged.dataset.fingerprint == open_dataset(str(parts.raw)).ref.fingerprint


@pytest.mark.parametrize(
    "rule",
    [
        ("expect_column_values_to_be_unique", {"column": "nr"}),
        ("expect_column_values_to_be_increasing", {"column": "nr"}),
        ("expect_column_mean_to_be_between", {"column": "wage", "min_value": 0}),
        ("expect_column_median_to_be_between", {"column": "wage", "min_value": 0}),
        ("expect_column_unique_value_count_to_be_between", {"column": "nr", "min_value": 1}),
        ("expect_column_distinct_values_to_equal_set", {"column": "region", "value_set": ["a", "b", "cc"]}),
    ],
    ids=lambda rule: rule[0],
)
def test_a_rule_that_does_not_add_up_is_refused_by_name(parts, rule):
    days(parts.raw)
    with pytest.raises(BadInputError, match=f"{rule[0]} on {rule[1]['column']} does not add up over parts"):
        parts.merged(parts.in_parts(3, suite=suite(rule)))


def test_a_share_that_is_met_in_some_parts_only_is_refused_by_name(parts):
    days(parts.raw)
    pq.write_table(pa.table({"nr": [1], "wage": [-1.0], "region": ["a"]}), parts.raw / "day-99.parquet")
    rule = ("expect_column_values_to_be_between", {"column": "wage", "min_value": 0, "mostly": 0.5})
    with pytest.raises(BadInputError, match="because it is met in some of them and not in others"):
        parts.merged(parts.in_parts(7, suite=suite(rule)), policy={"max_quarantine_share": 1.0})


def test_parts_that_were_held_to_other_rules_are_refused(parts):
    days(parts.raw)
    first, second = parts.in_parts(2)
    other = parts.validated(ranges(str(parts.raw), at_most=2)[1].uri, "parts", part="part-01", suite=suite(RULES[0]))
    assert second.evidence_uri != other.evidence_uri
    with pytest.raises(BadInputError, match="hold other rules"):
        parts.merged([first, other])


def test_evidence_of_another_kind_is_refused_by_its_address(parts):
    days(parts.raw)
    profile = run("profile", {"dataset": str(parts.raw), "output_uri": str(parts.root / "x.profile"), **parts.where})
    with pytest.raises(BadInputError, match=r"profile/.*\.json is no evidence of a validation"):
        parts.merged([profile])


def encoded(profile: Any) -> str:
    """All that a profile tells but the number of rises."""
    rest = replace(profile, rises=0) if hasattr(profile, "rises") else profile
    parts = {name: getattr(rest, name) for name in rest.__slots__}
    return repr({name: part.tolist() if isinstance(part, np.ndarray) else part for name, part in parts.items()})


class TestProfiles:
    """Profiles of parts are merged into that of the whole."""

    @pytest.fixture
    def profile(self, parts):
        days(parts.raw)

        def do(uri: str, name: str, **keys: Any) -> Outcome:
            place = str(parts.root / f"{name}.profile")
            return run("profile", {"dataset": uri, "output_uri": place, "shared": False, **parts.where, **keys})

        return do

    def test_with_the_edges_of_one_they_add_up_to_the_profile_of_the_whole(self, parts, profile):
        whole = profile(str(parts.raw), "whole")
        found = [
            profile(each.uri, f"part-{number}", edges=whole.to_json())
            for number, each in enumerate(ranges(str(parts.raw), at_most=4))
        ]
        place = str(parts.root / "merged.profile")
        merged = run(
            "merge",
            {"parts": [each.evidence_uri for each in found], "output_uri": place, "shared": False, **parts.where},
        )
        assert merged.dataset.rows == whole.dataset.rows == 120
        # Whether the first value of a part is larger than the last one of the part before, nobody knows.
        one, other = (read_profile(DatasetRef(uri=each.dataset.uri))[0].profiles for each in (merged, whole))
        assert {name: encoded(profile) for name, profile in one.items()} == {
            name: encoded(profile) for name, profile in other.items()
        }

    def test_a_merged_profile_is_a_reference_of_the_drift_job(self, parts, profile):
        whole = profile(str(parts.raw), "whole")
        found = [profile(each.uri, "part", edges=whole.to_json()) for each in ranges(str(parts.raw), at_most=1)]
        place = str(parts.root / "merged.profile")
        spec = {"parts": [each.to_json() for each in found], "output_uri": place, **parts.where}
        run("merge", spec)
        judged = run(
            "drift", {"reference": place, "current": str(parts.raw), "policy": {"min_rows": 10}, **parts.where}
        )
        assert judged.verdict.status is Status.PASS

    def test_other_edges_are_refused_with_their_column(self, parts, profile):
        found = [profile(each.uri, f"part-{n}") for n, each in enumerate(ranges(str(parts.raw), at_most=2))]
        spec = {"parts": [each.evidence_uri for each in found], "output_uri": str(parts.root / "m.profile")}
        with pytest.raises(BadInputError, match="column 'nr' has other edges"):
            run("merge", {**spec, **parts.where})

    def test_shared_profiles_that_withhold_levels_are_refused_with_their_column(self, parts, profile):
        pq.write_table(pa.table({"nr": [1], "wage": [1.0], "region": ["z"]}), parts.raw / "day-99.parquet")
        whole = profile(str(parts.raw), "whole")
        one = profile(str(parts.raw), "one", shared=True, edges=whole.to_json())
        spec = {"parts": [one.evidence_uri, whole.evidence_uri], "output_uri": str(parts.root / "m.profile")}
        with pytest.raises(BadInputError, match=r"column '(nr|wage|region)' .*(withholds rare levels|other edges)"):
            run("merge", {**spec, **parts.where})

    def test_edges_that_lack_a_column_are_refused_with_it(self, parts, profile):
        few = profile(str(parts.raw), "few", columns=["wage"])
        with pytest.raises(BadInputError, match="has no edges of column 'nr'"):
            profile(str(parts.raw), "all", edges=few.to_json())


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"parts": [], "dataset": "a"}, "'parts' is empty"),
        ({"parts": ["a.json"]}, "give 'dataset' for validations, or 'output_uri' for profiles"),
        ({"parts": ["a.json"], "output_uri": "a.json"}, "must end in .profile"),
    ],
)
def test_a_spec_that_says_too_little_is_refused(spec, said):
    with pytest.raises(BadInputError, match=said):
        run("merge", json.loads(json.dumps(spec)))
