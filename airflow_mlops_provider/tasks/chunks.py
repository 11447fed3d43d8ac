"""A folder of many files, divided for mapped tasks."""

from __future__ import annotations

from typing import Any

from airflow.sdk import task

from airflow_mlops_provider.exceptions import BadInputError


def chunks_of(uri: str, *, tasks: int = 20, task_id: str = "chunks") -> Any:
    """A task that divides the files of a folder or pattern into chunks, to expand an operator over.

    Each chunk is a range of file names. A file that arrives later lies in one chunk and in no other.

    :param uri: of the folder or pattern; may be a template.
    :param tasks: number of chunks, and so of mapped tasks; there are fewer when there are fewer files.
    :param task_id: of the task.
    :returns: what :meth:`expand` takes: ``DataValidationOperator.partial(...).expand(dataset=chunks_of(uri))``.
    :raises BadInputError: when ``tasks`` is below 1.
    """
    if tasks < 1:
        raise BadInputError(f"chunks_of: 'tasks' is {tasks}; it must be at least 1")

    @task(task_id=task_id)
    def divide(uri: str) -> list[str]:
        from airflow_mlops_provider.stores.datasets.listing import ranges

        return [each.uri for each in ranges(uri, at_most=tasks)]

    return divide(uri)
