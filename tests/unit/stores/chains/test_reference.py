from __future__ import annotations

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.stores.chains.reference import reference_dataset


def test_the_reference_is_the_training_data_of_the_version_in_force(three, tmp_path):
    root = str(tmp_path / "mlops")
    assert reference_dataset("models:/wage@champion", root).uri == "train_3.parquet"
    assert reference_dataset("models:/wage@previous", root).uri == "train_2.parquet"
    with pytest.raises(BadInputError, match="no promotion to 'staging' is recorded"):
        reference_dataset("models:/wage@staging", root)
