"""All features together: can a classifier tell current rows from reference rows?"""

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
"""Rows sampled from each side at most."""
BLOCKS = 20
"""Blocks of consecutive rows a side; half of them train, half of them test."""
MIN_SIDE = 100
"""Rows a side needs: five a block."""
MAX_LEVELS = 200
"""Levels of a text column that keep their own code; the rarer ones share one."""
BLUR = 0.2
"""Noise added to numbers, in standard deviations: four times what a value may move for nothing."""
EXPLAIN_FROM = 1e-3
"""P-value below which it is worth saying which columns told the sides apart."""


def measure_joint(
    features: Sequence[Plan], reference: Rows, current: Rows, *, group_column: str | None = None
) -> tuple[JointDrift | None, str]:
    """The classifier two-sample test: trained on half of a sample's blocks, tested on the others.

    :param features: the columns to look at together, at least two.
    :param group_column: rows with one value of it stay in one block.
    :returns: the measurement and an empty note, or nothing and why in words.

    Source: Lopez-Paz & Oquab 2017, "Revisiting classifier two-sample tests"; Rabanser et al. 2019, "Failing loudly".
    """
    if len(features) < 2:
        return None, ""
    names = [plan.column for plan in features]
    read = [*names, *([group_column] if group_column else [])]
    before, after = sample_rows(reference, read), sample_rows(current, read)
    if min(before.num_rows, after.num_rows) < MIN_SIDE:
        return None, f"joint drift not tested: fewer than {MIN_SIDE} rows on a side"
    from threadpoolctl import threadpool_limits

    # So little data is slower on several threads than on one, by far when the machine is busy.
    with threadpool_limits(1):
        return _classify(names, before, after, _blocks(before, group_column), _blocks(after, group_column)), ""


def sample_rows(rows: Rows, columns: Sequence[str], *, limit: int = SAMPLE_ROWS, seed: int = 0) -> pa.Table:
    """At most ``limit`` rows drawn without replacement, the same ones every time, in file order."""
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
    return np.column_stack([_codes(before.column(name), after.column(name), i) for i, name in enumerate(names)])


_LARGEST = float(np.finfo(np.float64).max) / 16
"""Of larger numbers, differences overflow, here and in scikit-learn."""


def _blurred(values: Floats, column: int) -> Floats:
    """Numbers with noise of a fifth of their spread, the same whenever the numbers are.

    A shift far below every effect floor moves frequent values off their places, and a tree that sees single values
    would tell the sides apart by that alone.
    """
    # Noise of its own for every column: shared noise would cancel in what two columns have in common. And of its own
    # for every batch: the same noise every day would favour one side a little, every day.
    noise = np.random.default_rng([column, zlib.crc32(values.tobytes())])
    values = np.clip(values, -_LARGEST, _LARGEST)
    low, high = np.nanquantile(values, (0.25, 0.75)) if not np.isnan(values).all() else (0.0, 0.0)
    with np.errstate(over="ignore"):
        spread = min(float(high - low) / 1.349 or float(np.nanstd(values)), _LARGEST)
    return np.asarray(values + noise.normal(scale=BLUR * spread, size=values.size))


def _codes(before: pa.ChunkedArray, after: pa.ChunkedArray, column: int) -> Floats:
    """Numbers blurred, text as the rank of its level by frequency; missing stays NaN, which trees can split on."""
    if not (is_text(before.type) or is_text(after.type)):
        return _blurred(np.concatenate([to_floats(before), to_floats(after)]), column)
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
    # Few, shallow, slowly learning trees: an overfitted classifier is blind on the other half, not wrong.
    model = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=20, early_stopping=False, random_state=0
    )
    model.fit(data[train], is_current[train])
    held_out, truth = data[~train], is_current[~train]
    scores = model.decision_function(held_out)
    area = auc(scores[truth], scores[~truth]).statistic
    p_value = _block_test(scores, truth, blocks[~train])
    told = _contributions(names, model, held_out, truth, area) if p_value < EXPLAIN_FROM else {}
    return JointDrift(
        auc=area,
        p_value=p_value,
        reference_rows=before.num_rows,
        current_rows=after.num_rows,
        contributions=told,
    )


def _blocks(table: pa.Table, group_column: str | None) -> Blocks:
    """Numbered blocks of consecutive rows, or of groups; even ones train and odd ones test.

    Rows that lie together often belong together (the same person, the same hour). Were they split at random, the
    classifier would recognise its training rows' neighbours and call that drift.
    """
    if group_column:
        return blocks_of(table.column(group_column), BLOCKS)
    return np.asarray(np.arange(table.num_rows, dtype=np.intp) * BLOCKS // table.num_rows)


def _block_test(scores: Floats, truth: NDArray[np.bool_], blocks: Blocks) -> float:
    """Welch's one-sided test on the mean rank of each block, which holds when rows within a block are dependent.

    The difference of mean ranks is the area under the ROC curve up to scale, so this is a test of it.
    """
    from scipy.stats import rankdata

    ranks = np.asarray(rankdata(scores), dtype=np.float64)
    means = [_means(ranks[side], blocks[side]) for side in (truth, ~truth)]
    return welch(*means).p_value if min(map(len, means)) > 1 else 1.0


def _means(ranks: Floats, blocks: Blocks) -> Floats:
    sizes = np.bincount(blocks, minlength=BLOCKS)
    filled = sizes > 0
    return np.asarray(np.bincount(blocks, ranks, BLOCKS)[filled] / sizes[filled])


def _contributions(
    names: Sequence[str], model: Any, data: Floats, truth: NDArray[np.bool_], area: float
) -> dict[str, float]:
    """How much area is lost when one column is shuffled (Breiman 2001), largest first, only real losses."""
    rng, lost = np.random.default_rng(1), {}
    for i, name in enumerate(names):
        shuffled = data.copy()
        shuffled[:, i] = rng.permutation(shuffled[:, i])
        scores = model.decision_function(shuffled)
        lost[name] = area - auc(scores[truth], scores[~truth]).statistic
    ranked = sorted(lost.items(), key=lambda item: -item[1])
    return {name: round(drop, 6) for name, drop in ranked if drop > 0.001}
