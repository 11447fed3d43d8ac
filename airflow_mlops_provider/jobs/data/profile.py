"""Profiles: of a reference for the drift job, kept file by file, or as a file to share in place of the rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from airflow_mlops_provider.analysis.drift.columns import columns_to_profile
from airflow_mlops_provider.analysis.drift.profile_file import (
    ProfiledDataset,
    decode_profile,
    encode_profile,
    shareable_profile,
)
from airflow_mlops_provider.analysis.drift.scan import edges_of, numeric_columns
from airflow_mlops_provider.decisions.summaries import summarise
from airflow_mlops_provider.exceptions import AlreadyExistsError, BadInputError, IntegrityError, MLOpsError
from airflow_mlops_provider.jobs.data.kept_profiles import stored_profile
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.records.codec import sha256
from airflow_mlops_provider.records.evidence_name import profile_folder
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests.profile import SUFFIX, ProfileRequest
from airflow_mlops_provider.records.table_source import is_table_uri
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict
from airflow_mlops_provider.secrets_in_text import masked
from airflow_mlops_provider.stores.datasets.dataset import Dataset, open_dataset
from airflow_mlops_provider.stores.datasets.file_facts import keep_facts, read_facts
from airflow_mlops_provider.stores.datasets.filesystems import filesystem, reading, writing
from airflow_mlops_provider.stores.datasets.held_outputs import held_back
from airflow_mlops_provider.stores.datasets.parquet_dataset import ParquetDataset
from airflow_mlops_provider.stores.evidence.store import EvidenceStore


class ProfileJob(Job, ProfileRequest):
    """Profile a dataset into one file, which the drift job takes as its reference.

    Files that an earlier run profiled are not read again: a folder of daily files costs one day a day.
    """

    def run(self) -> Outcome:
        """Profile what is new, merge, write, record; returns the Outcome, whose dataset is the profile."""
        with held_back():
            return self._recorded()

    def _recorded(self) -> Outcome:
        dataset = self._opened()
        columns = columns_to_profile(dataset, columns=self.columns, leave_out=self.sensitive)
        edges = None if self.edges is None else _named_edges(self.edges, dataset, columns)
        found, fresh = stored_profile(dataset, columns, self.evidence_store, edges=edges)
        is_table = dataset.source.identified_by is not None
        if fresh and isinstance(dataset, ParquetDataset) and not is_table:
            keep_facts(self.evidence_store, self.dataset.uri, dataset.facts())
        files, kind = len(dataset.files), "table" if is_table else "file"
        detail = _files_text(files, fresh, what=kind)
        return self.written(found, source=dataset.source, detail=detail, read={"files": files, "files_read": fresh})

    def written(self, found: ProfiledDataset, *, source: DatasetRef, detail: str, read: Mapping[str, int]) -> Outcome:
        """Write the profile and the evidence of it.

        :param source: what was profiled.
        :param detail: what of it was read now, for a person.
        :param read: the same in numbers.
        """
        data = encode_profile(shareable_profile(found, min_count=self.min_count) if self.shared else found)
        with writing(self.output_uri) as target:
            target.write(data)
        finding = Finding(
            subject=found.uri,
            measure="profiled_rows",
            observed=float(found.rows),
            status=Status.PASS,
            detail=detail,
        )
        counted = f"profiled {found.rows:,} rows in {len(found.columns)} column{'s' * (len(found.columns) > 1)}"
        summary = summarise(f"{counted} and {finding.detail}")
        return self.record(
            Kind.PROFILE,
            report={"rows": found.rows, "columns": list(found.columns), **read},
            policy={"shared": self.shared, "min_count": self.min_count},
            verdict=Verdict.of([finding], summary=summary),
            inputs={"dataset": replace(source, rows=found.rows)},
            dataset=DatasetRef(uri=masked(self.output_uri), fingerprint=sha256(data), rows=found.rows),
        )

    def _opened(self) -> Dataset:
        known = None if is_table_uri(self.dataset.uri) else read_facts(self.evidence_store, self.dataset.uri)
        return open_dataset(self.dataset, known=known)


def _named_edges(ref: DatasetRef, dataset: Dataset, columns: Sequence[str]) -> dict[str, Any]:
    """The edges of a profile, for each numeric and time column.

    :raises BadInputError: when the profile lacks one of them.
    """
    known = edges_of(read_profile(ref)[0].profiles)
    missing = next((name for name in numeric_columns(dataset, columns) if name not in known), None)
    if missing is not None:
        raise BadInputError(f"key 'edges': profile {ref.uri} has no edges of column {missing!r} of {dataset.uri}")
    return {name: edges for name, edges in known.items() if name in columns}


def _files_text(files: int, fresh: int, *, what: str) -> str:
    if what == "table" or files == 1:
        return f"1 {what}, {'read now' if fresh else 'unchanged since it was read'}"
    return f"{files:,} files, {fresh:,} of them read now"


def read_profile(ref: DatasetRef) -> tuple[ProfiledDataset, DatasetRef]:
    """The profile at ``ref`` and its pinned reference.

    :raises BadInputError: when there is none, or it is damaged.
    :raises IntegrityError: when ``ref`` pins other content.
    """
    fs, path = filesystem(ref.uri)
    with reading(fs, path, name=ref.uri) as handle:
        data = handle.read()
    pinned = replace(ref, uri=masked(ref.uri), fingerprint=sha256(data))
    if ref.fingerprint not in (None, pinned.fingerprint):
        raise IntegrityError(
            f"profile {ref.uri} changed: its content is {pinned.fingerprint}, {ref.fingerprint} was expected"
        )
    found = decode_profile(data, uri=ref.uri)
    return found, replace(pinned, rows=found.rows)


def keep_reference(reference: DatasetRef, store: EvidenceStore, *, sensitive: Collection[str]) -> DatasetRef | None:
    """Keep the whole profile of a reference, for the time when its rows are gone or overwritten.

    :param reference: the pinned dataset.
    :param store: gets the profile below ``profiles/``, where a purge leaves it while a decision in its term names the
        dataset.
    :param sensitive: columns that the profile is not to hold.
    :returns: the profile, pinned; ``None`` when the rows cannot be had any more, or hold nothing to compare.
    """
    try:
        dataset = open_dataset(reference)
        reference = dataset.ref
        columns = columns_to_profile(dataset, leave_out=[name for name in sensitive if name in dataset.columns])
        found, _ = stored_profile(dataset, columns, store, by_content=True)
        dataset.confirm()
    except MLOpsError:
        return None
    data = encode_profile(found)
    name = (
        f"{profile_folder(reference.uri, reference.fingerprint or '')}/{sha256(data).removeprefix('sha256:')}{SUFFIX}"
    )
    with suppress(AlreadyExistsError):
        store.attach(name, data)
    return DatasetRef(uri=store.uri_of(name), fingerprint=sha256(data), rows=found.rows)
