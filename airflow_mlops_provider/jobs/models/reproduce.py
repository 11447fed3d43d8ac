"""``reproduce``: train a version again from its record, and compare what was learnt; nothing is registered."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace

from airflow_mlops_provider.analysis.training import Trained, measure_training
from airflow_mlops_provider.analysis.training.symmetry import measure_symmetry
from airflow_mlops_provider.decisions.reproduction import judge_reproduction
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.job import Job, installed_versions
from airflow_mlops_provider.jobs.models.train import ENVIRONMENT, REPORT, Work, prepare
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.model_uri import is_model_uri
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.reproduction import ReproducedMetric, ReproductionReport
from airflow_mlops_provider.records.reports.training import TrainingReport
from airflow_mlops_provider.records.requests.reproduce import ReproduceRequest
from airflow_mlops_provider.records.roles import CHAMPION
from airflow_mlops_provider.stores.code.archive import code_digest
from airflow_mlops_provider.stores.code.sources import trainer_file
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.stores.models import ModelStore, Predictor, Trainer, content_digest, tags


class ReproduceJob(Job, ReproduceRequest):
    """Train a version again with its recorded declaration, data and seed."""

    def run(self) -> Outcome:
        """Train again, compare and record.

        :raises IntegrityError: when the training data or the stored version are not what was recorded.
        """
        store = ModelStore(self.tracking_uri, evidence_root=self.evidence_root)
        ref = self._version(store)
        recorded = store.load(ref)
        spec = self._spec(recorded.spec)
        work = prepare(spec, self._data(store.run_dataset(ref)))
        started = time.perf_counter()
        trained = measure_training(work.trainer.build, work.data, spec, kinds=work.kinds)
        report = _compare(store, ref, recorded, work, trained, seconds=time.perf_counter() - started)
        return self.record(
            Kind.REPRODUCTION,
            report=report,
            policy=None,
            verdict=judge_reproduction(report),
            inputs={"dataset": work.dataset},
            dataset=work.dataset,
            model=ref,
        )

    def _version(self, store: ModelStore) -> ModelRef:
        if self.evidence:
            found = read_evidence(self.evidence).model
            if found is None:
                raise BadInputError(f"evidence {self.evidence} speaks of no model version")
            return store.resolve(found)
        model = self.model or ""
        if isinstance(model, ModelRef) or is_model_uri(model):
            return store.resolve(model)
        return store.find(model, CHAMPION) or store.resolve(ModelRef(name=model))

    def _spec(self, recorded: ModelSpec) -> ModelSpec:
        """The declaration with the trainer as it lies in its folder now; as it was packed, where there is none."""
        here = replace(recorded, root=self.root or recorded.root, code=None)
        is_gone = trainer_file(here) is None
        return recorded if is_gone and recorded.code and not self.root else here

    def _data(self, recorded: DatasetRef) -> DatasetRef:
        return replace(recorded, uri=self.dataset.uri) if self.dataset else recorded


def _compare(
    store: ModelStore, ref: ModelRef, recorded: Predictor, work: Work, trained: Trained, *, seconds: float
) -> ReproductionReport:
    version = store.version_tags(ref)
    now = Predictor(spec=work.spec, estimator=trained.estimator, columns=work.kinds)
    probe = recorded.probe
    return ReproductionReport(
        model=ref,
        trainer_unchanged=_is_same_code(version, work.trainer),
        changed_packages=_changed_packages(store, ref),
        content_digest=version.get(tags.CONTENT_DIGEST),
        content_digest_again=content_digest(trained.estimator, work.spec),
        probe=measure_symmetry(now, probe.frame, probe.predictions, probe.scores) if probe else None,
        metrics=_metrics(store, ref, trained),
        seconds=seconds,
    )


def _is_same_code(version: Mapping[str, str], trainer: Trainer) -> bool:
    recorded = version.get(tags.CODE)  # versions of 0.1.0 know the hash of the trainer's file alone
    return version.get(tags.TRAINER) == trainer.sha256 and recorded in (None, code_digest(trainer.code))


def _changed_packages(store: ModelStore, ref: ModelRef) -> dict[str, str]:
    kept = store.attachment(ref, ENVIRONMENT)
    then, now = json.loads(kept) if kept else {}, installed_versions()
    return {
        name: f"{version} -> {now.get(name, 'not installed')}"
        for name, version in sorted(then.items())
        if now.get(name) != version
    }


def _metrics(store: ModelStore, ref: ModelRef, trained: Trained) -> tuple[ReproducedMetric, ...]:
    kept = store.attachment(ref, REPORT)
    then = {each.name: each.mean for each in decode(TrainingReport, json.loads(kept)).metrics} if kept else {}
    return tuple(
        ReproducedMetric(name=each.name, recorded=then.get(each.name), again=each.mean)
        for each in trained.report.metrics
    )
