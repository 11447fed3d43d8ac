"""Slack messages on failed and on drifted runs, through Airflow's Slack provider."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseNotifier, Context

from airflow_mlops_provider.decisions.alerts import alert_of_failure, alert_of_outcome, require_severities
from airflow_mlops_provider.exceptions import one_line
from airflow_mlops_provider.notifications.callback_context import CallbackEvent, event_of
from airflow_mlops_provider.records.alert import Alert, Severity
from airflow_mlops_provider.records.outcome import Outcome, as_outcome
from airflow_mlops_provider.secrets_in_text import masked
from airflow_mlops_provider.tasks.links import report_url
from airflow_mlops_provider.tasks.settings import evidence_url, run_url
from airflow_mlops_provider.tasks.undelivered import keep_undelivered

log = logging.getLogger(__name__)
_client_log = logging.getLogger(f"{__name__}.client")
_client_log.setLevel(logging.WARNING)
_TIMEOUT_SECONDS = 10

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
    A message is sent again when Slack asks to wait, answers with a server error, or cannot be reached. One that still
    cannot be delivered is a warning in the log, is kept in the evidence root, and never fails the task.

    :param slack_conn_id: a Connection of type ``slackwebhook``.
    :param min_severity: verdicts below this are not told; failures always are.
    :param severities: severity of a verdict by ``kind.status``, such as ``{"promotion.fail": "warning"}``; replaces
        the default of that kind and status.
    :param runbook_url: linked from every message.
    :raises BadInputError: for a key or severity that there is not, naming it.
    """

    template_fields: Sequence[str] = ("slack_conn_id", "runbook_url")

    def __init__(
        self,
        *,
        slack_conn_id: str = "slack_default",
        min_severity: Severity = Severity.WARNING,
        severities: Mapping[str, Severity | str] | None = None,
        runbook_url: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.slack_conn_id = slack_conn_id
        self.min_severity = min_severity
        self.severities = require_severities(severities or {})
        self.runbook_url = runbook_url

    def notify(self, context: Context) -> None:
        """Send the message, if there is one to send."""
        alert = self.alert(context)
        if alert is not None:
            self._deliver(alert, event_of(context).origin)

    async def async_notify(self, context: Context) -> None:
        """As :meth:`notify`, for callbacks that run in the triggerer, whose event loop must not wait for Slack."""
        alert = self.alert(context)
        if alert is not None:
            await asyncio.to_thread(self._deliver, alert, event_of(context).origin)

    def alert(self, context: Mapping[str, Any]) -> Alert | None:
        """The message that ``context`` calls for, or ``None``."""
        event, outcome = event_of(context), _outcome(context)
        links = self._links(event, outcome)
        if event.is_failure:
            return alert_of_failure(where=event.where, reason=event.reason, outcome=outcome, links=links)
        if outcome is None or event.is_of_run:
            return None
        alert = alert_of_outcome(outcome, where=event.where, links=links, severities=self.severities)
        return alert if alert.severity.rank >= self.min_severity.rank else None

    def _links(self, event: CallbackEvent, outcome: Outcome | None) -> dict[str, str]:
        links = {}
        if event.dag_id and event.run_id:
            links["run"] = run_url(event.dag_id, event.run_id, event.task_id or None)
        if self.runbook_url:
            links["runbook"] = self.runbook_url
        if outcome is not None:
            report = report_url(outcome.evidence_uri)
            links |= {"evidence": evidence_url(outcome.evidence_uri)} | ({"report": report} if report else {})
        return links

    def _deliver(self, alert: Alert, origin: Mapping[str, str]) -> None:
        try:
            self._hook().send(text=plain_text(alert), blocks=blocks(alert))
        except Exception as error:  # noqa: BLE001  # whatever Slack or the network does, the task goes on
            reason = masked(f"{type(error).__name__}: {one_line(error)}")
            log.warning("Slack was not told (%s): %s", reason, plain_text(alert))
            keep_undelivered(alert, channel=self.slack_conn_id, reason=reason, origin=origin)

    def _hook(self) -> Any:
        from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook

        from airflow_mlops_provider.notifications.slack_retries import retry_handlers

        return SlackWebhookHook(
            slack_webhook_conn_id=self.slack_conn_id,
            timeout=_TIMEOUT_SECONDS,
            retry_handlers=retry_handlers(),
            # Slack's client writes the webhook's address, which is a secret, at the levels below.
            logger=_client_log,
        )


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


def _outcome(context: Mapping[str, Any]) -> Outcome | None:
    """What the task left on XCom; none where nobody can be asked for it."""
    ti = context.get("ti")
    if ti is None:
        return None
    for key in OUTCOME_KEYS:
        try:
            found = ti.xcom_pull(task_ids=ti.task_id, key=key, map_indexes=ti.map_index)
        except Exception as error:  # noqa: BLE001  # an alert without numbers is better than none
            log.warning("the verdict of %s could not be read: %s", ti.task_id, error)
            return None
        outcome = as_outcome(found)
        if outcome is not None:
            return outcome
    return None
