"""Specs that are none, lack a key, or have a wrong one."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from airflow_mlops_provider.decisions.bias import BiasPolicy
from airflow_mlops_provider.decisions.drift import DriftPolicy
from airflow_mlops_provider.decisions.evaluation import EvaluationPolicy
from airflow_mlops_provider.decisions.promotion import PromotionPolicy
from airflow_mlops_provider.decisions.validation import ValidationPolicy

DRIFT = {"reference": "a.parquet", "current": "b.parquet"}
TABLE = {"predictions": "p.parquet", "label_column": "y"}
SPECS: dict[str, dict[str, Any]] = {
    "validate": {"dataset": "a.parquet", "suite": "s.json"},
    "drift": DRIFT,
    "evaluate": {**TABLE, "candidate": "c"},
    "bias": {**TABLE, "prediction_column": "c", "slices": ["s"]},
    "promote": {"model": "models:/m/1", "evidence": []},
}
POLICIES = {
    "validate": ValidationPolicy,
    "drift": DriftPolicy,
    "evaluate": EvaluationPolicy,
    "bias": BiasPolicy,
    "promote": PromotionPolicy,
}


def test_a_spec_file_that_is_not_there_is_named(command, capsys):
    from airflow_mlops_provider.jobs.__main__ import main

    assert main(["drift", "no/such/spec.json"]) == 2
    assert capsys.readouterr().err == "spec no/such/spec.json: No such file or directory\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not JSON: Expecting value"),
        ("not json", "is not JSON: Expecting value"),
        ('{"reference": }', "is not JSON: Expecting value: line 1 column 15"),
        (b"\xff\xfe\x00", "codec can't decode"),
        ("[" * 100_000, "nested too deeply"),
        ("[1, 2]", "must be a JSON object, not list"),
        ('"drift"', "must be a JSON object, not str"),
        ("null", "must be a JSON object, not NoneType"),
        ('{"reference": "a", "reference": "b"}', "key 'reference' is given twice"),
    ],
    ids=range(9),
)
def test_a_spec_that_is_no_json_object_is_refused(text, reason, command):
    command.refused("drift", text, "spec.json", reason)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"reference": 5}, "reference must be a mapping, not int"),
        ({"reference": None}, "reference must be a mapping, not NoneType"),
        ({"reference": {}}, "reference: key 'uri' is missing"),
        ({"reference": {"uri": 7}}, "reference.uri must be str, not int (7)"),
        ({"reference": {"uri": "a", "url": "b"}}, "reference: unknown key 'url'; known keys are "),
        ({"reference": ""}, "key 'uri' is empty"),
        ({"columns": "hours"}, "columns must be a list, not str"),
        ({"columns": [1]}, "columns[0] must be str, not int (1)"),
        ({"columns": []}, "key 'columns' is empty"),
        ({"label_column": ["y"]}, "label_column must be str, not list"),
        ({"html_report": "no"}, "html_report is 'no'; allowed are 'always', 'on_drift', 'never'"),
        ({"policy": 5}, "policy must be a mapping, not int"),
        ({"policy": {"rule": "magic"}}, "policy.rule is 'magic'; allowed are 'default', "),
        ({"policy": {"joint": 1}}, "policy.joint must be bool, not int (1)"),
        ({"evidence_root": 5}, "evidence_root must be str, not int (5)"),
        ({"evidence_root": "ftp://host/x"}, "ftp:// has no exclusive create"),
        ({"evidence_root": "a\0b"}, "is not a path"),
        ({"current": {"kind": "drift", "verdict": {}}}, "Outcome: key 'evidence_uri' is missing"),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)
def test_a_value_of_the_wrong_type_is_named_with_its_key(change, reason, command):
    command.refused("drift", {**DRIFT, **change}, reason)


def test_a_long_value_is_not_repeated_in_full(command):
    assert len(command.refused("drift", {**DRIFT, "columns": [1, "x" * 10_000]})) < 200


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_an_unknown_policy_key_is_told_the_known_ones(name, command):
    line = command.refused(name, {**SPECS[name], "policy": {"no_such_limit": 1}}, "unknown key 'no_such_limit'")
    assert all(field.name in line for field in fields(POLICIES[name]))


def _out_of_range() -> list[tuple[str, str, Any]]:
    shares = {
        "validate": ["max_quarantine_share"],
        "drift": [
            *("monthly_false_alarm", "min_ks_d", "severe_ks_d", "min_tvd"),
            *("min_missing_change", "min_unseen_share", "min_joint_auc"),
        ],
        "evaluate": ["confidence"],
        "promote": ["confidence"],
        "bias": ["alpha"],
    }
    found = [(name, key, value) for name, keys in shares.items() for key in keys for value in (-0.1, 1.1)]
    counts = {"drift": ["checks_per_month", "min_rows"], "bias": ["min_support"]}
    counts |= {"evaluate": ["min_rows", "challengers"], "promote": ["min_rows"]}
    found += [(name, key, value) for name, keys in counts.items() for key in keys for value in (0, -1)]
    amounts = {"evaluate": ["margin", "max_p99_latency_ms"], "promote": ["margin"], "bias": ["min_gap"]}
    return found + [(name, key, -0.5) for name, keys in amounts.items() for key in keys]


@pytest.mark.parametrize(("name", "key", "value"), _out_of_range())
def test_a_policy_value_out_of_range_is_named(name, key, value, command):
    command.refused(name, {**SPECS[name], "policy": {key: value}}, key, str(value))


def _numbers() -> list[tuple[str, str, type]]:
    return [
        (name, field.name, type(field.default))
        for name, policy in POLICIES.items()
        for field in fields(policy)
        if type(field.default) in (int, float)
    ]


@pytest.mark.parametrize(("name", "key", "kind"), _numbers())
@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", "1" + "0" * 400, '"0.5"', "true", "null", "[0.5]"])
def test_a_policy_value_that_is_no_usable_number_is_named(name, key, kind, text, command):
    spec = json.dumps({**SPECS[name], "policy": {key: 0.125}}).replace("0.125", text)
    command.refused(name, spec, f"{name} spec.policy.{key} ")


@pytest.mark.parametrize(
    ("name", "without", "key"),
    [
        ("validate", "dataset", "'dataset' is missing"),
        ("validate", "suite", "give one of 'suite' and 'contract'"),
        ("drift", "current", "'current' is missing"),
        ("evaluate", "label_column", "'label_column' is missing"),
        ("evaluate", "candidate", "'candidate' is missing"),
        ("bias", "prediction_column", "'prediction_column' is missing"),
        ("bias", "slices", "'slices' is missing"),
        ("promote", "evidence", "'evidence' is missing"),
        ("promote", "model", "'model' is missing"),
    ],
)
def test_a_missing_key_is_named(name, without, key, command):
    command.refused(name, {k: v for k, v in SPECS[name].items() if k != without}, f"{name} spec: ", key)


@pytest.mark.parametrize(
    ("name", "more", "reason"),
    [
        ("validate", {"contract": "c.yaml"}, "give one of 'suite' and 'contract'"),
        ("evaluate", {"model": "models:/m/1"}, "keys 'model' and 'predictions' exclude each other"),
        ("bias", {"model": "models:/m/1"}, "keys 'model' and 'predictions' exclude each other"),
        ("evaluate", {"seed": -1}, "'seed' is -1"),
        ("bias", {"max_depth": 0}, "'max_depth' is 0"),
        ("bias", {"slices": []}, "'slices' is empty"),
        ("bias", {"slices": [5]}, "slices: 5 is no column name"),
        ("bias", {"slices": [{"column": "a", "bins": [2, 1]}]}, "'bins' of column 'a' must be rising numbers"),
        ("bias", {"slices": [{"column": "a", "quantiles": 1}]}, "'quantiles' of column 'a' must be a whole number"),
        ("promote", {"mode": "yolo"}, "promote spec.mode is 'yolo'; allowed are 'suggest', 'approve', 'auto'"),
        ("promote", {"alias": "latest"}, "key 'alias' is 'latest'"),
        ("promote", {"alias": "v1"}, "key 'alias' is 'v1'"),
        ("promote", {"alias": "a b"}, "key 'alias' is 'a b'"),
        ("promote", {"alias": "previous"}, "key 'alias' is 'previous'"),
        ("promote", {"evidence": "e.json"}, "promote spec.evidence must be a list, not str"),
        ("promote", {"policy": {"required": ["horoscope"]}}, "'required' names 'horoscope'"),
    ],
)
def test_keys_that_contradict_each_other_or_hold_what_cannot_be_are_named(name, more, reason, command):
    command.refused(name, {**SPECS[name], **more}, reason)


@pytest.mark.parametrize(
    ("name", "spec", "reason"),
    [
        ("rollback", {"model": "wage"}, "rollback spec: key 'reason' is missing"),
        ("rollback", {"model": "wage", "reason": " "}, "'reason' is empty"),
        ("rollback", {"model": 5, "reason": "x"}, "rollback spec.model must be a mapping, not int"),
        ("verify", {}, "verify spec: give either 'model' or 'evidence'"),
        ("verify", {"model": "wage", "evidence": "e"}, "verify spec: give either 'model' or 'evidence'"),
        ("verify", {"model": "../../etc"}, "'../../etc' is no model's name"),
        ("verify", {"model": "nobody"}, "no decision about model 'nobody' is recorded in "),
        ("replay", {"model": "wage"}, "replay spec: key 'policy' is missing"),
        ("replay", {"model": "nobody", "policy": {}}, "no decision about model 'nobody' is recorded in "),
    ],
)
def test_decisions_that_nobody_made_are_named(name, spec, reason, command):
    command.refused(name, spec, reason)


def test_nothing_at_all_is_left_of_a_bad_spec(command, tmp_path: Path):
    command.refused("drift", {**DRIFT, "policy": {"min_rows": 0}})
    assert [path.name for path in tmp_path.iterdir()] == ["spec.json"]
