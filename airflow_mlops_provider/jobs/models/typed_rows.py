"""Rows of CSV files with the types that a model was trained on: the cells alone do not tell them."""

from __future__ import annotations

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.csv_format import ColumnType, DeclaredType
from airflow_mlops_provider.stores.datasets.csv_dataset import CsvDataset
from airflow_mlops_provider.stores.datasets.dataset import Dataset
from airflow_mlops_provider.stores.models import Predictor

_KINDS = {"text": ColumnType.TEXT, "number": ColumnType.NUMBER}


def typed_rows(dataset: Dataset, model: Predictor) -> Dataset:
    """The dataset, with the features of ``model`` as they were in training.

    :raises BadInputError: when a cell does not fit, naming the column and the first such row.
    """
    if not isinstance(dataset, CsvDataset):
        return dataset
    by = f"model {model.spec.name}"
    kinds = {name: _KINDS[kind] for name, kind in model.columns.items() if kind in _KINDS}
    typed = dataset.with_types({name: DeclaredType(kind=kind, by=by) for name, kind in kinds.items()})
    for each in typed.misfits:
        raise BadInputError(
            f"dataset {dataset.uri}: column {each.column!r} holds {len(each.rows):,} cells that are no "
            f"{each.declared.kind}, the first in row {each.rows[0] + 1:,}; {each.declared.by} was trained on "
            f"{each.declared.kind} values"
        )
    return typed
