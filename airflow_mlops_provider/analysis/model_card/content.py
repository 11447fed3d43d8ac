"""What a model card says, section by section; text by people comes first and word for word."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.evaluation import Comparison, EvaluationReport
from airflow_mlops_provider.records.reports.model_card import CardSection, CardTable, ModelCardReport
from airflow_mlops_provider.records.verdict import Finding, Status

_MAX_ROWS = 200
"""Slices listed on the card at most; the evidence has them all."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a card is made from.

    :param spec: the declaration, with the text that people wrote under ``card``.
    :param model: the version.
    :param training: what it was trained on.
    :param evidence: what was found about it.
    :param label: its version label, if it has one.
    """

    spec: ModelSpec
    model: ModelRef
    training: DatasetRef | None
    evidence: Sequence[Evidence]
    label: str | None = None

    def of(self, kind: Kind) -> list[Evidence]:
        """The evidence of one kind, in the order given."""
        return [piece for piece in self.evidence if piece.kind is kind]


def measure_model_card(source: Source) -> ModelCardReport:
    """Gather the card of one model version.

    :param source: the declaration, the version and the evidence about it.
    :returns: every section, those without content included, so that a policy can see what is missing; sections of
        ``card`` in the YAML that are not ours follow at the end.
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
        ("Deciding metric", f"{spec.deciding_metric} ({spec.metrics[spec.deciding_metric]} is better)"),
        ("Owners", ", ".join(spec.owners) or "nobody is named"),
    ]
    return CardSection(key="overview", title="Overview", tables=(_pairs(rows),))


def _how_to_use(source: Source) -> CardSection:
    uri = source.model.uri or f"models:/{source.model.name}@champion"
    job = {"model": uri, "dataset": {"uri": "input.parquet"}, "output_uri": "scores.parquet"}
    return CardSection(
        key="how_to_use",
        title="How to use",
        lines=(
            "Score a table that holds the features below: save this as predict.json and run "
            "`python -m airflow_mlops_provider.jobs predict predict.json`, or give the same keys to "
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
    spec = source.spec
    rows = tuple((name, "sensitive" if name in spec.sensitive else "") for name in spec.features)
    tables = [CardTable(header=("Feature", ""), rows=rows)]
    importance = _importance(source)
    if importance:
        tables.append(CardTable(header=("Feature", "Permutation importance"), rows=importance))
    hidden = [name for name in spec.sensitive if name not in spec.features]
    lines = (f"Sensitive, and not seen by the model: {', '.join(hidden)}",) if hidden else ()
    return CardSection(key="features", title="Features", lines=lines, tables=tuple(tables))


def _importance(source: Source) -> tuple[tuple[str, str], ...]:
    for piece in source.of(Kind.TRAINING):
        found = piece.report.get("importance") if isinstance(piece.report, Mapping) else None
        if isinstance(found, Mapping):
            ranked = sorted(found.items(), key=lambda item: -float(item[1]))
            return tuple((str(name), _number(float(value))) for name, value in ranked)
    return ()


def _metrics(source: Source) -> CardSection:
    tables, lines = [], []
    for piece in source.of(Kind.EVALUATION):
        report = decode(EvaluationReport, piece.report)
        tables.append(_metric_table(report))
        compared = [found for found in (report.against_champion, report.against_dummy) if found]
        lines += [f"Verdict: {piece.verdict.status} - {piece.verdict.summary}", *map(_compared, compared)]
        if report.latency:
            lines.append(
                f"One prediction takes {report.latency.p50_ms:.2f} ms (median) and {report.latency.p99_ms:.2f} ms "
                f"(99th percentile) on the machine that evaluated it"
            )
    return CardSection(key="metrics", title="Metrics", lines=tuple(lines), tables=tuple(tables))


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
        lines.append(f"Verdict: {piece.verdict.status} - {piece.verdict.summary}")
        rows = tuple(_finding_row(finding) for finding in piece.verdict.findings[:_MAX_ROWS])
        if rows:
            tables.append(CardTable(header=("Slice", "Measure", "Observed", "Limit", "Status", "Note"), rows=rows))
    return CardSection(key="slices", title="Slices", lines=tuple(lines), tables=tuple(tables))


def _finding_row(finding: Finding) -> tuple[str, ...]:
    return (
        finding.subject,
        finding.measure,
        _number(finding.observed),
        _number(finding.limit),
        str(finding.status).replace("_", " "),
        finding.detail,
    )


def _parameters(source: Source) -> CardSection:
    spec = source.spec
    rows = [("trainer", spec.trainer), ("seed", str(spec.seed))]
    rows += [(key, json.dumps(value)) for key, value in sorted(spec.params.items())]
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
