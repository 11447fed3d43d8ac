"""Cross-validation folds: at random, by group, or forward in time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from airflow_mlops_provider.analysis.training.data import TrainingData
from airflow_mlops_provider.records.model_spec import ModelSpec, SplitKind, Task

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Positions of the rows to train on and of those to judge on."""


def split_kind(spec: ModelSpec) -> SplitKind:
    """How ``spec`` splits, with ``auto`` resolved."""
    if spec.split.kind is not SplitKind.AUTO:
        return spec.split.kind
    if spec.group_column:
        return SplitKind.GROUP
    return SplitKind.TIME if spec.time_column else SplitKind.RANDOM


def make_folds(data: TrainingData, spec: ModelSpec, *, folds: int | None = None) -> list[Fold]:
    """The folds of one training, the same for the same data and seed.

    Classes are spread evenly over random and group folds. Fold i of a time split trains on the points in time before
    its block and is judged on the block. Folds whose training rows hold fewer than two classes or values are left out.

    :param folds: how many; the model's own number by default. Fewer when there are not as many groups, points in
        time, or rows of the rarest class; none when there are fewer than two.
    """
    wanted = folds or spec.split.folds
    kind = split_kind(spec)
    if kind is SplitKind.TIME:
        found = list(_forward(data, wanted))
    elif kind is SplitKind.GROUP:
        found = _by_group(data, spec, wanted)
    else:
        found = _at_random(data, spec, wanted)
    return [(train, test) for train, test in found if data.target.iloc[train].nunique() >= 2]


def _forward(data: TrainingData, folds: int) -> Iterator[Fold]:
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
