"""Store which rows break which rules, with one bit for each rule, for the rows that break at least one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from airflow_mlops_provider.analysis.validation.batch import ROW, Batch
from airflow_mlops_provider.analysis.validation.scan import Scanned

TABLE = "mlops_broken"
BITS = 62  # used bits of a signed 64-bit word


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRows:
    """The rows that break at least one row rule, in a table of the batch with row number and words of bits.

    :param bits: position of a row rule to its bit; rules that no row breaks have none.
    """

    bits: dict[int, int]

    def breaking(self, numbers: Collection[int]) -> str:
        """Return the SQL condition on that table that a row breaks at least one of the rules ``numbers``."""
        words: dict[int, int] = {}
        for number in numbers:
            word, bit = divmod(self.bits[number], BITS)
            words[word] = words.get(word, 0) | 1 << bit
        return " OR ".join(f"mlops_word_{word} & {mask} <> 0" for word, mask in words.items()) or "false"

    def rows(self, numbers: Collection[int]) -> str:
        """Return the SQL query of the numbers of the rows that break at least one of the rules ``numbers``."""
        return f"SELECT {ROW} FROM {TABLE} WHERE {self.breaking(numbers)}"


def mark_broken_rows(scanned: Scanned, expectation_counts: Mapping[int, int], batch: Batch) -> BrokenRows:
    """Mark the rows that break a row rule, in one pass over the batch; without a pass when there are none.

    :param scanned: results of the scan.
    :param expectation_counts: position of a rule outside the scan to the number of rows that break it. These rows are
        in the table ``unexpected_<position>``.
    :param batch: the batch, which gets the table of marked rows.
    """
    flags, joined = {}, scanned.joined
    for number, count in scanned.counts.items():
        if count.unexpected:
            flags[number] = scanned.flags[number]
    for number, unexpected in expectation_counts.items():
        if unexpected:
            joined += f" LEFT JOIN unexpected_{number} ON unexpected_{number}.mlops_position = {ROW}"
            flags[number] = f"unexpected_{number}.mlops_position IS NOT NULL"
    broken = BrokenRows(bits={number: bit for bit, number in enumerate(sorted(flags))})
    if flags:
        words = _words([flags[number] for number in sorted(flags)])
        batch.execute(
            f"CREATE TEMP TABLE {TABLE} AS SELECT * FROM (SELECT {ROW}, {words} FROM {joined}) "
            f"WHERE {broken.breaking(flags)}"
        )
    return broken


def _words(flags: Sequence[str]) -> str:
    found = []
    for start in range(0, len(flags), BITS):
        bits = [
            f"CASE WHEN {flag} THEN {1 << bit}::BIGINT ELSE 0 END"
            for bit, flag in enumerate(flags[start : start + BITS])
        ]
        found.append(f"({' + '.join(bits)}) AS mlops_word_{start // BITS}")
    return ", ".join(found)
