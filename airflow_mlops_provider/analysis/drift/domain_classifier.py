"""Test all features together, by a classifier that separates current rows from reference rows."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.drift.arrays import is_text, plain_text, to_floats
from airflow_mlops_provider.analysis.drift.columns import Plan, Rows
from airflow_mlops_provider.analysis.drift.effective_sample_size import blocks_of
from airflow_mlops_provider.analysis.stats.two_sample import auc, welch
from airflow_mlops_provider.records.reports.drift import JointDrift

Floats = NDArray[np.float64]
Blocks = NDArray[np.intp]

SAMPLE_ROWS = 5_000
"""Largest number of rows that is sampled from each side."""
BLOCKS = 20
"""Blocks of consecutive rows on each side; half of them train the classifier, half of them test it."""
MIN_ROWS = 100
"""Smallest number of rows of each side: five a block."""
MAX_LEVELS = 200
"""Levels of a text column with a code of their own; the rarer ones share one code."""
JITTER = 0.2
"""Noise added to numbers, in robust standard deviations: four times the tolerated move of a value."""
MAX_EXPLAINED_P_VALUE = 1e-3
"""P-value below which the contributions of the columns are computed."""


def measure_joint(
    features: Sequence[Plan], reference: Rows, current: Rows, *, group_column: str | None = None
) -> tuple[JointDrift | None, str]:
    """Run the classifier two-sample test, trained on half of the blocks of a sample and tested on the others.

    :param features: plans of the columns to test together, at least two.
    :param reference: rows of the reference.
    :param current: rows of the current batch.
    :param group_column: column of the group of each row; the rows of a group are in one block.
    :returns: the measurement and an empty note, or ``None`` and the reason as a sentence. The reason is empty when
        there are fewer than two features.

    Source: Lopez-Paz & Oquab 2017, "Revisiting classifier two-sample tests"; Rabanser et al. 2019, "Failing loudly".
    """
    if len(features) < 2:
        return None, ""
    names = [plan.column for plan in features]
    read = [*names, *([group_column] if group_column else [])]
    before, after = sample_rows(reference, read), sample_rows(current, read)
    if min(before.num_rows, after.num_rows) < MIN_ROWS:
        return None, f"joint drift not tested: fewer than {MIN_ROWS} rows on a side"
    from threadpoolctl import threadpool_limits

    # With so few rows, one thread is faster than several, by far on a busy machine.
    with threadpool_limits(1):
        return _classify(names, before, after, _blocks(before, group_column), _blocks(after, group_column)), ""


def sample_rows(rows: Rows, columns: Sequence[str], *, limit: int = SAMPLE_ROWS, seed: int = 0) -> pa.Table:
    """Draw at most ``limit`` rows without replacement, the same ones every time, in file order.

    :param rows: the rows to draw from.
    :param columns: columns to read.
    :param limit: largest number of rows.
    :param seed: seed of the draw.
    """
    if rows.rows <= limit:
        return pa.Table.from_batches(list(rows.batches(columns)), _schema(rows, columns))
    chosen = np.sort(np.random.default_rng([seed, rows.rows]).choice(rows.rows, limit, replace=False))
    picked, start = [], 0
    for batch in rows.batches(columns):
        here = chosen[(chosen >= start) & (chosen < start + batch.num_rows)] - start
        picked.append(batch.take(pa.array(here)))
        start += batch.num_rows
    return pa.Table.from_batches(picked, _schema(rows, columns))


def _schema(rows: Rows, columns: Sequence[str]) -> pa.Schema:
    return pa.schema([rows.schema.field(name) for name in columns])


def _encoded(names: Sequence[str], before: pa.Table, after: pa.Table) -> Floats:
    return np.column_stack(
        [_encoded_column(before.column(name), after.column(name), i) for i, name in enumerate(names)]
    )


_LARGEST = float(np.finfo(np.float64).max) / 16
"""Larger numbers are clipped, because their differences overflow, here and in scikit-learn."""


def _jittered(values: Floats, column: int) -> Floats:
    """Return the numbers with noise of a fifth of their spread, the same noise for the same numbers.

    A shift far below every effect limit changes all frequent values. Without noise, a tree could separate the sides by
    such a shift alone.
    """
    # The noise differs by column, because common noise would cancel in the difference of two columns. It differs by
    # batch, because the same noise every day would favour the same side every day.
    noise = np.random.default_rng([column, zlib.crc32(values.tobytes())])
    values = np.clip(values, -_LARGEST, _LARGEST)
    low, high = np.nanquantile(values, (0.25, 0.75)) if not np.isnan(values).all() else (0.0, 0.0)
    with np.errstate(over="ignore"):
        spread = min(float(high - low) / 1.349 or float(np.nanstd(values)), _LARGEST)
    return np.asarray(values + noise.normal(scale=JITTER * spread, size=values.size))


def _encoded_column(before: pa.ChunkedArray, after: pa.ChunkedArray, column: int) -> Floats:
    """Return numbers with noise, and text as the rank of its level by frequency; missing values are NaN."""
    if not (is_text(before.type) or is_text(after.type)):
        return _jittered(np.concatenate([to_floats(before), to_floats(after)]), column)
    text = pa.chunked_array([*plain_text(before).chunks, *plain_text(after).chunks], type=pa.large_string())
    coded = text.combine_chunks().dictionary_encode()
    codes = np.array(coded.indices.cast(pa.float64()).to_numpy(zero_copy_only=False))
    present = ~np.isnan(codes)
    counts = np.bincount(codes[present].astype(np.intp), minlength=len(coded.dictionary))
    rank = np.empty(counts.size)
    rank[np.argsort(-counts, kind="stable")] = np.arange(counts.size)
    codes[present] = np.minimum(rank[codes[present].astype(np.intp)], MAX_LEVELS)
    return codes


def _classify(names: Sequence[str], before: pa.Table, after: pa.Table, *sides: Blocks) -> JointDrift:
    from sklearn.ensemble import HistGradientBoostingClassifier

    data, blocks = _encoded(names, before, after), np.concatenate(sides)
    is_current = np.repeat([False, True], [before.num_rows, after.num_rows])
    train = blocks % 2 == 0
    # Few, shallow trees with a low learning rate: an overfitted classifier would not separate the test half.
    model = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=20, early_stopping=False, random_state=0
    )
    model.fit(data[train], is_current[train])
    held_out, truth = data[~train], is_current[~train]
    scores = model.decision_function(held_out)
    area = auc(scores[truth], scores[~truth]).statistic
    p_value = _block_test(scores, truth, blocks[~train])
    contributions = _contributions(names, model, held_out, truth, area) if p_value < MAX_EXPLAINED_P_VALUE else {}
    return JointDrift(
        auc=area,
        p_value=p_value,
        reference_rows=before.num_rows,
        current_rows=after.num_rows,
        contributions=contributions,
    )


def _blocks(table: pa.Table, group_column: str | None) -> Blocks:
    """Return the block number of each row; blocks are of consecutive rows, or of groups.

    Even blocks train the classifier and odd blocks test it. Neighbouring rows are often dependent, such as rows of the
    same person or hour. With a random split, the classifier would recognise neighbours of its training rows, which
    would look like drift.
    """
    if group_column:
        return blocks_of(table.column(group_column), BLOCKS)
    return np.asarray(np.arange(table.num_rows, dtype=np.intp) * BLOCKS // table.num_rows)


def _block_test(scores: Floats, truth: NDArray[np.bool_], blocks: Blocks) -> float:
    """Return the one-sided p-value of Welch's test on the mean ranks of the blocks.

    It holds when the rows of a block are dependent. The difference of mean ranks is proportional to the area under the
    ROC curve minus 0.5, so this tests the area.
    """
    from scipy.stats import rankdata

    ranks = np.asarray(rankdata(scores), dtype=np.float64)
    means = [_block_means(ranks[side], blocks[side]) for side in (truth, ~truth)]
    return welch(*means).p_value if min(map(len, means)) > 1 else 1.0


def _block_means(ranks: Floats, blocks: Blocks) -> Floats:
    sizes = np.bincount(blocks, minlength=BLOCKS)
    filled = sizes > 0
    return np.asarray(np.bincount(blocks, ranks, BLOCKS)[filled] / sizes[filled])


def _contributions(
    names: Sequence[str], model: Any, data: Floats, truth: NDArray[np.bool_], area: float
) -> dict[str, float]:
    """Return the loss of area when one column is shuffled (Breiman 2001), the largest first; tiny ones are left out."""
    rng, losses = np.random.default_rng(1), {}
    for i, name in enumerate(names):
        shuffled = data.copy()
        shuffled[:, i] = rng.permutation(shuffled[:, i])
        scores = model.decision_function(shuffled)
        losses[name] = area - auc(scores[truth], scores[~truth]).statistic
    ranked = sorted(losses.items(), key=lambda item: -item[1])
    return {name: round(drop, 6) for name, drop in ranked if drop > 0.001}
