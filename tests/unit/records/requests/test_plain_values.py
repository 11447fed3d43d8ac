"""What Airflow hands to an operator is taken, or refused at once with the key's name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from airflow.sdk import Asset, ObjectStoragePath

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.requests.plain_values import flat, plain
from airflow_mlops_provider.records.requests.predict import PredictRequest
from airflow_mlops_provider.records.requests.promote import PromoteRequest
from airflow_mlops_provider.records.requests.short_forms import dataset_ref, evidence_uris, model_of


class Lazy(Sequence):
    """As the outputs of a mapped task come: a sequence that is neither list nor tuple."""

    def __init__(self, *items):
        self._items = items

    def __getitem__(self, index):
        return self._items[index]

    def __len__(self):
        return len(self._items)


@pytest.mark.parametrize(
    ("value", "uri"),
    [
        (Path("/data/in.parquet"), "/data/in.parquet"),
        (ObjectStoragePath("s3://bucket/in.parquet"), "s3://bucket/in.parquet"),
        (ObjectStoragePath("file:///data/in.parquet"), "file:///data/in.parquet"),
        (Asset(uri="s3://bucket/in.parquet"), "s3://bucket/in.parquet"),
        ({"uri": "in.parquet", "rows": 3}, "in.parquet"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_dataset_may_be_a_path_an_asset_or_a_mapping(value, uri):
    assert dataset_ref(value).uri == uri


def test_paths_are_taken_for_models_and_outputs():
    request = PredictRequest(model=model_of(Path("wage.yaml")), dataset=dataset_ref("in.csv"), output_uri=Path("o.csv"))
    assert (request.model, request.output_uri) == ("wage.yaml", "o.csv")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (ObjectStoragePath("s3://bucket/in.parquet", conn_id="mine"), "'dataset' is a path of .* Connection 'mine'"),
        (Asset("wage_drift"), "'dataset' is the asset 'wage_drift', which names no place"),
        ({"uri": "in.parquet", "size": 3}, "unknown key 'size'"),
        (3, "dataset must be a mapping, not int"),
    ],
    ids=["connection", "asset", "mapping", "number"],
)
def test_what_is_no_dataset_is_refused_with_its_key(value, words):
    with pytest.raises(BadInputError, match=words):
        dataset_ref(value)


def test_outputs_of_mapped_and_skipped_tasks_are_one_list_of_evidence():
    assert evidence_uris([Lazy("a", None, "b"), "c", None, [Lazy("d")]]) == ("a", "b", "c", "d")
    assert evidence_uris(Lazy()) == ()


def test_a_request_made_by_hand_takes_lazy_sequences():
    assert PromoteRequest(model="models:/m/1", evidence=Lazy("a", "b")).evidence == ("a", "b")


def test_text_is_no_sequence_to_take_apart():
    assert flat("ab") == ["ab"]
    assert plain("ab", key="k") == "ab"
