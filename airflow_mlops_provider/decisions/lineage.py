"""Where to look for the cause: the task or asset that last wrote the data of a verdict."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_mlops_provider.records.refs import Writer
from airflow_mlops_provider.records.verdict import Status, Verdict


def name_writers(verdict: Verdict, writers: Sequence[Writer]) -> Verdict:
    """The verdict whose worst finding also says who wrote the data; a pass needs no cause and stays as it is.

    :param writers: the last one first.
    """
    if not writers or verdict.status is Status.PASS:
        return verdict
    return verdict.with_detail(f"data last written by {in_words(writers)}")


def in_words(writers: Sequence[Writer]) -> str:
    """The writers in one phrase, such as ``etl.clean, before that by etl.load (run 7)``.

    :param writers: the last one first; at least one.
    """
    runs = {writer.run_id for writer in writers}
    shared = f" (run {writers[0].run_id})" if len(runs) == 1 and None not in runs else ""
    return ", before that by ".join(_named(writer, with_run=not shared) for writer in writers) + shared


def _named(writer: Writer, *, with_run: bool) -> str:
    task = ".".join(part for part in (writer.dag_id, writer.task_id) if part)
    name = f"asset {writer.asset}" if writer.asset else task
    by = f" by {task}" if writer.asset and task else ""
    run = f" (run {writer.run_id})" if with_run and writer.run_id else ""
    return f"{name}{by}{run}"
