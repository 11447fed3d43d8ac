"""Does the model serve some slice of people worse than the rest?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_mlops_provider.decisions.summaries import short_name, summarise
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.multiple_testing import holm
from airflow_mlops_provider.records.policies.bias import BiasPolicy
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

if TYPE_CHECKING:
    # A Dag file needs the policy alone, and building the classes of a report takes longer than all of this.
    from airflow_mlops_provider.records.reports.bias import BiasReport, SliceResult

__all__ = ["BiasPolicy", "judge_bias"]

_CHANCE = ": beyond the limit, but not beyond chance"
_SHOWN = 5
"""How many slices a hint lists."""
_LONGEST_REASON = 85
"""Characters that a summary has for why slices are not judged."""


def judge_bias(report: BiasReport, policy: BiasPolicy) -> Verdict:
    """One finding a slice, and one more for each critical slice; the verdict is the worst of them.

    With ``min_ratio`` each slice that can be judged has a finding for its ratio to the rest besides.

    An intersection that was discovered on one half of the rows is judged by the other half, under the same correction.
    """
    _require_direction(report, policy)
    confirmed = [each.confirmed for each in report.discoveries if each.confirmed is not None]
    judged = [*((piece, False) for piece in report.slices), *((piece, True) for piece in confirmed)]
    judgeable = [piece for piece, _ in judged if _is_judgeable(piece, policy)]
    adjusted = dict(zip((p.subject for p in judgeable), holm([_p_value(p) for p in judgeable]), strict=True))
    findings = [*_critical(report, policy)]
    for piece, half in judged:
        findings += _judge_slice(piece, report, policy, adjusted.get(piece.subject), is_half=half)
    displayed = report.displayed_subjects()
    findings = [replace(finding, subject=displayed.get(finding.subject, finding.subject)) for finding in findings]
    findings.sort(key=_worst_first)
    return Verdict.of(findings, summary=_summary(report, findings, [displayed[piece.subject] for piece, _ in judged]))


def _is_judgeable(piece: SliceResult, policy: BiasPolicy) -> bool:
    return min(piece.trials, piece.rest_trials) >= policy.min_support and piece.p_value is not None


def _p_value(piece: SliceResult) -> float:
    return 1.0 if piece.p_value is None else piece.p_value


def _judge_slice(
    piece: SliceResult, report: BiasReport, policy: BiasPolicy, adjusted: float | None, *, is_half: bool
) -> list[Finding]:
    where = " of the half tested" if is_half else ""
    if adjusted is None or piece.gap is None:
        return [_undecided(piece, report, policy, where)]
    significant, material = adjusted <= policy.alpha, piece.gap >= policy.min_gap
    status = Status.PASS
    if significant:
        status = Status.FAIL if material else Status.NOTICE
    gap = Finding(
        subject=piece.subject,
        measure=f"{report.metric}_gap_to_rest",
        observed=piece.gap,
        limit=policy.min_gap,
        p_value=piece.p_value,
        status=status,
        detail=f"{_numbers(piece, report, where)}; gap {piece.gap:.3g}, limit {policy.min_gap:.3g}; "
        f"p {adjusted:.2g} after Holm{_CHANCE if material and not significant else ''}",
    )
    return [gap, *_judge_ratio(piece, report, policy, adjusted, where)]


def _judge_ratio(
    piece: SliceResult, report: BiasReport, policy: BiasPolicy, adjusted: float, where: str
) -> Iterator[Finding]:
    """The slice's ratio to the rest, when the policy limits it: the four-fifths rule, asked beyond chance."""
    ratio = _ratio(piece, report.direction)
    if policy.min_ratio is None or ratio is None:
        return
    material, significant = ratio < policy.min_ratio, adjusted <= policy.alpha
    yield Finding(
        subject=piece.subject,
        measure=f"{report.metric}_ratio_to_rest",
        observed=ratio,
        limit=policy.min_ratio,
        p_value=piece.p_value,
        status=Status.FAIL if material and significant else Status.PASS,
        detail=f"{_numbers(piece, report, where)}; ratio {ratio:.3g}, limit {policy.min_ratio:.3g}; "
        f"p {adjusted:.2g} after Holm{_CHANCE if material and not significant else ''}",
    )


