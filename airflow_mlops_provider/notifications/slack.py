"""Slack messages on failed and on drifted runs, through Airflow's Slack provider."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseNotifier, Context

from airflow_mlops_provider.decisions.alerts import alert_of_failure, alert_of_outcome
from airflow_mlops_provider.records.alert import Alert, Severity
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.tasks.links import report_url
from airflow_mlops_provider.tasks.settings import evidence_url, run_url

log = logging.getLogger(__name__)

OUTCOME_KEYS = ("outcome", "return_value")
"""XCom keys where a task leaves its Outcome: the first when it fails, the second when it succeeds."""

_MARKS = {
    Severity.INFO: ":information_source:",
    Severity.WARNING: ":warning:",
    Severity.CRITICAL: ":rotating_light:",
}


class MLOpsSlackNotifier(BaseNotifier):
    """Tells Slack about a failure, or about a verdict that matters; silent otherwise.

    Use it as ``on_failure_callback`` of a task or Dag, and as ``on_success_callback`` of tasks whose verdict matters.
    A message that cannot be delivered is a warning in the log and never fails the task.

    :param slack_conn_id: a Connection of type ``slackwebhook``.
    :param min_severity: verdicts below this are not told; failures always are.
    :param runbook_url: linked from every message.
    """

    template_fields: Sequence[str] = ("slack_conn_id", "runbook_url")

    def __init__(
        self,
        *,
        slack_conn_id: str = "slack_default",
        min_severity: Severity = Severity.WARNING,
        runbook_url: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.slack_conn_id = slack_conn_id
        self.min_severity = min_severity
        self.runbook_url = runbook_url

    def notify(self, context: Context) -> None:
        """Send the message, if there is one to send."""
        alert = self.alert(context)
        if alert is None:
            return
        try:
            self._hook().send(text=plain_text(alert), blocks=blocks(alert))
        except Exception as error:  # noqa: BLE001  # whatever Slack or the network does, the task goes on
            self._undelivered(alert, error)

    async def async_notify(self, context: Context) -> None:
        """As :meth:`notify`, for callbacks that run in the triggerer."""
        alert = self.alert(context)
        if alert is None:
            return
        try:
            await self._hook().async_send(text=plain_text(alert), blocks=blocks(alert))
        except Exception as error:  # noqa: BLE001  # whatever Slack or the network does, the task goes on
            self._undelivered(alert, error)

    def alert(self, context: Mapping[str, Any]) -> Alert | None:
        """The message that ``context`` calls for, or ``None``."""
        where, links = _where(context), self._links(context)
        outcome = _outcome(context)
        if outcome is not None:
            report = report_url(outcome.evidence_uri)
            links |= {"evidence": evidence_url(outcome.evidence_uri)} | ({"report": report} if report else {})
        if _failed(context):
            reason = str(context.get("exception") or context.get("reason") or "")
            return alert_of_failure(where=where, reason=reason, outcome=outcome, links=links)
        if outcome is None:
            return None
        alert = alert_of_outcome(outcome, where=where, links=links)
        return alert if alert.severity.rank >= self.min_severity.rank else None

    def _links(self, context: Mapping[str, Any]) -> dict[str, str]:
        run, ti = context.get("dag_run"), context.get("ti")
        links = {} if run is None else {"run": run_url(run.dag_id, run.run_id, getattr(ti, "task_id", None))}
        return {**links, **({"runbook": self.runbook_url} if self.runbook_url else {})}

    def _hook(self) -> Any:
        from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook

        return SlackWebhookHook(slack_webhook_conn_id=self.slack_conn_id)

    def _undelivered(self, alert: Alert, error: Exception) -> None:
        log.warning("Slack was not told (%s: %s): %s", type(error).__name__, error, plain_text(alert))


def plain_text(alert: Alert) -> str:
    """The message as one text, for notifications and screen readers."""
    return "\n".join([f"[{alert.severity.upper()}] {alert.title}", *alert.lines])


def blocks(alert: Alert) -> list[dict[str, Any]]:
    """The message as Slack blocks: symptom, numbers, links."""
    body = "\n".join(_escaped(line) for line in alert.lines)
    links = "  |  ".join(f"<{url}|{label}>" for label, url in alert.links.items())
    found = [_section(f"{_MARKS[alert.severity]} *{_escaped(alert.title)}*  `{alert.severity}`"), _section(body)]
    if links:
        found.append({"type": "context", "elements": [{"type": "mrkdwn", "text": links}]})
    return found


def _section(text: str) -> dict[str, Any]:
    # Slack refuses sections over 3,000 characters.
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:2900]}}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _where(context: Mapping[str, Any]) -> str:
    run, ti = context.get("dag_run"), context.get("ti")
    names = [getattr(run, "dag_id", None), getattr(ti, "task_id", None)]
    return ".".join(str(name) for name in names if name) or "a run"


def _failed(context: Mapping[str, Any]) -> bool:
    if context.get("exception") is not None:
        return True
    # A Dag's callback carries no exception, only the reason and the run's state.
    return context.get("ti") is None and str(getattr(context.get("dag_run"), "state", "")).endswith("failed")


def _outcome(context: Mapping[str, Any]) -> Outcome | None:
    ti = context.get("ti")
    if ti is None:
        return None
    for key in OUTCOME_KEYS:
        found = ti.xcom_pull(task_ids=ti.task_id, key=key, map_indexes=ti.map_index)
        if isinstance(found, Mapping) and {"kind", "verdict"} <= set(found):
            return Outcome.from_json(found)
    return None
