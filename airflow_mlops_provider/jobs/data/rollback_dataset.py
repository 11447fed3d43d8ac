"""The ``rollback_dataset`` job: ``latest.snapshot`` goes back to a snapshot that was published before."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from airflow_mlops_provider.decisions.dataset_rollback import judge_dataset_rollback
from airflow_mlops_provider.exceptions import AlreadyExistsError, BadInputError, IntegrityError
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.records.codec import digest
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.dataset_rollback import DatasetRollbackReport
from airflow_mlops_provider.records.requests.rollback_dataset import RollbackDatasetRequest
from airflow_mlops_provider.records.snapshot import SNAPSHOT
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.records.withdrawal import Withdrawal
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.snapshot_files import folder_of, is_snapshot_uri
from airflow_mlops_provider.stores.datasets.snapshots import SnapshotFolder


class RollbackDatasetJob(Job, RollbackDatasetRequest):
    """Take the newest snapshot back, or all after an earlier one; nothing is removed.

    What was taken back stays readable by its name and is published no more. The next interval moves ``latest`` on. An
    interval whose snapshot was taken back is taken over again by its ingest, as a revision.
    """

    def run(self) -> Outcome:
        """Check the target, mark what is taken back, record, move ``latest``; a retry goes on from there.

        :raises BadInputError: when there is nothing to go back to.
        """
        folder = SnapshotFolder(folder_of(self.dataset) if is_snapshot_uri(self.dataset) else self.dataset)
        report = self._earlier_try(folder) or self._decide(folder)
        verdict = judge_dataset_rollback(report)
        if verdict.status is Status.PASS:
            for name in report.withdrawn:
                with suppress(AlreadyExistsError):  # the newest one is, and others by another rollback
                    folder.mark_withdrawn(name, self._withdrawal(report))
        outcome = self.record(
            Kind.DATASET_ROLLBACK,
            report=report,
            policy=None,
            verdict=verdict,
            inputs={},
            dataset=report.target,
            details={"reason": self.reason, "person": self.person},
        )
        folder.move_latest()
        return outcome

    @property
    def request_digest(self) -> str | None:
        """Hash of what is asked; ``None`` without a run key, because then two calls are two rollbacks."""
        if self.run_key is None:
            return None
        asked = {key: getattr(self, key) for key in ("run_key", "dataset", "reason", "to_snapshot", "person")}
        return digest({"rollback_dataset": asked})

    def _decide(self, folder: SnapshotFolder) -> DatasetRollbackReport:
        """Commit by marking the newest snapshot, which one of several rollbacks can."""
        published = folder.published()
        target = self._target(folder, published)
        report = _report(folder, target, tuple(name for name in reversed(published) if name > target))
        if judge_dataset_rollback(report).status is not Status.PASS:
            return report
        try:
            folder.mark_withdrawn(report.withdrawn[0], self._withdrawal(report))
        except AlreadyExistsError:
            # Going back from what the other one went back to was not asked for.
            return _report(folder, target, (), expected=report.withdrawn[0])
        return report

    def _earlier_try(self, folder: SnapshotFolder) -> DatasetRollbackReport | None:
        """What an earlier try of this request committed."""
        if self.request_digest is None:
            return None
        found = {name: folder.withdrawal(name) for name in folder.withdrawn()}
        own = {name: each for name, each in found.items() if each.request == self.request_digest}
        if not own:
            return None
        target = next(iter(own.values())).target
        rest = (name for name in folder.published() if target < name < max(own))
        return _report(folder, target, tuple(sorted({*own, *rest}, reverse=True)))

    def _withdrawal(self, report: DatasetRollbackReport) -> Withdrawal:
        return Withdrawal(
            target=_name_of(report.target.uri),
            reason=self.reason,
            withdrawn_at=datetime.now(UTC).isoformat(),
            person=self.person,
            request=self.request_digest,
        )

    def _target(self, folder: SnapshotFolder, published: tuple[str, ...]) -> str:
        earlier = published[:-1]
        if not earlier:
            raise BadInputError(
                f"{folder.uri}: there is nothing to go back to: {len(published)} snapshots are published"
            )
        if self.to_snapshot is None:
            return earlier[-1]
        name = _name_of(self.to_snapshot)
        if name not in earlier:
            raise BadInputError(
                f"key 'to_snapshot': {name} is not published before {published[-1]} in {folder.uri}; those are "
                f"{', '.join(earlier[-10:])}"
            )
        return name


def _report(
    folder: SnapshotFolder, target: str, withdrawn: tuple[str, ...], *, expected: str | None = None
) -> DatasetRollbackReport:
    ref = folder.ref(folder.get(target))
    return DatasetRollbackReport(
        folder=folder.uri,
        target=ref,
        is_whole=_is_whole(ref),
        withdrawn=withdrawn,
        expected=expected,
    )


def _is_whole(ref: DatasetRef) -> bool:
    try:
        return open_dataset(ref).ref.fingerprint == ref.fingerprint
    except IntegrityError:
        return False


def _name_of(snapshot: str) -> str:
    return snapshot.rpartition("/")[2].removesuffix(SNAPSHOT)
