"""A task that fails tells Slack; what stands for Slack is asked afterwards whether it heard."""

from airflow.sdk import dag, task

from airflow_mlops_provider.notifications.slack import MLOpsSlackNotifier


@dag(schedule=None)
def with_slack():
    @task(on_failure_callback=MLOpsSlackNotifier())
    def fail() -> None:
        raise ValueError("a drill")

    @task(trigger_rule="all_failed")
    def go_on() -> None:
        pass

    fail() >> go_on()


with_slack()
