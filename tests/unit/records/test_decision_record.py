from __future__ import annotations

import json

from airflow_mlops_provider.records.codec import canonical_json, decode, encode
from airflow_mlops_provider.records.decision_record import DecisionRecord
from tests.unit.stores.chains.decided import record


def test_a_record_survives_its_way_through_json():
    made = record(7, restores=3, person="ada", reason="why not")
    assert decode(DecisionRecord, json.loads(canonical_json(made))) == made
    assert encode(made)["effect"] == "moved"
