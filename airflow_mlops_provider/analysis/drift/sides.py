"""Profiles of both sides of a comparison with the same edges, each read from rows or given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from airflow_mlops_provider.analysis.drift.columns import Plan, Rows
from airflow_mlops_provider.analysis.drift.profile import NumericProfile
from airflow_mlops_provider.analysis.drift.profile_file import ProfiledDataset
from airflow_mlops_provider.analysis.drift.scan import Profiles, edges_of, profile_rows
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.drift import Problem

Side = Rows | ProfiledDataset
"""One side of a comparison: rows, or their profile alone."""


def plans_of_profile(plans: tuple[Plan, ...], current: Side) -> tuple[Plan, ...]:
    """Return the plans; a column that a profile of the current batch lacks may be there in its rows."""
    if not isinstance(current, ProfiledDataset):
        return plans
    return tuple(
        replace(plan, problem=Problem.NOT_IN_PROFILE, statement=f"{plan.column}: not in the profile of the batch")
        if plan.problem is Problem.ABSENT
        else plan
        for plan in plans
    )


def given_profiles(current: Side, windows: Mapping[str, ProfiledDataset] | None) -> Profiles | None:
    """Return profiles whose edges rows of the reference are to be profiled with; ``None`` when any will do."""
    if isinstance(current, ProfiledDataset):
        return current.profiles
    return next(iter(windows.values())).profiles if windows else None


def profiles_of_sides(
    reference: Side,
    current: Side,
    plans: Sequence[Plan],
    *,
    known: Profiles | None = None,
    windows: Mapping[str, ProfiledDataset] | None = None,
) -> tuple[Profiles, Profiles]:
    """Return the profiles of both sides, with the same edges.

    :param plans: plans of the columns; those with a problem are left out.
    :param known: profiles of the reference's rows, when they were profiled before with edges that fit.
    :param windows: profiles of windows of the reference.
    :raises BadInputError: when profiles have different edges; names the column.
    """
    names = [plan.column for plan in plans if plan.problem is None]
    by_level = [plan.column for plan in plans if plan.problem is None and plan.is_by_level]
    if isinstance(reference, ProfiledDataset):
        before = _some(reference, names)
    elif known is not None:
        before = {name: known[name] for name in names}
    else:
        before = _profiled(reference, names, by_level, given_profiles(current, windows))
    if isinstance(current, ProfiledDataset):
        return on_common_edges(before, _some(current, names), where=(reference.uri, current.uri))
    # A numeric profile holds the levels of codes, even when the column was declared categorical later.
    levels = [name for name in by_level if not isinstance(before[name], NumericProfile)]
    return before, profile_rows(current, names, edges_of(before), by_level=levels, known=before)


def _some(dataset: ProfiledDataset, names: Sequence[str]) -> Profiles:
    return {name: dataset.profiles[name] for name in names}


def _profiled(rows: Rows, names: Sequence[str], by_level: Sequence[str], given: Profiles | None) -> Profiles:
    if given is None:
        return profile_rows(rows, names, by_level=by_level)
    missing = next((name for name in names if name not in given), None)
    if missing is not None:
        raise BadInputError(f"a profile of a window has no column {missing!r}, which reference {rows.uri} has")
    levels = [name for name in names if not isinstance(given[name], NumericProfile)]
    return profile_rows(rows, names, edges_of(given), by_level=levels)


def on_common_edges(before: Profiles, after: Profiles, *, where: tuple[str, str]) -> tuple[Profiles, Profiles]:
    """Return both profiles with the edges that both have: a shared profile has some of those that it was made with.

    :param where: names of both in errors.
    :raises BadInputError: when neither has all edges of the other; names the column.
    """
    found: tuple[Profiles, Profiles] = dict(before), dict(after)
    for name, one in before.items():
        other = after[name]
        if not isinstance(one, NumericProfile) or not isinstance(other, NumericProfile):
            continue
        common = np.intersect1d(one.edges, other.edges)
        if common.size not in (one.edges.size, other.edges.size):
            raise BadInputError(
                f"column {name!r} has other edges in {where[1]} than in {where[0]}; make one of these profiles by "
                "'edges' of the other"
            )
        found[0][name], found[1][name] = one.at_edges(common), other.at_edges(common)
    return found


def require_edges(before: Profiles, windows: Mapping[str, ProfiledDataset], names: Sequence[str]) -> None:
    """Raise ``BadInputError`` unless each window has all columns, with all edges of the reference.

    :param before: profiles of the reference.
    :param windows: name of each window to its profile.
    :param names: columns that are compared.
    """
    for (label, window), name in chain.from_iterable(((item, name) for name in names) for item in windows.items()):
        if name not in window.profiles:
            raise BadInputError(f"the profile of window {label}, {window.uri}, has no column {name!r}")
        one, other = before[name], window.profiles[name]
        if isinstance(one, NumericProfile) != isinstance(other, NumericProfile):
            raise BadInputError(f"column {name!r} was counted by level in only one of the reference and {window.uri}")
        if isinstance(one, NumericProfile) and isinstance(other, NumericProfile) and not _has_edges(other, one):
            raise BadInputError(
                f"column {name!r} has other edges in {window.uri}, window {label}, than in the reference; make both "
                "profiles with the same 'edges'"
            )


def _has_edges(profile: NumericProfile, of: NumericProfile) -> bool:
    return bool(np.isin(of.edges, profile.edges).all())
