"""The ``merge`` job: what was found of the parts of a dataset, as one verdict or one profile of the whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from airflow_mlops_provider.analysis.drift.profile_file import encode_profile, merge_profiles, shareable_profile
from airflow_mlops_provider.analysis.validation import great_expectations_json
from airflow_mlops_provider.analysis.validation.merge import merge_validations
from airflow_mlops_provider.decisions.summaries import summarise
from airflow_mlops_provider.decisions.validation import judge_validation
from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs.data.profile import read_profile
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.jobs.rejudge import read_proven
from airflow_mlops_provider.pages.validation import validation_html
from airflow_mlops_provider.records.codec import decode, sha256
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.validation import ValidationReport
from airflow_mlops_provider.records.requests.merge import MergeRequest
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.filesystems import writing
from airflow_mlops_provider.stores.datasets.fingerprints import content_fingerprint
from airflow_mlops_provider.stores.datasets.held_outputs import held_back
from airflow_mlops_provider.stores.datasets.listing import data_files, exists

_GOES_ON = (Status.PASS, Status.NOTICE)


class MergeJob(Job, MergeRequest):
    """Merge what was found of the parts of a dataset into one verdict, or one profile, of the whole.

    The evidence of the parts is read by its hash. The merged validation is evidence as that of one task is: it speaks
    of the whole dataset, every file of which must be one that a part judged.
    """

    def run(self) -> Outcome:
        """Read the parts, add them up, judge, record."""
        parts = [(uri, read_proven(uri)) for uri in self.parts]
        kind = Kind.PROFILE if self.output_uri is not None else Kind.VALIDATION
        other = next((uri for uri, part in parts if part.kind is not kind), None)
        if other is not None:
            raise BadInputError(f"merge spec: {other} is no evidence of a {kind}; key 'parts' takes one kind")
        return self._merged_profiles(parts) if kind is Kind.PROFILE else self._merged_validations(parts)

    def _merged_profiles(self, parts: Sequence[tuple[str, Evidence]]) -> Outcome:
        output_uri = str(self.output_uri)
        read = [read_profile(_dataset_of(uri, part)) for uri, part in parts]
        merged = merge_profiles([profile for profile, _ in read], uri=output_uri)
        data = encode_profile(shareable_profile(merged, min_count=self.min_count) if self.shared else merged)
        finding = Finding(
            subject=output_uri,
            measure="profiled_rows",
            observed=float(merged.rows),
            status=Status.PASS,
            detail=f"{len(parts)} profiles",
        )
        summary = summarise(f"merged {len(parts):,} profiles of {merged.rows:,} rows")
        # With a full disk behind the evidence, an older profile stays as it is.
        with held_back():
            with writing(output_uri) as target:
                target.write(data)
            return self.record(
                Kind.PROFILE,
                report={"rows": merged.rows, "columns": list(merged.columns), "parts": len(parts)},
                policy={"shared": self.shared, "min_count": self.min_count},
                verdict=Verdict.of([finding], summary=summary),
                inputs={f"part_{number}": ref for number, (_, ref) in enumerate(read)},
                dataset=DatasetRef(uri=output_uri, fingerprint=sha256(data), rows=merged.rows),
            )

    def _merged_validations(self, parts: Sequence[tuple[str, Evidence]]) -> Outcome:
        reports = [decode(ValidationReport, part.report, where=f"evidence {uri}") for uri, part in parts]
        refused = tuple(_input_of(part).uri for _, part in parts if part.verdict.status not in _GOES_ON)
        place = None if self.quarantine_uri is None else DatasetRef(uri=self.quarantine_uri)
        report = replace(merge_validations(reports), quarantine=place, refused_parts=refused or None)
        verdict = judge_validation(report, self.policy)
        # A part that was refused wrote no clean rows: there is no whole to speak of, and no folder when all were.
        is_gone = bool(refused) and (any(map(_has_output, parts)) or not exists(self._named.uri))
        whole = None if is_gone else self._whole(parts)
        return self.record(
            Kind.VALIDATION,
            report=report,
            policy=self.policy,
            verdict=verdict,
            inputs={f"part_{number}": _input_of(part) for number, (_, part) in enumerate(parts)},
            dataset=whole,
            attachments={
                "validation_result.json": json.dumps(
                    great_expectations_json(report), indent=1, allow_nan=False, ensure_ascii=False
                ).encode(),
                "report.html": validation_html(report, verdict, whole or self._named).encode(),
            },
            details={
                "clean_rows": report.clean_rows,
                "quarantined_rows": report.failing_rows,
                "parts": [uri for uri, _ in parts],
            },
        )

    @property
    def _named(self) -> DatasetRef:
        assert self.dataset is not None  # noqa: S101  # for the type checker; `check` has looked
        return self.dataset

    def _whole(self, parts: Sequence[tuple[str, Evidence]]) -> DatasetRef:
        """The whole dataset, pinned; every file of it must be one that a part judged, with the content that it judged.

        :raises BadInputError: when a file is no part, or is part of two.
        :raises IntegrityError: when a part is not what was judged any more.
        """
        data = open_dataset(self._named)
        judged: dict[str, str] = {}
        for uri, part in parts:
            ref = _dataset_of(uri, part)
            files = data_files(ref.uri).files
            twice = next((file for file in files if file in judged), None)
            if twice is not None:
                raise BadInputError(f"merge spec: {twice} is part of both {judged[twice]} and {ref.uri}")
            foreign = next((file for file in files if file not in data.files), None)
            if foreign is not None:
                raise BadInputError(f"merge spec: part {ref.uri} has {foreign}, which is no file of {data.uri}")
            if ref.fingerprint != content_fingerprint(data.digest_of(file) for file in files):
                raise IntegrityError(f"part {ref.uri} changed since it was judged")
            judged |= dict.fromkeys(files, ref.uri)
        left = next((file for file in data.files if file not in judged), None)
        if left is not None:
            raise BadInputError(f"merge spec: {left} of {data.uri} is in none of the parts, so that nobody judged it")
        return data.ref


def _dataset_of(uri: str, part: Evidence) -> DatasetRef:
    if part.dataset is None:
        raise BadInputError(f"merge spec: evidence {uri} names no dataset")
    return part.dataset


def _has_output(part: tuple[str, Evidence]) -> bool:
    """Whether a validation wrote its clean rows somewhere."""
    return _dataset_of(*part).uri != _input_of(part[1]).uri


def _input_of(part: Evidence) -> DatasetRef:
    return part.inputs["dataset"]
