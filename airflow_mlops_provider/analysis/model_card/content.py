"""The sections of a model card (Mitchell et al. 2019); text that people wrote comes first, unchanged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow_mlops_provider.analysis.evaluation.metrics import find_metric
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.bias import BiasReport, Disparity
from airflow_mlops_provider.records.reports.evaluation import Comparison, EvaluationReport
from airflow_mlops_provider.records.reports.model_card import CardSection, CardTable, ModelCardReport
from airflow_mlops_provider.records.reports.training import TrainingReport
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

_STATUS = {
    Status.PASS: "Passed",
    Status.NOTICE: "Passed with a notice",
    Status.FAIL: "Failed",
    Status.INSUFFICIENT_EVIDENCE: "Not enough evidence",
}
_MAX_ROWS = 200
"""Largest number of slices on the card; the evidence has all of them."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a card is made from.

    :param spec: the declaration of the model, with the text that people wrote under ``card``.
    :param model: the version of the model.
    :param training: the dataset that it was trained on; ``None`` when it is unknown.
    :param evidence: the evidence on this version.
    :param label: its version label; ``None`` without one.
    """

    spec: ModelSpec
    model: ModelRef
    training: DatasetRef | None
    evidence: Sequence[Evidence]
    label: str | None = None

    def of(self, kind: Kind) -> list[Evidence]:
        """Return the evidence of one kind, in the order given."""
        return [piece for piece in self.evidence if piece.kind is kind]


def measure_model_card(source: Source) -> ModelCardReport:
    """Make the card of one model version.

    :param source: the declaration, the version and the evidence on it.
    :returns: every section, including empty ones, so that a policy can find out what is missing. Other sections of
        ``card`` in the YAML file are added at the end.
    """
    sections = [
        _overview(source),
        CardSection(key="intended_use", title="Intended use"),
        _how_to_use(source),
        _data(source),
        _features(source),
        _metrics(source),
        _slices(source),
        _parameters(source),
        _caveats(source),
    ]
    known = {section.key for section in sections}
    written = source.spec.card
    merged = [replace(section, human=written.get(section.key, "")) for section in sections]
    merged += [CardSection(key=key, title=_title(key), human=text) for key, text in written.items() if key not in known]
    return ModelCardReport(model=source.model, sections=tuple(merged))


def _overview(source: Source) -> CardSection:
    spec, model = source.spec, source.model
    rows = [
        ("Version", source.label or str(model.version)),
        ("Registered as", model.uri or ""),
        ("Artifact", model.digest or ""),
        ("Task", f"{spec.task} of {spec.target}"),
        ("Deciding metric", f"{spec.deciding_metric} ({_better_when(spec)} is better)"),
        ("Owners", ", ".join(spec.owners) or "nobody is named"),
    ]
    return CardSection(key="overview", title="Overview", tables=(_pairs(rows),))


def _better_when(spec: ModelSpec) -> Direction:
    name = spec.deciding_metric
    return spec.limits_of(name).direction or find_metric(name).direction


def _how_to_use(source: Source) -> CardSection:
    uri = source.model.uri or f"models:/{source.model.name}@champion"
    job = {"model": uri, "dataset": {"uri": "input.parquet"}, "output_uri": "scores.parquet"}
    return CardSection(
        key="how_to_use",
        title="How to use",
        lines=(
            "Score a table that holds the features below: save this as predict.json and run "
            "python -m airflow_mlops_provider.jobs predict predict.json, or give the same keys to "
            "BatchPredictOperator. Preprocessing is part of the artifact.",
        ),
        code=json.dumps(job, indent=2),
    )


def _data(source: Source) -> CardSection:
    rows = [_dataset_row("training", source.training)] if source.training else []
    rows += [
        _dataset_row(str(piece.kind), piece.dataset)
        for piece in source.evidence
        if piece.kind in (Kind.VALIDATION, Kind.EVALUATION, Kind.BIAS) and piece.dataset
    ]
    lines = tuple(f"Validation: {piece.verdict.summary}" for piece in source.of(Kind.VALIDATION))
    table = CardTable(header=("Role", "Dataset", "Rows", "Fingerprint"), rows=tuple(dict.fromkeys(rows)))
    return CardSection(key="data", title="Data", lines=lines, tables=(table,) if rows else ())


def _features(source: Source) -> CardSection:
    spec, importance = source.spec, _importance(source)
    rows = tuple(
        (name, "sensitive" if name in spec.sensitive else "", *([importance.get(name, "-")] if importance else []))
        for name in spec.features
    )
    header = ("Feature", "", *(["Permutation importance"] if importance else []))
    hidden = [name for name in spec.sensitive if name not in spec.features]
    lines = [f"Sensitive, and not seen by the model: {', '.join(hidden)}"] if hidden else []
    if importance:
        lines.append(f"Importance is the loss of {spec.deciding_metric} on held-out rows when a feature is shuffled")
    return CardSection(
        key="features", title="Features", lines=tuple(lines), tables=(CardTable(header=header, rows=rows),)
    )


def _importance(source: Source) -> dict[str, str]:
    found = [entry for report in _trainings(source) for entry in report.importance]
    return {entry.feature: f"{entry.mean:.4f} ± {entry.std:.4f}" for entry in found}


def _trainings(source: Source) -> list[TrainingReport]:
    return [decode(TrainingReport, piece.report) for piece in source.of(Kind.TRAINING)]


def _metrics(source: Source) -> CardSection:
    tables, lines = [], [line for report in _trainings(source) for line in _folds(report)]
    for piece in source.of(Kind.EVALUATION):
        report = decode(EvaluationReport, piece.report)
        tables.append(_metric_table(report))
        compared = [found for found in (report.against_champion, report.against_dummy) if found]
        lines += [f"{_STATUS[piece.verdict.status]}: {piece.verdict.summary}", *map(_compared, compared)]
        if report.latency:
            lines.append(
                f"One prediction takes {report.latency.p50_ms:.2f} ms (median) and {report.latency.p99_ms:.2f} ms "
                f"(99th percentile) on the machine that evaluated it"
            )
    return CardSection(key="metrics", title="Metrics", lines=tuple(lines), tables=tuple(tables))


def _folds(report: TrainingReport) -> Iterator[str]:
    for metric in report.metrics[:1]:
        if metric.mean is not None:
            yield f"In cross-validation of the training data: {metric.name} {_number(metric.mean)}"


def _metric_table(report: EvaluationReport) -> CardTable:
    champion = {metric.name: metric for metric in report.champion}
    rows = []
    for metric in report.candidate:
        other = champion.get(metric.name)
        interval = f"{_number(metric.low)} to {_number(metric.high)}"
        rows.append((metric.name, _number(metric.value), interval, _number(other.value) if other else "-"))
    return CardTable(header=("Metric", "This model", "95 % interval", "Champion then"), rows=tuple(rows))


def _compared(comparison: Comparison) -> str:
    return (
        f"Against the {comparison.other}: {comparison.metric} {_number(comparison.value)} against "
        f"{_number(comparison.other_value)}, {comparison.gain:+.4f} ({comparison.method}, {comparison.rows:,} rows)"
    )


def _slices(source: Source) -> CardSection:
    tables, lines = [], []
    for piece in source.of(Kind.BIAS):
        report = decode(BiasReport, piece.report)
        lines.append(f"{_STATUS[piece.verdict.status]}: {piece.verdict.summary}")
        lines += [_disparity(disparity) for disparity in report.disparities]
        tables.append(_slice_table(report, piece.verdict))
        if len(report.slices) > _MAX_ROWS:
            lines.append(f"The worst {_MAX_ROWS} of {len(report.slices)} slices are shown; the evidence has them all")
    return CardSection(key="slices", title="Slices", lines=tuple(lines), tables=tuple(tables))


def _slice_table(report: BiasReport, verdict: Verdict) -> CardTable:
    displayed = report.displayed_subjects()
    order = {finding.subject: (place, finding.status) for place, finding in reversed([*enumerate(verdict.findings)])}
    worst_first = sorted(report.slices, key=lambda piece: order.get(displayed[piece.subject], (len(order),))[0])
    rows = tuple(
        (
            displayed[piece.subject],
            f"{piece.support:,}",
            _number(piece.value),
            f"{_number(piece.low)} to {_number(piece.high)}" if piece.low is not None else "-",
            _number(piece.rest_value),
            str(order[displayed[piece.subject]][1]).replace("_", " ") if displayed[piece.subject] in order else "-",
        )
        for piece in worst_first[:_MAX_ROWS]
    )
    return CardTable(header=("Slice", "Rows", report.metric, "95 % interval", "All other rows", "Status"), rows=rows)


def _disparity(disparity: Disparity) -> str:
    odds = disparity.equalised_odds_difference
    tail = f", equalised odds difference {_number(odds)}" if odds is not None else ""
    parity = _number(disparity.demographic_parity_difference)
    return f"By {' & '.join(disparity.columns)}: demographic parity difference {parity}{tail}"


def _parameters(source: Source) -> CardSection:
    spec = source.spec
    rows = [("trainer", spec.trainer), ("seed", str(spec.seed))]
    rows += [(key, json.dumps(value)) for key, value in sorted(spec.params.items())]
    for report in _trainings(source):
        rows.append(("split", f"{report.split}, {report.folds} folds"))
        if report.search:
            rows.append(("search", f"best of {report.search.tried}: {json.dumps(report.search.best)}"))
    for piece in source.of(Kind.TRAINING):
        rows += [(name, version) for name, version in sorted(piece.versions.items())]
    return CardSection(key="parameters", title="Parameters", tables=(_pairs(rows),))


def _caveats(source: Source) -> CardSection:
    lines = list(dict.fromkeys(_warnings(source)))
    lines.append(
        "The numbers above hold for data like the data they were measured on; drift checks say when that has ended"
    )
    return CardSection(key="caveats", title="Caveats", lines=tuple(lines))


def _warnings(source: Source) -> Iterator[str]:
    for piece in source.evidence:
        if piece.kind is Kind.BIAS:
            yield from _unjudged_slices(piece.verdict.of_status(Status.INSUFFICIENT_EVIDENCE))
            yield from (_sentence(finding) for finding in piece.verdict.of_status(Status.FAIL))
        elif piece.kind is Kind.EVALUATION:
            yield from decode(EvaluationReport, piece.report).notes
        elif piece.kind is Kind.VALIDATION:
            yield from (_sentence(finding) for finding in piece.verdict.of_status(Status.NOTICE))


def _unjudged_slices(findings: Iterable[Finding]) -> Iterator[str]:
    subjects = [finding.subject for finding in findings]
    if subjects:
        yield f"Too few rows to judge these slices, which does not make them fair: {'; '.join(subjects[:_MAX_ROWS])}"


def _sentence(finding: Finding) -> str:
    numbers = f"{finding.measure} {_number(finding.observed)}, limit {_number(finding.limit)}"
    return f"{finding.subject}: {finding.detail or numbers}"


def _dataset_row(role: str, dataset: DatasetRef) -> tuple[str, str, str, str]:
    rows = f"{dataset.rows:,}" if dataset.rows is not None else "-"
    return role, dataset.uri, rows, (dataset.fingerprint or "-").removeprefix("sha256:")[:16]


def _pairs(rows: Iterable[tuple[str, str]]) -> CardTable:
    return CardTable(header=("", ""), rows=tuple(rows))


def _title(key: str) -> str:
    return key.replace("_", " ").capitalize()


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}"
