"""The ``ingest`` job: the rows of a source, taken over into an immutable snapshot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from airflow_mlops_provider.decisions.ingest import judge_ingest
from airflow_mlops_provider.decisions.lineage import name_writers
from airflow_mlops_provider.jobs.job import Job, writers_detail
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.ingest import IngestReport
from airflow_mlops_provider.records.requests.ingest import IngestRequest
from airflow_mlops_provider.records.snapshot import Snapshot, SnapshotFile
from airflow_mlops_provider.records.table_source import is_table_uri
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import Dataset, open_dataset
from airflow_mlops_provider.stores.datasets.dvc_commit import dvc_folder
from airflow_mlops_provider.stores.datasets.fingerprints import content_fingerprint
from airflow_mlops_provider.stores.datasets.increments import Increment, keys_at
from airflow_mlops_provider.stores.datasets.snapshots import SnapshotFolder, snapshot_name
from airflow_mlops_provider.stores.datasets.tables.rows_since import rows_since

_IS_PUBLISHED = (Status.PASS, Status.NOTICE)


class IngestJob(Job, IngestRequest):
    """Take the rows of a source over into an immutable snapshot, and let ``latest.snapshot`` point at it.

    The snapshot of an interval is made once: a retry, a cleared task or a second writer finds it. It is published, so
    that ``latest.snapshot`` moves to it, when the verdict is a pass or a notice and no newer interval was. After it was
    taken back, the interval is taken over again, as a revision.
    """

    def run(self) -> Outcome:
        """Read, make the snapshot, compare it with the one before, publish it, commit it, record."""
        repository = dvc_folder(self.output_uri) if self.dvc else None
        folder, interval = SnapshotFolder(self.output_uri), snapshot_name(self.interval_start)
        found = folder.standing(interval)
        snapshot = found or folder.make(self._snapshot(folder, folder.next_revision(interval)))
        report = _report(snapshot, folder, is_new=found is None)
        verdict = name_writers(judge_ingest(report, self.policy), self.written_by)
        if verdict.status in _IS_PUBLISHED:
            folder.publish(snapshot.name)
        commit = repository.commit(snapshot) if repository and verdict.status in _IS_PUBLISHED else None
        return self.record(
            Kind.INGEST,
            report=report,
            policy=self.policy,
            verdict=verdict,
            inputs={"source": snapshot.source},
            dataset=replace(folder.ref(snapshot), revision=commit),
            details=writers_detail(self.written_by),
        )

    def _snapshot(self, folder: SnapshotFolder, name: str) -> Snapshot:
        published = folder.published()
        if self.watermark_column is None:
            # Held against the interval before it, also when it is filled in after later ones.
            before, source = [each for each in published if each < name], open_dataset(self.source)
            files: tuple[SnapshotFile, ...] = (folder.write_rows(name, source.batches(), source.schema),)
            watermark = None
        else:
            before = list(published)
            last = folder.get(before[-1]) if before else None
            source = open_dataset(self._since(last))
            files, watermark = self._increment(folder, name, source, last)
        return Snapshot(
            name=name,
            fingerprint=content_fingerprint(bytes.fromhex(file.sha256.removeprefix("sha256:")) for file in files),
            files=files,
            columns={field.name: str(field.type) for field in source.schema},
            source=source.ref,
            created_at=datetime.now(UTC).isoformat(),
            previous=before[-1] if before else None,
            watermark=watermark,
        )

    def _since(self, last: Snapshot | None) -> DatasetRef:
        """The source, of a table without the rows that the newest snapshot surely has."""
        column = str(self.watermark_column)
        if last is None or last.watermark is None or column not in last.columns:
            return self.source
        return rows_since(self.source, column, last.columns[column], last.watermark)

    def _increment(
        self, folder: SnapshotFolder, name: str, source: Dataset, last: Snapshot | None
    ) -> tuple[tuple[SnapshotFile, ...], str | None]:
        """The files of the newest snapshot and one of new rows, with the watermark that they reach."""
        column = str(self.watermark_column)
        after, taken = None if last is None else last.watermark, None
        if last is not None and after is not None and self.key_columns:
            taken = keys_at(open_dataset(folder.ref(last)), column, after, self.key_columns)
        found = Increment(source, column, after=after, taken=taken, keys=self.key_columns)
        new = folder.write_rows(name, found.batches(), source.schema)
        earlier = () if last is None else last.files
        return (*earlier, new) if new.rows or not earlier else earlier, found.watermark


def _report(snapshot: Snapshot, folder: SnapshotFolder, *, is_new: bool) -> IngestReport:
    previous = None if snapshot.previous is None else folder.find(snapshot.previous)  # a purge may have removed it
    earlier = {} if previous is None else previous.columns
    # Of a part of a table, decimals without declared digits have those that its rows need.
    is_part = snapshot.watermark is not None and is_table_uri(snapshot.source.uri)
    known = {file.path for file in previous.files} if previous else set()
    return IngestReport(
        snapshot=snapshot.name,
        rows=snapshot.rows,
        new_rows=sum(file.rows for file in snapshot.files if file.path not in known),
        previous=None if previous is None else previous.name,
        previous_rows=None if previous is None else previous.rows,
        added_columns=tuple(name for name in snapshot.columns if previous and name not in earlier),
        removed_columns=tuple(name for name in earlier if name not in snapshot.columns),
        changed_types={
            name: f"{earlier[name]} -> {kind}"
            for name, kind in snapshot.columns.items()
            if name in earlier and earlier[name] != kind and not (is_part and _are_decimals(earlier[name], kind))
        },
        is_new=is_new,
    )


def _are_decimals(*kinds: str) -> bool:
    return all(kind.startswith("decimal") for kind in kinds)
