"""Drift as a sensor: waits for the next batch, judges it once, and emits an asset event only on drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from airflow.configuration import conf
from airflow.sdk import Asset, AssetAlias, BaseSensorOperator, Context, PokeReturnValue

from airflow_mlops_provider.airflow_versions import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
)
from airflow_mlops_provider.hooks.mlflow import DEFAULT_CONN_ID
from airflow_mlops_provider.records.html_report import HtmlReport
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.policies.drift import DriftPolicy
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.drift import ColumnKind
from airflow_mlops_provider.records.requests.drift import DriftRequest
from airflow_mlops_provider.records.requests.short_forms import (
    dataset_ref,
    dataset_refs,
    given,
    member,
    names,
    optional,
)
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.runners.runner import Handle, Runner
from airflow_mlops_provider.tasks.arguments import RequestMeta
from airflow_mlops_provider.tasks.drift_watch import expects_another, watch_over
from airflow_mlops_provider.tasks.environment import reachable_databases, s3_access, tracking_environment
from airflow_mlops_provider.tasks.job_end import end_with_task
from airflow_mlops_provider.tasks.lineage import source_tasks, writers_of
from airflow_mlops_provider.tasks.links import EvidenceLink, ReportLink, report_url
from airflow_mlops_provider.tasks.run import bad_input_fails, run_for_task, task_origin
from airflow_mlops_provider.tasks.settings import aws_conn_id, evidence_root, evidence_url
from airflow_mlops_provider.triggers.datasets import DatasetTrigger


class DriftSensor(BaseSensorOperator, metaclass=RequestMeta):
    """Waits for a batch, has it compared with ``reference`` once, and succeeds.

    Whatever the verdict, the task succeeds with its Outcome. On drift (a verdict of ``fail``) it emits an event of
    ``drift_asset`` whose extra is that Outcome; without drift it emits none.

    A judgement is made once for each combination of Dag, task, map index, batch, reference, columns and policy. A
    repeat gives the verdict that stands, and its event has the same ``judgement``. A run of a schedule waits while the
    batch is another run's. ``soft_fail`` skips on a time-out alone.

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
    :param html_report: when to attach Evidently's report, drawn from a sample, to look at: ``always``, ``on_drift`` (a
        verdict of ``fail`` or ``notice``) or ``never``.
    :param keep_profile: keep the profile of a large reference with the evidence, for the next check; not of its
        sensitive columns.
    :param drift_asset: the asset whose event schedules retraining.
    :param deferrable: wait in the triggerer; ``[operators] default_deferrable`` by default.
    :param runner: where the comparison runs; in the task's own process by default.
    :param tracking_conn_id: Connection of the MLflow tracking server.
    :param aws_conn_id: Connection by which evidence and data on S3 are reached; ``[mlops] aws_conn_id`` by default, and
        without that the environment.
    :param evidence_root: where evidence is kept; ``[mlops] evidence_root`` by default.
    """

    request_type = DriftRequest
    template_fields: Sequence[str] = (
        *(
            "reference",
            "current",
            "columns",
            "window_column",
            "windows",
            "group_column",
            "label_column",
            "prediction_column",
        ),
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
        windows: Sequence[str | DatasetRef | Any] | str | None = None,
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
        aws_conn_id: str | None = None,
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
        self.windows = windows
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
        self.aws_conn_id = aws_conn_id
        self.evidence_root = evidence_root
        self.evidence_url = ""
        self.report_url = ""
        self._handle: Handle | None = None
        self._origin: dict[str, str] = {}
        self._seen: str | None = None

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """As of every operator, also with former names of arguments."""
        return super().partial(**cls.with_current_names(kwargs))

    def execute(self, context: Context) -> Any:
        """Poke, reschedule or defer until there is a batch for this run; returns the Outcome as JSON.

        :raises AirflowFailException: on bad input, whatever ``soft_fail`` says: only a time-out is a reason to skip.
        """
        with self._soft_on_time_outs_alone():
            return self.execute_complete(context) if self.deferrable else super().execute(context)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after the trigger's event or its time-out."""
        with self._soft_on_time_outs_alone():
            return super().resume_execution(next_method, next_kwargs, context)

    def execute_complete(
        self,
        context: Context,
        event: dict[str, Any] | None = None,  # noqa: ARG002  # the look says more than the trigger's event
        started: str | None = None,
    ) -> Any:
        """Look once; defer again when there is nothing for this run yet.

        :param started: when the try began to wait, ISO 8601; ``None`` at its first look.
        """
        began = datetime.fromisoformat(started) if started else datetime.now(UTC)
        done = self._look(context)
        if not done:
            self._wait(began, is_first=started is None)
        return done.xcom_value

    def _look(self, context: Context) -> PokeReturnValue:
        """Poke, and pass over the errors that ``BaseSensorOperator.execute`` passes over in the other modes."""
        try:
            return self.poke(context)
        except AirflowSkipException:
            raise
        except Exception as error:
            if self.never_fail:
                raise AirflowSkipException("skipped, because never_fail is set") from error
            if isinstance(error, AirflowFailException) or not self.silent_fail:
                raise
            self.log.exception("the look failed; the sensor looks again, because silent_fail is set")
            return PokeReturnValue(is_done=False)

    def _wait(self, began: datetime, *, is_first: bool) -> NoReturn:
        left = timedelta(seconds=self.timeout)
        if not is_first:
            # The time-out counts from the first look, however often the trigger fires.
            left -= datetime.now(UTC) - began
        if left < timedelta(0):
            said = f"nothing to judge in {self.timeout:g} seconds"
            raise AirflowSkipException(said) if self.soft_fail else AirflowSensorTimeout(said)
        self.defer(
            trigger=DatasetTrigger(
                uri=dataset_ref(self.current).uri,
                seen=self._seen,
                poll_seconds=self.poke_interval,
                aws_conn_id=self.aws_conn_id or aws_conn_id(),
            ),
            method_name="execute_complete",
            kwargs={"started": began.isoformat()},
            timeout=left,
        )
        raise AssertionError("defer() leaves by an exception of its own")

    @contextmanager
    def _soft_on_time_outs_alone(self) -> Iterator[None]:
        """Undo Airflow's reading of ``soft_fail``, by which other failures skip the task as well, in some modes."""
        try:
            yield
        except AirflowSkipException as skipped:
            cause = skipped.__cause__
            if not self.soft_fail or cause is None or isinstance(cause, AirflowSensorTimeout | AirflowTaskTimeout):
                raise
            raise cause from cause.__cause__

    def poke(self, context: Context) -> PokeReturnValue:
        """Judge what lies there, when it is for this run; nothing is read while nothing has changed."""
        databases = reachable_databases(dataset_ref(self.current).uri)
        with s3_access(self.aws_conn_id) as access, bad_input_fails("drift"), databases:
            outcome = self._outcome(context, tracking_environment(self.tracking_conn_id) | access)
            self.report_url = report_url(outcome.evidence_uri) if outcome else ""
        if outcome is None:
            return PokeReturnValue(is_done=False)
        self.evidence_url = evidence_url(outcome.evidence_uri)
        if outcome.verdict.status is Status.FAIL and self.drift_alias is not None and self.drift_asset is not None:
            context["outlet_events"][self.drift_alias].add(self.drift_asset, extra=outcome.to_xcom())
        return PokeReturnValue(is_done=True, xcom_value=outcome.to_xcom())

    def _outcome(self, context: Context, environment: Mapping[str, str]) -> Outcome | None:
        """The verdict on the batch; ``None`` while there is none for this run."""
        watch = watch_over(self.current, evidence_root=self._root, context=context)
        found = watch.stamps()
        self._seen = found.state if found else None
        if found is None:
            self.log.info("%s is not there yet", watch.uri)
            return None
        if watch.has_looked_at(found):
            self.log.info("%s has not changed since it was looked at", watch.uri)
            return None
        try:
            outcome = self._judge(context, environment)
        except AirflowFailException as error:
            if watch.is_unchanged(found):
                raise
            self.log.warning("%s changed while it was looked at, and is looked at again: %s", watch.uri, error)
            return None
        waits = expects_another(self.current, tasks=self._source_tasks, context=context)
        taken_by = watch.take(outcome.judgement or outcome.evidence_uri, found, expects_another=waits)
        if taken_by == watch.run_key:
            return outcome
        self.log.info("%s has been judged by %s; waiting for the next batch", watch.uri, taken_by)
        watch.looked_at(found)
        return None

    def _judge(self, context: Context, environment: Mapping[str, str]) -> Outcome:
        self._origin = task_origin(context)
        return run_for_task(
            replace(self.request(context), once=True),
            context=context,
            runner=self.runner,
            evidence_root=self._root,
            environment=environment,
            started=self._started,
        )

    def on_kill(self) -> None:
        """Cancel the comparison: Airflow ends the task, because somebody marked it or its time ran out."""
        if self._handle is not None:
            end_with_task(self._handle, self._origin)

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
            windows=dataset_refs(self.windows),
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
