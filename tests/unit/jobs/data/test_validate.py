"""The validate job, from files to files."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_mlops_provider.decisions.validation import ValidationPolicy, judge_validation
from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.reports.validation import ValidationReport
from airflow_mlops_provider.records.verdict import Finding, Status
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.stores.specs import local_path

BETWEEN = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "hours", "min_value": 0, "max_value": 5000},
}
KNOWN = {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "race", "value_set": ["a", "b"]}}
PRESENT = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "hours"}}
SUITE = {"name": "wages", "expectations": [BETWEEN, KNOWN, PRESENT]}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def wages() -> pd.DataFrame:
    """Ten people, of whom 2 (negative hours), 5 (unknown race, no hours) and 7 (unknown race) break rules."""
    return pd.DataFrame(
        {
            "nr": range(10),
            "hours": [2000, 2100, -5, 1800, 0, None, 2500, 40, 4999, 5000],
            "race": ["a", "b", "a", "a", "b", "x", "a", "x", "b", "a"],
            "year": [1980] * 10,
        }
    )


def stored(frame: pd.DataFrame | None = None, name: str = "wages.parquet") -> dict[str, str]:
    frame = wages() if frame is None else frame
    if name.endswith(".csv"):
        frame.to_csv(name, index=False)
    else:
        frame.to_parquet(name, index=False)
    return {"uri": name}


def validate(**spec: Any) -> Outcome:
    return run("validate", {"dataset": {"uri": "wages.parquet"}, "suite": SUITE, **spec})


def both_outputs(**spec: Any) -> Outcome:
    return validate(clean_uri="out/clean.parquet", quarantine_uri="out/aside.parquet", **spec)


def report_of(outcome: Outcome) -> ValidationReport:
    return decode(ValidationReport, read_evidence(outcome.evidence_uri).report)


def finding(outcome: Outcome, subject: str, measure: str = "unexpected_rows") -> Finding:
    return next(f for f in outcome.verdict.findings if (f.subject, f.measure) == (subject, measure))


BUDGET = {"max_quarantine_share": 0.5}


@pytest.mark.parametrize("name", ["wages.parquet", "wages.csv", "wages"])
def test_bad_rows_go_aside_with_all_their_reasons_and_the_others_go_on(name: str) -> None:
    if name == "wages":
        Path(name).mkdir()
        stored(wages().iloc[:4], "wages/a.parquet")
        stored(wages().iloc[4:], "wages/b.parquet")
    else:
        stored(name=name)
    outcome = both_outputs(dataset={"uri": name}, policy=BUDGET)
    clean, aside = pd.read_parquet("out/clean.parquet"), pd.read_parquet("out/aside.parquet")
    assert outcome.verdict.status is Status.NOTICE
    assert clean["nr"].tolist() == [0, 1, 3, 4, 6, 8, 9]
    assert aside["nr"].tolist() == [2, 5, 7]
    assert list(aside.columns) == [*wages().columns, "quarantine_reasons"]
    assert aside["quarantine_reasons"].str.count("expect_").tolist() == [1, 2, 1]
    assert "race: expect_column_values_to_be_in_set" in aside["quarantine_reasons"][1]
    assert "hours: expect_column_values_to_not_be_null" in aside["quarantine_reasons"][1]
    assert outcome.dataset is not None
    assert (outcome.dataset.uri, outcome.dataset.rows) == ("out/clean.parquet", 7)


def test_the_verdict_names_column_rule_counts_range_and_samples() -> None:
    stored()
    found = finding(validate(), "hours")
    assert found.status is Status.FAIL
    assert (found.observed, found.limit) == (1.0, 0.0)
    assert "expect_column_values_to_be_between(min_value=0, max_value=5000)" in found.detail
    assert "1 of 9 rows" in found.detail
    assert "observed -5 to 5000, such as -5" in found.detail


def test_a_failed_batch_leaves_a_quarantine_and_evidence_and_no_clean_rows() -> None:
    stored()
    outcome = both_outputs()
    assert outcome.verdict.status is Status.FAIL
    assert not Path("out/clean.parquet").exists()
    assert len(pd.read_parquet("out/aside.parquet")) == 3
    assert outcome.dataset is not None
    assert outcome.dataset.uri == "wages.parquet"
    evidence = read_evidence(outcome.evidence_uri)
    assert evidence.details == {"clean_rows": 7, "quarantined_rows": 3}


def test_a_failed_batch_leaves_the_clean_rows_of_an_earlier_one_alone() -> None:
    stored(wages().iloc[:2])
    both_outputs()
    stored()
    both_outputs()
    assert pd.read_parquet("out/clean.parquet")["nr"].tolist() == [0, 1]


def test_without_a_place_to_write_a_bad_row_fails_the_batch() -> None:
    stored()
    outcome = validate(policy={"max_quarantine_share": 1.0}, clean_uri="out/clean.parquet")
    assert outcome.verdict.status is Status.FAIL
    assert not Path("out").exists()


def test_a_batch_without_fault_goes_on_byte_by_byte_and_empties_an_older_quarantine() -> None:
    stored()
    both_outputs()
    stored(wages().iloc[:2])
    outcome = both_outputs()
    assert outcome.verdict.status is Status.PASS
    assert Path("out/clean.parquet").read_bytes() == Path("wages.parquet").read_bytes()
    assert len(pd.read_parquet("out/aside.parquet")) == 0
    assert outcome.dataset is not None
    assert outcome.dataset.fingerprint == read_evidence(outcome.evidence_uri).inputs["dataset"].fingerprint


def test_types_and_order_of_the_columns_stay_as_they_were() -> None:
    schema = pa.schema(
        [
            ("nr", pa.int32()),
            ("hours", pa.float32()),
            ("race", pa.dictionary(pa.int8(), pa.string())),
            ("paid", pa.decimal128(9, 2)),
            ("at", pa.timestamp("ns", "Europe/Berlin")),
            ("day", pa.date32()),
            ("tags", pa.list_(pa.string())),
            ("pair", pa.struct([("a", pa.int8()), ("b", pa.large_string())])),
            ("raw", pa.binary()),
        ]
    )
    row = {
        "nr": 1,
        "hours": 10.5,
        "race": "a",
        "paid": "1.25",
        "at": dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        "day": dt.date(2024, 1, 1),
        "tags": ["x"],
        "pair": {"a": 1, "b": "c"},
        "raw": b"\x00",
    }
    row["paid"] = Decimal("1.25")
    rows = [row, {**row, "hours": -1.0, "race": "x"}, dict.fromkeys(row) | {"hours": 1.0}]
    table = pa.Table.from_pylist(rows, schema=schema)
    pq.write_table(table, "wages.parquet")
    both_outputs(policy=BUDGET)
    clean, aside = pq.read_table("out/clean.parquet"), pq.read_table("out/aside.parquet")
    assert clean.schema.equals(schema)
    assert clean.equals(table.take([0, 2]))
    assert aside.drop_columns(["quarantine_reasons"]).equals(table.take([1]))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.int8(), -128),
        (pa.uint16(), 65_535),
        (pa.int64(), 2**63 - 1),
        (pa.uint64(), 2**64 - 1),
        (pa.float16(), 0.5),
        (pa.float32(), 0.1),
        (pa.float64(), 1e-300),
        (pa.bool_(), False),
        (pa.decimal128(38, 10), Decimal("1234567890123456789012345678.0123456789")),
        (pa.string(), "NA"),
        (pa.large_string(), ""),
        (pa.binary(), b"\x00\xff"),
        (pa.date32(), dt.date(1, 1, 1)),
        (pa.time64("us"), dt.time(23, 59, 59, 999_999)),
        (pa.timestamp("ns"), 1),
        (pa.timestamp("us", "Asia/Kathmandu"), 1),
        (pa.dictionary(pa.int32(), pa.string()), "a"),
        (pa.list_(pa.int8()), [1, None]),
        (pa.struct([("a", pa.list_(pa.string()))]), {"a": ["x"]}),
    ],
    ids=lambda each: str(each) if isinstance(each, pa.DataType) else "",
)
def test_a_value_of_any_type_goes_to_clean_rows_and_quarantine_as_it_is(kind: pa.DataType, value: Any) -> None:
    hours, column = pa.array([1.0, -1.0, 1.0, -1.0]), pa.array([value, value, None, None], kind)
    pq.write_table(pa.table({"hours": hours, "race": ["a"] * 4, "value": column}), "wages.parquet")
    both_outputs(policy=BUDGET)
    for place, row in (("clean", 0), ("aside", 1)):
        found = pq.read_table(f"out/{place}.parquet")["value"].combine_chunks()
        assert found.equals(column.take([row, row + 2]))


MAYBE = st.none() | st.integers(-3, 3)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(MAYBE, MAYBE, st.sampled_from(["a", "b", "x", None])), min_size=1, max_size=40))
def test_clean_and_quarantined_rows_together_are_the_input(rows: list[tuple[Any, Any, Any]]) -> None:
    table = pa.table(
        {
            "nr": pa.array(range(len(rows)), pa.int64()),
            "hours": pa.array([row[0] for row in rows], pa.int64()),
            "key": pa.array([row[1] for row in rows], pa.int64()),
            "race": pa.array([row[2] for row in rows], pa.string()),
        }
    )
    pq.write_table(table, "wages.parquet")
    unique = {"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["hours", "key"]}}
    suite = {"name": "wages", "expectations": [BETWEEN, KNOWN, unique]}
    outcome = both_outputs(suite=suite, policy={"max_quarantine_share": 1.0})
    aside = pq.read_table("out/aside.parquet")
    assert all(aside["quarantine_reasons"].to_pylist())
    if outcome.verdict.status is not Status.FAIL:
        both = pa.concat_tables([pq.read_table("out/clean.parquet"), aside.drop_columns(["quarantine_reasons"])])
        assert both.sort_by("nr").equals(table)


def test_a_second_run_writes_the_same_bytes() -> None:
    stored()
    both_outputs(policy=BUDGET)
    first = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    both_outputs(policy=BUDGET)
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == first


def test_the_verdict_can_be_recomputed_from_the_evidence() -> None:
    stored()
    outcome = both_outputs(policy=BUDGET)
    evidence = read_evidence(outcome.evidence_uri)
    policy = decode(ValidationPolicy, evidence.policy)
    assert judge_validation(decode(ValidationReport, evidence.report), policy) == outcome.verdict


def test_the_evidence_keeps_results_in_great_expectations_format_and_a_page() -> None:
    stored()
    evidence = read_evidence(validate().evidence_uri)
    result = json.loads(local_path(evidence.attachments["validation_result.json"]).read_bytes())
    assert result["success"] is False
    assert result["statistics"]["unsuccessful_expectations"] == 3
    assert result["results"][1]["expectation_config"]["type"] == KNOWN["type"]
    assert result["results"][1]["result"]["partial_unexpected_counts"] == [{"value": "x", "count": 2}]
    page = local_path(evidence.attachments["report.html"]).read_text(encoding="utf-8")
    assert "expect_column_values_to_be_in_set" in page


def test_values_of_sensitive_columns_appear_nowhere() -> None:
    frame = wages()
    frame.loc[2, "hours"] = -77123
    frame["race"] = frame["race"].replace("x", "secret-7")
    stored(frame)
    extremes = {"type": "expect_column_max_to_be_between", "kwargs": {"column": "hours", "max_value": 10}}
    ordered = {"type": "expect_column_values_to_be_decreasing", "kwargs": {"column": "hours"}}
    suite = {"name": "wages", "expectations": [*SUITE["expectations"], extremes, ordered]}
    outcome = validate(suite=suite, sensitive=["race", "hours"])
    evidence = read_evidence(outcome.evidence_uri)
    said = [json.dumps(outcome.to_json()), local_path(outcome.evidence_uri).read_text(encoding="utf-8")]
    said += [local_path(uri).read_text(encoding="utf-8") for uri in evidence.attachments.values()]
    assert outcome.verdict.status is Status.FAIL
    for text in said:
        assert "secret-7" not in text
        assert "77123" not in text
        assert "4999" not in text


def test_rules_outside_the_scan_quarantine_their_rows_too() -> None:
    stored(pd.DataFrame({"nr": range(5), "hours": [1, 2, 1, 3, 2], "race": list("aaxaa")}))
    rising = {"type": "expect_column_values_to_be_increasing", "kwargs": {"column": "hours"}}
    outcome = both_outputs(suite={"name": "s", "expectations": [rising, KNOWN]}, policy={"max_quarantine_share": 0.9})
    aside = pd.read_parquet("out/aside.parquet")
    assert aside["nr"].tolist() == [2, 4]
    assert aside["quarantine_reasons"].str.count("expect_").tolist() == [2, 1]
    assert [result.engine.value for result in report_of(outcome).results] == ["great_expectations", "scan"]


def test_a_row_that_only_breaks_a_tolerated_rule_stays_clean() -> None:
    stored()
    tolerant = {"type": KNOWN["type"], "kwargs": {**KNOWN["kwargs"], "mostly": 0.7}}
    outcome = both_outputs(suite={"name": "s", "expectations": [BETWEEN, tolerant]}, policy=BUDGET)
    assert pd.read_parquet("out/aside.parquet")["nr"].tolist() == [2]
    assert 5 in pd.read_parquet("out/clean.parquet")["nr"].tolist()
    assert finding(outcome, "race").status is Status.PASS


def test_more_than_sixty_two_broken_rules_keep_all_their_reasons() -> None:
    stored(pd.DataFrame({"nr": [0, 1], "hours": [-1, 70], "race": ["a", "a"]}))
    rules = [{"type": BETWEEN["type"], "kwargs": {"column": "hours", "min_value": bound}} for bound in range(100)]
    both_outputs(suite={"name": "s", "expectations": rules})
    reasons = pd.read_parquet("out/aside.parquet")["quarantine_reasons"]
    assert reasons.str.count("expect_").tolist() == [100, 29]


# -- what is wrong with the data ----------------------------------------------------------------------------------


def test_a_missing_column_fails_and_is_named() -> None:
    stored(wages().drop(columns="race"))
    found = finding(validate(), "race", "violations")
    assert found.status is Status.FAIL
    assert "column 'race' is missing" in found.detail


def test_a_column_of_texts_fails_a_rule_about_numbers() -> None:
    frame = wages()
    frame["hours"] = frame["hours"].astype(str)
    stored(frame)
    found = finding(validate(), "hours", "violations")
    assert found.status is Status.FAIL
    assert "column 'hours' is string, which does not compare with 0" in found.detail


def test_an_all_missing_column_fails() -> None:
    frame = wages()
    frame["hours"] = float("nan")
    stored(frame)
    suite = {"name": "s", "expectations": [BETWEEN]}
    assert finding(validate(suite=suite), "hours", "missing_share").status is Status.FAIL


@pytest.mark.parametrize("limits", [{"min_value": 0}, {"max_value": 5000}, {"min_value": 0, "max_value": 5000}])
def test_infinite_values_are_caught_by_a_range_even_where_it_is_open(limits: dict[str, int]) -> None:
    frame = wages()
    frame.loc[2, "hours"] = float("inf")
    frame.loc[3, "hours"] = float("-inf")
    stored(frame)
    rule = {"type": BETWEEN["type"], "kwargs": {"column": "hours", **limits}}
    outcome = validate(suite={"name": "s", "expectations": [rule]})
    assert finding(outcome, "hours").observed == 2
    assert finding(outcome, "hours", "infinite_values").observed == 2


@pytest.mark.parametrize("statistic", ["min", "max", "mean", "sum", "stdev", "median"])
def test_no_statistic_of_a_column_with_infinite_values_passes(statistic: str) -> None:
    frame = wages()
    frame.loc[2, "hours"] = float("inf")
    frame.loc[3, "hours"] = float("-inf")
    stored(frame)
    rule = {"type": f"expect_column_{statistic}_to_be_between", "kwargs": {"column": "hours", "min_value": -1e30}}
    assert validate(suite={"name": "s", "expectations": [rule]}).verdict.status is Status.FAIL


def test_an_empty_batch_is_insufficient_evidence() -> None:
    stored(wages().iloc[:0])
    outcome = both_outputs(policy=BUDGET)
    assert outcome.verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert not Path("out/clean.parquet").exists()
    count = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}
    assert validate(suite={"name": "s", "expectations": [count, BETWEEN]}).verdict.status is Status.FAIL


@pytest.mark.parametrize("form", ["typed", "untyped", "csv"])
@pytest.mark.parametrize(
    "rule",
    [
        BETWEEN,
        {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "hours", "max_value": 1}},
        {"type": "expect_column_values_to_be_of_type", "kwargs": {"column": "hours", "type_": "int64"}},
    ],
)
def test_an_empty_batch_is_insufficient_evidence_whether_its_columns_have_types(
    form: str, rule: dict[str, Any]
) -> None:
    if form == "csv":
        Path("empty.csv").write_text("hours,race\n")
    else:
        pq.write_table(pa.table({"hours": pa.array([], pa.int64() if form == "typed" else pa.null())}), "empty.parquet")
    found = "empty.csv" if form == "csv" else "empty.parquet"
    outcome = validate(dataset=found, suite={"name": "s", "expectations": [rule]})
    assert outcome.verdict.status is Status.INSUFFICIENT_EVIDENCE
    missing = {"type": "expect_column_to_exist", "kwargs": {"column": "nothing"}}
    outcome = validate(dataset=found, suite={"name": "s", "expectations": [missing]})
    assert outcome.verdict.status is Status.FAIL


def test_no_statistic_of_great_expectations_passes_on_infinite_values() -> None:
    stored(pd.DataFrame({"x": [1.0, float("inf"), float("-inf"), float("nan")]}))
    kwargs = {"column": "x", "threshold": 1, "double_sided": True}
    rule = {"type": "expect_column_value_z_scores_to_be_less_than", "kwargs": kwargs}
    outcome = validate(suite={"name": "s", "expectations": [rule]})
    assert outcome.verdict.status is Status.FAIL
    assert "column 'x' holds 2 infinite value(s)" in outcome.verdict.summary


def test_a_dataset_that_changed_since_it_was_pinned_is_refused() -> None:
    stored()
    with pytest.raises(IntegrityError, match="changed"):
        both_outputs(dataset={"uri": "wages.parquet", "fingerprint": "sha256:" + "0" * 64}, policy=BUDGET)
    assert not Path("out").exists()


# -- what is wrong with the rules ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expectation", "told"),
    [
        ({"type": "expect_column_values_to_be_splendid", "kwargs": {"column": "hours"}}, "splendid"),
        ({"type": BETWEEN["type"], "kwargs": {"column": "hours"}}, "min_value and max_value"),
        ({"type": BETWEEN["type"], "kwargs": {"column": "hours", "min_value": 5, "max_value": 1}}, "above max_value"),
        ({"type": BETWEEN["type"], "kwargs": {"column": "hours", "minimum": 5}}, "minimum"),
        ({"type": BETWEEN["type"], "kwargs": {"min_value": 5}}, "'column' is missing"),
        ({"type": BETWEEN["type"], "kwargs": {"column": "hours", "min_value": 0, "mostly": 2}}, "mostly"),
        ({"type": KNOWN["type"], "kwargs": {"column": "race", "value_set": "ab"}}, "value_set"),
        (
            {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "race", "regex": "(a"}},
            "not a regular expression",
        ),
        ({"type": BETWEEN["type"], "column": "hours"}, "unknown key 'column'"),
        ({"kwargs": {}}, "'type'"),
        ({"type": BETWEEN["type"], "kwargs": {"column": "hours", "min_value": {"$PARAMETER": "x"}}}, "suite parameter"),
        ({"type": "expect_rows_to_satisfy", "kwargs": {"condition": "hours >"}}, "not a query"),
        ({"type": "expect_rows_to_satisfy", "kwargs": {"condition": "sum(hours) > 3"}}, "expect_rows_to_satisfy"),
        ({"type": "expect_rows_to_satisfy", "kwargs": {"condition": "nowhere(hours)"}}, "nowhere"),
        (
            {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": "DROP TABLE batch"}},
            "not a query",
        ),
        (
            {"type": "expect_column_values_to_be_of_type", "kwargs": {"column": "hours", "type_": "widget"}},
            "widget",
        ),
        (
            {"type": "expect_column_values_to_match_strftime_format", "kwargs": {"column": "race"}},
            "strftime_format",
        ),
        ({"type": "expect_column_values_to_be_increasing", "kwargs": {"column": "hours", "upwards": True}}, "upwards"),
    ],
)
def test_a_broken_rule_is_an_error_that_names_the_expectation(expectation: dict[str, Any], told: str) -> None:
    stored()
    with pytest.raises(BadInputError) as raised:
        both_outputs(suite={"name": "s", "expectations": [BETWEEN, expectation]})
    assert told in str(raised.value)
    assert "expectation 2" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"suite": None}, "one of 'suite' and 'contract'"),
        ({"contract": "contract.yaml"}, "one of 'suite' and 'contract'"),
        ({"suite": {"name": "s", "expectations": []}}, "at least one"),
        ({"suite": {"name": "s", "rules": []}}, "unknown key 'rules'"),
        ({"suite": "absent.json"}, "absent.json"),
        ({"suite": "broken.json"}, "broken.json"),
        ({"suite": None, "contract": "absent.yaml"}, "absent.yaml"),
        ({"policy": {"max_share": 1}}, "max_share"),
        ({"dataset": {"uri": "absent.parquet"}}, "absent.parquet"),
        ({"dataset": {"uri": "truncated.parquet"}}, "truncated.parquet"),
        ({"dataset": {"uri": "broken.csv"}}, "broken.csv"),
        ({"clean_uri": "wages.parquet"}, "wages.parquet is part of the dataset"),
        ({"clean_uri": "a.parquet", "quarantine_uri": "./a.parquet"}, "both"),
        ({"clean_uri": "clean.txt"}, "clean.txt"),
        ({"sensitive": "hours"}, "sensitive"),
    ],
)
def test_a_bad_spec_is_refused_by_name(spec: dict[str, Any], told: str) -> None:
    stored(wages().iloc[:2])
    Path("broken.json").write_text("{", encoding="utf-8")
    Path("broken.csv").write_text("a,b\n1,2\n1,2,3\n", encoding="utf-8")
    Path("truncated.parquet").write_bytes(Path("wages.parquet").read_bytes()[:-20])
    with pytest.raises(BadInputError) as raised:
        validate(**spec)
    assert told in str(raised.value)


def test_a_quarantine_needs_its_column_name() -> None:
    stored(wages().assign(quarantine_reasons="x"))
    with pytest.raises(BadInputError, match="quarantine_reasons"):
        both_outputs()


def test_a_place_that_cannot_be_written_is_a_failed_backend_and_leaves_nothing() -> None:
    stored()
    Path("file").touch()
    with pytest.raises(BackendError, match="cannot be written"):
        validate(clean_uri="out/clean.parquet", quarantine_uri="file/aside.parquet", policy=BUDGET)
    assert not list(Path().glob("out/*"))


def test_the_command_prints_one_outcome_or_one_line_of_error() -> None:
    stored()
    Path("suite.json").write_text(json.dumps(SUITE), encoding="utf-8")
    spec = {"dataset": {"uri": "wages.parquet"}, "suite": "suite.json"}
    command = [sys.executable, "-m", "airflow_mlops_provider.jobs", "validate", "-"]
    good = subprocess.run(command, input=json.dumps(spec), text=True, capture_output=True, check=False)
    assert good.returncode == 0
    assert json.loads(good.stdout.splitlines()[-1])["verdict"]["status"] == "fail"
    spec["suite"] = {"expectations": [{"type": "expect_nothing", "kwargs": {}}]}
    bad = subprocess.run(command, input=json.dumps(spec), text=True, capture_output=True, check=False)
    assert bad.returncode == 2
    assert len(bad.stderr.splitlines()) == 1
    assert "expect_nothing" in bad.stderr


def test_rows_that_break_a_warning_alone_stay_with_the_clean_ones() -> None:
    suite = {"name": "wages", "expectations": [{**BETWEEN, "severity": "critical"}, {**KNOWN, "severity": "warning"}]}
    spec = {"dataset": stored(), "suite": suite, "clean_uri": "clean.parquet", "quarantine_uri": "bad.parquet"}
    outcome = run("validate", {**spec, "policy": {"max_quarantine_share": 0.1}})
    assert outcome.verdict.status is Status.NOTICE
    assert pd.read_parquet("clean.parquet")["nr"].tolist() == [0, 1, 3, 4, 5, 6, 7, 8, 9]
    assert pd.read_parquet("bad.parquet")["nr"].tolist() == [2]
    warned = next(finding for finding in outcome.verdict.findings if finding.subject == "race")
    assert (warned.status, warned.detail.endswith("(severity warning)")) == (Status.NOTICE, True)


def test_a_contract_without_a_word_on_the_data_is_insufficient_evidence() -> None:
    contract = {"kind": "DataContract", "apiVersion": "v3.0.2", "id": "c", "version": "1", "status": "active"}
    outcome = run("validate", {"dataset": stored(), "contract": contract, "clean_uri": "clean.parquet"})
    assert outcome.verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert not Path("clean.parquet").exists()
