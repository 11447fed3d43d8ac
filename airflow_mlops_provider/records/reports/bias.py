"""What was measured slice by slice: a metric in every slice against the rest, and the classic fairness differences."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest

from airflow_mlops_provider.records.codec import OMIT_NONE
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceResult:
    """One slice against all other rows.

    :param subject: ``race=Hispanic`` or ``race=Hispanic & sex=f``; missing values are the slice ``race=missing``.
    :param columns: the columns it is made of.
    :param support: its rows.
    :param trials: rows that its metric counts, such as the true positives for recall; equals ``support`` for most.
    :param rest_trials: the same of all other rows.
    :param value: the metric in the slice; ``None`` where it is undefined.
    :param low: lower end of the 95 % interval of ``value``.
    :param high: its upper end.
    :param rest_value: the metric of all other rows.
    :param gap: how much worse than the rest, in units of the metric; negative when it is better.
    :param p_value: one-sided, of the hypothesis that the slice is no worse than the rest; unadjusted.
    :param units: independent units in it: rows, or groups of rows.
    :param rates: ``selection_rate``, ``tpr``, ``fpr`` and ``fnr`` of the slice, those that are defined.
    """

    subject: str
    columns: tuple[str, ...]
    support: int
    trials: int
    rest_trials: int
    value: float | None
    low: float | None
    high: float | None
    rest_value: float | None
    gap: float | None
    p_value: float | None
    units: int | None = None
    rates: dict[str, float] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """Column and value of each part of the slice, as its subject writes them."""
        found, rest = [], self.subject
        for column, following in zip_longest(self.columns, self.columns[1:]):
            rest = rest.removeprefix(f"{column}=")
            value, _, after = rest.partition(f" & {following}=") if following is not None else (rest, "", "")
            found.append((column, value))
            rest = after
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disparity:
    """How far the slices of one set of columns lie apart: largest minus smallest rate over its slices.

    :param columns: the columns whose slices are compared.
    :param demographic_parity_difference: of the selection rate.
    :param equalised_odds_difference: the larger of the differences of true and false positive rate.
    """

    columns: tuple[str, ...]
    demographic_parity_difference: float
    equalised_odds_difference: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """An intersection that looked worst on one half of the rows.

    :param found: on the half that was searched; its p-value is that of a choice among many and proves nothing.
    :param confirmed: on the other half; ``None`` when it has no such rows there.
    """

    found: SliceResult
    confirmed: SliceResult | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasReport:
    """Every slice of every column and of every intersection up to a depth.

    :param task: classification or regression.
    :param metric: what was measured in each slice.
    :param direction: which way it is better.
    :param rows: rows measured.
    :param groups: groups of rows that stay together; ``None`` when rows count as independent.
    :param value: the metric of all rows.
    :param columns: the columns that were sliced by.
    :param max_depth: how many columns an intersection combines at most.
    :param slices: in the order of columns, then largest first.
    :param discoveries: deeper intersections, searched on one half of the rows and tested on the other.
    :param disparities: for two classes; empty otherwise.
    :param method: how each slice was tested against the rest.
    :param sensitive: columns whose values no message may hold; ``None`` when there are none.
    :param positive_class: of two classes, the one that rates, scores and curves speak of; ``None`` otherwise.
    :param notes: what a reader must know: how numeric columns were cut, what was assumed.
    """

    task: Task
    metric: str
    direction: Direction
    rows: int
    groups: int | None
    value: float
    columns: tuple[str, ...]
    max_depth: int
    slices: tuple[SliceResult, ...]
    discoveries: tuple[Discovery, ...] = ()
    disparities: tuple[Disparity, ...] = ()
    method: str
    sensitive: tuple[str, ...] | None = field(default=None, metadata=OMIT_NONE)
    positive_class: str | None = field(default=None, metadata=OMIT_NONE)
    notes: tuple[str, ...] = ()

    def displayed_subjects(self) -> dict[str, str]:
        """How a verdict calls each slice, by its subject: ``faith=<1>`` where the column is sensitive.

        The numbers follow the order of the slices in this report, which holds the values.
        """
        pieces = [*self.slices, *(half for each in self.discoveries for half in (each.found, each.confirmed) if half)]
        numbers: dict[str, dict[str, int]] = {name: {} for name in self.sensitive or ()}
        return {
            piece.subject: " & ".join(_displayed(*part, numbers) for part in piece.parts) or piece.subject
            for piece in pieces
        }


def _displayed(column: str, value: str, numbers: dict[str, dict[str, int]]) -> str:
    if column not in numbers:
        return f"{column}={value}"
    known = numbers[column]
    return f"{column}=<{known.setdefault(value, len(known) + 1)}>"
