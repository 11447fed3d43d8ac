"""Drift as a sensor: waits for the next batch, judges it once, and emits an asset event only on drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NoReturn

from airflow.configuration import conf
from airflow.sdk import Asset, AssetAlias, BaseSensorOperator, Context, PokeReturnValue

from airflow_mlops_provider.hooks.mlflow import DEFAULT_CONN_ID
from airflow_mlops_provider.records.codec import digest
from airflow_mlops_provider.records.html_report import HtmlReport
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.policies.drift import DriftPolicy
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.drift import ColumnKind
from airflow_mlops_provider.records.requests.drift import DriftRequest
from airflow_mlops_provider.records.requests.short_forms import dataset_ref, given, member, names, optional
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.runners.runner import Handle, Runner
from airflow_mlops_provider.tasks.arguments import RequestMeta
from airflow_mlops_provider.tasks.environment import tracking_environment
from airflow_mlops_provider.tasks.lineage import source_tasks, writers_of
from airflow_mlops_provider.tasks.links import EvidenceLink, ReportLink, report_url
from airflow_mlops_provider.tasks.run import bad_input_fails, run_for_task, run_key, task_origin
from airflow_mlops_provider.tasks.settings import evidence_root, evidence_url
from airflow_mlops_provider.triggers.datasets import DatasetTrigger


class DriftSensor(BaseSensorOperator, metaclass=RequestMeta):
    """Waits until ``current`` exists with a content not judged yet, compares it with ``reference``, and succeeds.

    Whatever the verdict, the task succeeds with its Outcome. On drift (a verdict of ``fail``) it emits an event of
    ``drift_asset`` whose extra is that Outcome; without drift it emits none. A retry of the same Dag run returns the
    verdict that an earlier try recorded.

    :param reference: what the data should look like; ``models:/name@champion`` means the data the champion was trained
        on, a name in ``.profile`` what the ``profile`` job wrote.
    :param current: the batch to judge: its URI, its reference or the Outcome of an earlier step.
    :param columns: features to compare; by default all but the other columns named here and time stamps.
    :param window_column: what tells windows (days, shipments) of the reference apart, for calibration on them.
    :param group_column: rows with one value of it belong together (the same person) and count as one.
    :param label_column: column of the truth, judged apart as target drift; the current batch may not have labels yet.
    :param prediction_column: column of a model's answers, judged apart as prediction drift.
    :param sensitive: columns whose values never appear in messages or reports.
    :param column_kinds: column to ``numeric`` or ``categorical``, for whole numbers taken for something else.
    :param policy: limits and budget of false alarms.
    :param html_report: when to attach Evidently's report, drawn from a sample, to look at: ``always``, ``on_drift`` (a
        verdict of ``fail`` or ``notice``) or ``never``.
    :param keep_profile: keep the profile of a large reference with the evidence, for the next check; not of its
        sensitive columns.
    :param drift_asset: the asset whose event schedules retraining.
    :param deferrable: wait in the triggerer; ``[operators] default_deferrable`` by default.
    :param runner: where the comparison runs; in the task's own process by default.
    :param tracking_conn_id: Connection of the MLflow tracking server.
    :param evidence_root: where evidence is kept; ``[mlops] evidence_root`` by default.
    """

    request_type = DriftRequest
    template_fields: Sequence[str] = (
        *("reference", "current", "columns", "window_column", "group_column", "label_column", "prediction_column"),
        *("column_kinds", "sensitive", "html_report", "evidence_root"),
    )
    operator_extra_links = (EvidenceLink(), ReportLink())

    def __init__(
        self,
        *,
        reference: str | DatasetRef | Any,
        current: str | DatasetRef | Any,
        columns: Sequence[str] | None = None,
        window_column: str | None = None,
        group_column: str | None = None,
        label_column: str | None = None,
        prediction_column: str | None = None,
        sensitive: Sequence[str] | None = None,
        column_kinds: Mapping[str, str] | None = None,
        policy: DriftPolicy = DriftPolicy(),
        html_report: HtmlReport | str = HtmlReport.ON_DRIFT,
        keep_profile: bool = True,
        drift_asset: Asset | None = None,
        deferrable: bool | None = None,
        runner: Runner | None = None,
        tracking_conn_id: str = DEFAULT_CONN_ID,
        evidence_root: str | None = None,
        **kwargs: Any,
    ) -> None:
        # An alias as the outlet: a plain asset outlet would emit its event on every success.
        self.drift_alias = AssetAlias(f"drift of {drift_asset.name}") if drift_asset is not None else None
        outlets = [*kwargs.pop("outlets", []), *([self.drift_alias] if self.drift_alias else [])]
        super().__init__(outlets=outlets, **kwargs)
        self.reference = reference
        self.current = current
        self._source_tasks = source_tasks(current)
        self.columns = columns
        self.window_column = window_column
        self.group_column = group_column
        self.label_column = label_column
        self.prediction_column = prediction_column
        self.sensitive = sensitive
        self.column_kinds = column_kinds
        self.policy = policy
        self.html_report = html_report
        self.keep_profile = keep_profile
        self.drift_asset = drift_asset
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self.runner = runner
        self.tracking_conn_id = tracking_conn_id
        self.evidence_root = evidence_root
        self.evidence_url = ""
        self.report_url = ""
        self._handle: Handle | None = None

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """As of every operator, also with former names of arguments."""
        return super().partial(**cls.with_current_names(kwargs))

    def execute(self, context: Context) -> Any:
        """Poke, reschedule or defer until there is a batch to judge; returns the Outcome as JSON."""
        if not self.deferrable:
            return super().execute(context)
        return self.execute_complete(context)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:  # noqa: ARG002  # resumed
        """Look once; defer again when there is still nothing new."""
        from airflow_mlops_provider.stores.datasets.listing import stamp

        # Stamped before the look: a batch that lands in between wakes the trigger at once.
        seen = stamp(dataset_ref(self.current).uri)
        done = self.poke(context)
        if not done:
            self._wait(seen)
        return done.xcom_value

    def _wait(self, seen: str | None) -> NoReturn:
        self.defer(
            trigger=DatasetTrigger(uri=dataset_ref(self.current).uri, seen=seen, poll_seconds=self.poke_interval),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )
        raise AssertionError("defer() leaves by an exception of its own")

    def poke(self, context: Context) -> PokeReturnValue:
        """Judge the batch when there is one that no other run has judged."""
        with bad_input_fails("drift"):
            outcome = self._outcome(context)
        if outcome is None:
            return PokeReturnValue(is_done=False)
        self.evidence_url = evidence_url(outcome.evidence_uri)
        self.report_url = report_url(outcome.evidence_uri)
        if outcome.verdict.status is Status.FAIL and self.drift_alias is not None and self.drift_asset is not None:
            context["outlet_events"][self.drift_alias].add(self.drift_asset, extra=outcome.to_json())
        return PokeReturnValue(is_done=True, xcom_value=outcome.to_json())

    def _outcome(self, context: Context) -> Outcome | None:
        """The verdict on the batch; ``None`` while there is none or it is another run's."""
        from airflow_mlops_provider.stores.datasets.listing import exists
        from airflow_mlops_provider.stores.datasets.pinned_files import fingerprint
        from airflow_mlops_provider.stores.evidence.store import EvidenceStore

        uri = dataset_ref(self.current).uri
        if not exists(uri):
            self.log.info("%s is not there yet", uri)
            return None
        store, origin = EvidenceStore(self._root), task_origin(context)
        name = digest(["drift", origin.get("dag_id"), origin.get("task_id"), fingerprint(uri)])
        standing = store.claimed(name)
        if standing is None:
            # Claimed after the judgement: a run that dies in between leaves the batch for the next one.
            outcome = self._judge(context)
            standing = store.claim(name, {"run_key": run_key(origin), "outcome": outcome.to_json()})
        if standing["run_key"] != run_key(origin):
            self.log.info("%s has been judged by %s; waiting for the next batch", uri, standing["run_key"])
            return None
        return Outcome.from_json(standing["outcome"])

    def _judge(self, context: Context) -> Outcome:
        return run_for_task(
            self.request(context),
            context=context,
            runner=self.runner,
            evidence_root=self._root,
            environment=tracking_environment(self.tracking_conn_id),
            started=self._started,
        )

    def on_kill(self) -> None:
        """Cancel the comparison: Airflow ends the task, because somebody marked it or its time ran out."""
        if self._handle is not None:
            self._handle.cancel()

    def _started(self, handle: Handle) -> None:
        self._handle = handle

    def request(self, context: Context) -> DriftRequest:
        """The keys of the job, and who wrote the batch.

        :raises BadInputError: when a value cannot be used, naming its key.
        """
        return DriftRequest(
            reference=dataset_ref(self.reference),
            current=dataset_ref(self.current),
            columns=optional(names, self.columns),
            window_column=given(self.window_column),
            group_column=given(self.group_column),
            label_column=given(self.label_column),
            prediction_column=given(self.prediction_column),
            sensitive=names(self.sensitive),
            column_kinds={
                column: member(ColumnKind, kind, key="column_kinds")
                for column, kind in (self.column_kinds or {}).items()
            },
            policy=self.policy,
            html_report=member(HtmlReport, self.html_report, key="html_report"),
            keep_profile=self.keep_profile,
            written_by=writers_of(self.current, tasks=self._source_tasks, context=context),
        )

    @property
    def _root(self) -> str:
        return self.evidence_root or evidence_root()
