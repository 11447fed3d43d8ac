"""Keys of the ``drift`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.html_report import HtmlReport
from airflow_mlops_provider.records.policies.drift import DriftPolicy
from airflow_mlops_provider.records.refs import DatasetRef, Writer
from airflow_mlops_provider.records.reports.drift import ColumnKind
from airflow_mlops_provider.records.requests.request import JobRequest, former
from airflow_mlops_provider.records.requests.short_forms import DATASET, DATASETS


@dataclass(frozen=True, kw_only=True)
class DriftRequest(JobRequest):
    """Compare ``current`` with ``reference`` and judge the difference.

    :param reference: what the data should look like; ``models:/name@champion`` means the data the champion was trained
        on, a name in ``.profile`` what the ``profile`` job wrote.
    :param current: the batch to judge: its URI, its reference or the Outcome of an earlier step; of a name in
        ``.profile``, what the ``profile`` job wrote with the reference's ``edges``.
    :param columns: features to compare; by default all but the other columns named here and time stamps.
    :param window_column: what tells windows (days, shipments) of the reference apart, for calibration on them: times or
        numbers, also as text, because one window comes after another.
    :param windows: profiles of windows of the reference, for calibration on them without a window column: each a
        ``.profile``, or a folder or pattern of them. A window is called by the name of its file.
    :param group_column: rows with one value of it belong together (the same person) and count as one.
    :param label_column: column of the truth, judged apart as target drift; the current batch may not have labels yet.
    :param prediction_column: column of a model's answers, judged apart as prediction drift.
    :param sensitive: columns whose values never appear in messages or reports.
    :param column_kinds: column to ``numeric`` or ``categorical``, for whole numbers taken for something else.
    :param policy: limits and budget of false alarms.
    :param html_report: when to attach Evidently's report, drawn from a sample, to look at: ``always``, ``on_drift``
        (a verdict of ``fail`` or ``notice``) or ``never``.
    :param keep_profile: keep the profile of a large reference with the evidence, for the next check; not of its
        sensitive columns.
    :param once: judge the same batch once: whoever asks again, with the same reference, columns and policy, gets the
        verdict that stands, under the same identity. Asked by another task, it is another judgement.
    :param written_by: who wrote ``current``, the last one first; named in the verdict as where to look for the cause.
    :param tracking_uri: MLflow, for a reference of the form ``models:/name/version``.
    """

    job: ClassVar[str] = "drift"

    reference: DatasetRef = field(metadata=DATASET)
    current: DatasetRef = field(metadata=DATASET)
    columns: tuple[str, ...] | None = None
    window_column: str | None = None
    windows: tuple[DatasetRef, ...] = field(default=(), metadata=DATASETS)
    group_column: str | None = None
    label_column: str | None = field(default=None, metadata=former("target"))
    prediction_column: str | None = field(default=None, metadata=former("prediction"))
    sensitive: tuple[str, ...] = ()
    column_kinds: dict[str, ColumnKind] = field(default_factory=dict)
    policy: DriftPolicy = field(default_factory=DriftPolicy)
    html_report: HtmlReport = HtmlReport.ON_DRIFT
    keep_profile: bool = True
    once: bool = False
    written_by: tuple[Writer, ...] = ()
    tracking_uri: str | None = None

    def check(self) -> None:
        """Raise ``BadInputError`` when no column is left to compare."""
        if self.columns == ():
            raise BadInputError("drift spec: key 'columns' is empty; leave it out to compare all of them")
        if self.windows and self.window_column is not None:
            raise BadInputError("drift spec: give 'windows' or 'window_column', not both")