def _ratio(piece: SliceResult, direction: Direction) -> float | None:
    """How well off the slice is as a share of the rest, 1 for equal; ``None`` where it would be divided by 0."""
    if piece.value is None or piece.rest_value is None:
        return None
    ours, theirs = piece.value, piece.rest_value
    if direction is Direction.LOWER:
        ours, theirs = theirs, ours
    return ours / theirs if theirs > 0 else None


def _require_direction(report: BiasReport, policy: BiasPolicy) -> None:
    if policy.direction not in (None, report.direction):
        measured = f"{report.metric} was measured as better {report.direction}"
        raise BadInputError(f"policy key 'direction' is {policy.direction}, and {measured}")


def _undecided(piece: SliceResult, report: BiasReport, policy: BiasPolicy, where: str) -> Finding:
    rest_is_small = piece.trials >= policy.min_support
    detail = "too few other rows to compare with" if rest_is_small else "too small to judge"
    if rest_is_small and piece.rest_trials >= policy.min_support:
        detail = "its metric, or the spread of it, is undefined"
    return Finding(
        subject=piece.subject,
        measure="rest_support" if rest_is_small else "support",
        observed=float(piece.rest_trials if rest_is_small else piece.trials),
        limit=float(policy.min_support),
        status=Status.INSUFFICIENT_EVIDENCE,
        detail=f"{detail} ({_share(piece)}{where}); {report.metric} {_interval(piece, where)}",
    )


def _critical(report: BiasReport, policy: BiasPolicy) -> Iterator[Finding]:
    by_parts = {_parts(piece.subject): piece for piece in report.slices} if policy.critical else {}
    kind = "floor" if report.direction is Direction.HIGHER else "ceiling"
    for subject, limit in policy.critical.items():
        piece = by_parts.get(_parts(subject))
        enough = piece is not None and piece.trials >= policy.min_support
        observed = piece.value if piece is not None else None
        if piece is None:
            status, detail = Status.INSUFFICIENT_EVIDENCE, f"there is no such slice{_hint(subject, report)}"
        elif observed is None or not enough:
            status, detail = Status.INSUFFICIENT_EVIDENCE, f"too small to judge ({_share(piece)})"
        else:
            holds = (observed - limit) * report.direction.sign >= 0
            status = Status.PASS if holds else Status.FAIL
            detail = f"{report.metric} {_interval(piece)}, {kind} {limit:.4g}"
        yield Finding(
            subject=piece.subject if piece is not None else _without_values(subject, report),
            measure=f"{report.metric}_{kind}",
            observed=observed,
            limit=limit,
            status=status,
            detail=detail,
        )


def _parts(subject: str) -> frozenset[str]:
    """A slice by its parts, so that ``a=1 & b=2`` and ``b=2 & a=1`` are one."""
    return frozenset(part.strip() for part in subject.split(" & "))


def _without_values(subject: str, report: BiasReport) -> str:
    """A slice that a policy names and the report does not have, without the values of sensitive columns."""
    parts = [part.partition("=") for part in subject.split(" & ")]
    hidden = report.sensitive or ()
    return " & ".join(f"{name}{equals}{'<?>' if name.strip() in hidden else value}" for name, equals, value in parts)


def _hint(subject: str, report: BiasReport) -> str:
    """Which slice was probably meant: one written otherwise, or else those of the same columns."""
    displayed = report.displayed_subjects()
    meant = [displayed[piece.subject] for piece in report.slices if _normalised(piece.subject) == _normalised(subject)]
    if meant:
        return f"; {meant[0]!r} is how it is written"
    names = frozenset(part.split("=")[0].strip() for part in subject.split(" & "))
    near = [displayed[piece.subject] for piece in report.slices if frozenset(piece.columns) == names]
    if not near:
        return f"; slices are of {', '.join(report.columns)}, up to {report.max_depth} deep"
    return f"; there are {', '.join(near[:_SHOWN])}{', ...' if len(near) > _SHOWN else ''}"


def _normalised(subject: str) -> frozenset[tuple[str, ...]]:
    """A slice without regard to case, blanks and how truth and whole numbers are written."""
    return frozenset(tuple(_normalised_word(word) for word in part.split("=", 1)) for part in subject.split("&"))


def _normalised_word(word: str) -> str:
    text = word.strip().strip("'\"").lower()
    text = {"true": "1", "yes": "1", "false": "0", "no": "0"}.get(text, text)
    return text[:-2] if text.endswith(".0") else text


