"""Split rows into cross-validation folds: at random, by group, or forward in time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from airflow_mlops_provider.analysis.training.data import TrainingData
from airflow_mlops_provider.records.model_spec import ModelSpec, SplitKind, Task

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Positions of the training rows and of the test rows."""


def split_kind(spec: ModelSpec) -> SplitKind:
    """Return how ``spec`` splits its rows, with ``auto`` resolved."""
    if spec.split.kind is not SplitKind.AUTO:
        return spec.split.kind
    if spec.group_column:
        return SplitKind.GROUP
    return SplitKind.TIME if spec.time_column else SplitKind.RANDOM


def make_folds(data: TrainingData, spec: ModelSpec, *, folds: int | None = None) -> list[Fold]:
    """Return the folds of a training, the same ones for the same data and seed.

    Random folds, and group folds where possible, are stratified by class. A fold of a time split is tested on a block
    of times and trained on all times before it. Folds with fewer than two different target values in the training rows
    are left out.

    :param data: the checked rows.
    :param spec: the declaration of the model, with its split and seed.
    :param folds: number of folds; that of the split by default. There are fewer when there are fewer groups, times or
        rows of the rarest class, and none when fewer than two remain.
    """
    wanted = folds or spec.split.folds
    kind = split_kind(spec)
    if kind is SplitKind.TIME:
        found = list(_by_time(data, wanted))
    elif kind is SplitKind.GROUP:
        found = _by_group(data, spec, wanted)
    else:
        found = _at_random(data, spec, wanted)
    return [(train, test) for train, test in found if data.target.iloc[train].nunique() >= 2]


def _by_time(data: TrainingData, folds: int) -> Iterator[Fold]:
    assert data.times is not None  # noqa: S101  # the specification was checked
    points = np.unique(data.times)
    for block in np.array_split(points, min(folds + 1, len(points)))[1:]:
        yield (
            np.flatnonzero(data.times < block[0]),
            np.flatnonzero((data.times >= block[0]) & (data.times <= block[-1])),
        )


def _by_group(data: TrainingData, spec: ModelSpec, folds: int) -> list[Fold]:
    assert data.groups is not None  # noqa: S101  # as above
    folds = min(folds, len(np.unique(data.groups)))
    if folds < 2:
        return []
    if spec.task is Task.CLASSIFICATION and folds <= data.target.value_counts().min():
        stratified = StratifiedGroupKFold(folds, shuffle=True, random_state=spec.seed)
        return list(stratified.split(data.features, data.target, data.groups))
    plain = GroupKFold(folds, shuffle=True, random_state=spec.seed)
    return list(plain.split(data.features, data.target, data.groups))


def _at_random(data: TrainingData, spec: ModelSpec, folds: int) -> list[Fold]:
    if spec.task is Task.CLASSIFICATION:
        folds = min(folds, int(data.target.value_counts().min()))
        if folds < 2:
            return []
        return list(StratifiedKFold(folds, shuffle=True, random_state=spec.seed).split(data.features, data.target))
    folds = min(folds, len(data.target))
    return list(KFold(folds, shuffle=True, random_state=spec.seed).split(data.features)) if folds >= 2 else []
