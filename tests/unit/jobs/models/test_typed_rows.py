"""Rows of CSV files for a model: with the types of its training, whatever the cells of the day look like."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.models.typed_rows import typed_rows
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.writing import write_dataset
from airflow_mlops_provider.stores.models import Predictor

SPEC = ModelSpec(
    name="price",
    task=Task.REGRESSION,
    target="price",
    features=("zip", "rooms"),
    trainer="m:f",
    metrics={"mae": Direction.LOWER},
)
MODEL = Predictor(spec=SPEC, estimator=None, columns={"zip": "text", "rooms": "number"})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_digits_are_text_for_a_model_that_learnt_text() -> None:
    Path("day.csv").write_text("zip,rooms,floor\n10001,2,1\n10002,,2\n")
    found = typed_rows(open_dataset("day.csv"), MODEL)
    assert found.table().to_pydict() == {"zip": ["10001", "10002"], "rooms": [2, None], "floor": [1, 2]}
    assert found.ref.fingerprint == open_dataset("day.csv").ref.fingerprint


def test_a_cell_that_is_no_number_is_named_by_column_and_row_without_its_value() -> None:
    Path("day.csv").write_text("zip,rooms\n10001,2\n10002,SECRET\n10003,many\n")
    message = r"column 'rooms' holds 2 cells that are no number, the first in row 2; model price was trained on number"
    with pytest.raises(BadInputError, match=message) as caught:
        typed_rows(open_dataset("day.csv"), MODEL)
    assert "SECRET" not in str(caught.value)


def test_other_formats_tell_their_types_themselves() -> None:
    write_dataset(pa.table({"zip": [10001], "rooms": [2]}), "day.parquet")
    data = open_dataset("day.parquet")
    assert typed_rows(data, MODEL) is data