def _worst_first(finding: Finding) -> tuple[int, float]:
    return -finding.status.severity, -(finding.observed or 0.0) if finding.p_value is not None else 0.0


def _numbers(piece: SliceResult, report: BiasReport, where: str) -> str:
    rest = "undefined" if piece.rest_value is None else f"{piece.rest_value:.4g}"
    return f"{report.metric} {_interval(piece, where)} against {rest} of the rest"


def _interval(piece: SliceResult, where: str = "") -> str:
    if piece.value is None or piece.low is None or piece.high is None:
        return "undefined"
    return f"{piece.value:.4g} [{piece.low:.4g}, {piece.high:.4g}] in {piece.support:,} rows{where}"


def _share(piece: SliceResult) -> str:
    rows = f"{piece.support:,} rows"
    return rows if piece.trials == piece.support else f"{rows}, {piece.trials:,} of them counted by the metric"


def _summary(report: BiasReport, found: Sequence[Finding], subjects: Sequence[str]) -> str:
    total = f"{len(subjects):,} slice{'' if len(subjects) == 1 else 's'}"
    if report.discoveries:
        total += f" ({len(subjects) - len(report.slices):,} of them discovered)"
    failed = [f for f in found if f.status is Status.FAIL]
    if failed:
        accused = len({f.subject for f in failed})
        verb = "fails" if accused == 1 else "fail"
        return summarise(f"{accused} of {total} {verb}", f": {_worst_in_words(failed[0], report)}")
    undecided = _why_undecided(found, frozenset(subjects))
    absent = [f.subject for f in found if f.subject not in subjects]
    if undecided:
        return summarise("no slice is shown to be worse", f", but {_undecided_in_words(undecided, total)}")
    fair = f"none of {total} is shown to be worse than the rest in {report.metric}"
    if absent:
        return summarise(fair, f", but there is no slice {short_name(absent[0], 24)}")
    noticed = sum(f.status is Status.NOTICE for f in found)
    if noticed:
        return summarise(fair, f", but {noticed} differ{'s' * (noticed == 1)} by less than matters")
    unsure = len({f.subject for f in found if f.is_within_chance})
    return summarise(fair, f", but {unsure} may be by more than the limit" if unsure else "")


def _worst_in_words(finding: Finding, report: BiasReport) -> str:
    """The slice that is worst, and its number against its limit."""
    number = finding.measure.removeprefix(f"{report.metric}_").removesuffix("_to_rest")
    value = finding.observed or 0.0
    if number in ("gap", "ratio"):
        return f"{short_name(finding.subject, 48)} has a {number} of {value:.3g} (limit {finding.limit or 0.0:.3g})"
    return f"{short_name(finding.subject, 48)} has {report.metric} {value:.4g} ({number} {finding.limit or 0.0:.4g})"


def _undecided_in_words(undecided: Mapping[str, set[str]], total: str) -> str:
    """How many slices could not be judged, and for the most of them why."""
    most, *others = sorted(undecided.items(), key=lambda each: -len(each[1]))
    is_or_are = "is" if len(most[1]) == 1 else "are"
    reasons = [f"{len(most[1])} of {total} {is_or_are} {most[0]}", *(f"{len(which)} {why}" for why, which in others)]
    whole = " and ".join(reasons)
    if len(whole) <= _LONGEST_REASON:
        return whole
    return f"{reasons[0]} and {sum(len(which) for _, which in others)} not judgeable for other reasons"


def _why_undecided(found: Iterable[Finding], subjects: frozenset[str]) -> dict[str, set[str]]:
    """Reason to the slices that could not be judged for it, each slice once."""
    reasons: dict[str, set[str]] = {}
    seen: set[str] = set()
    for finding in sorted(found, key=lambda each: not each.measure.endswith("support")):
        if finding.status is Status.INSUFFICIENT_EVIDENCE and finding.subject in subjects - seen:
            seen.add(finding.subject)
            reasons.setdefault(_reason(finding), set()).add(finding.subject)
    return reasons


def _reason(finding: Finding) -> str:
    """Why a slice could not be judged, in words that follow "is"."""
    if finding.measure != "rest_support":
        return "too small to judge"
    enough = finding.observed is not None and finding.limit is not None and finding.observed >= finding.limit
    return "undefined in the metric" if enough else "without enough other rows to compare with"
