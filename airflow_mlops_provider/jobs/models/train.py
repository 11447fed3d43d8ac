"""``train``: a declared model on a dataset, stored as one inference artifact and registered as the challenger."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlparse

from airflow_mlops_provider.analysis.evaluation.declared_metrics import metrics_of
from airflow_mlops_provider.analysis.training import Trained, measure_training
from airflow_mlops_provider.analysis.training.data import TrainingData, columns_of, training_data
from airflow_mlops_provider.analysis.training.fitting import fit_on_few_rows
from airflow_mlops_provider.analysis.training.symmetry import measure_symmetry, probe_rows
from airflow_mlops_provider.decisions.training import TrainingPolicy, judge_training
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.job import Job, installed_versions
from airflow_mlops_provider.pages.training import pictures_of
from airflow_mlops_provider.records.codec import canonical_json, decode, digest, encode
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.training import TrainingReport
from airflow_mlops_provider.records.requests.train import TrainRequest
from airflow_mlops_provider.records.roles import CHALLENGER
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.records.version_label import VersionLabel
from airflow_mlops_provider.stores.code.archive import code_digest, code_uri, keep_code
from airflow_mlops_provider.stores.datasets.dataset import Dataset, open_dataset
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.models import ModelStore, Predictor, Probe, Trainer, TrainingRun, load_trainer, tags
from airflow_mlops_provider.stores.models.artifact import is_pickled
from airflow_mlops_provider.stores.models.connection import default_tracking_uri, sqlite_path
from airflow_mlops_provider.stores.models.predictor import decimals_as_floats, kinds_of
from airflow_mlops_provider.stores.specs import read_model_spec

REPORT = "training_report.json"
ENVIRONMENT = "environment.json"


class TrainJob(Job, TrainRequest):
    """Train a declared model, check the stored artifact, register it and point ``challenger`` at it.

    A retry with the same ``run_key`` goes on with the same tracking run, and never registers a second version of the
    same recipe and data.
    """

    def run(self) -> Outcome:
        """Train, check, record, register; raises ``BadInputError`` naming what cannot be trained on or with."""
        started = time.perf_counter()
        self._require_registry()
        work = self._addressed(prepare(self._declared(), self.dataset, experiment=self.experiment))
        store = ModelStore(self.tracking_uri, evidence_root=self.evidence_root)
        with store.training_run(
            work.spec.name,
            run_key=self.run_key,
            recipe=work.identity,
            run_name=self.origin.get("run_id"),
            claim=self._claim_run,
        ) as run:
            run.set_tags({**work.run_tags, **{f"airflow.{key}": value for key, value in self.origin.items()}})
            model = run.registered
            report = _earlier_report(run) if model else None
            if report is None:
                training = _Training(work=work, store=store, run=run, policy=self.policy, evidence=self.evidence_store)
                report, model = training.make(started)
            outcome = self._record(work, run, report, model, store)
            if model:
                point_challenger(store, model)
        return outcome

    def _require_registry(self) -> None:
        """Elsewhere, a registry in a file of the machine would be gone with it, and nobody would notice."""
        uri = self.tracking_uri or default_tracking_uri(self.evidence_root)
        is_remote = urlparse(self.evidence_store.root).scheme != "file"
        if self.sender is not None and is_remote and sqlite_path(uri) is not None:
            raise BadInputError(
                f"train spec: MLflow would be the file {uri} of the machine that the job was sent to, and be lost with "
                "it: give the operator a tracking connection, or the machine MLFLOW_TRACKING_URI"
            )

    def _declared(self) -> ModelSpec:
        found = read_model_spec(self.model)
        root = self.sender.root if self.sender and found.root is None else found.root
        return replace(found, params={**found.params, **self.trainer_params}, root=root)

    def _addressed(self, work: Work) -> Work:
        """The work, which says where its code will lie in the evidence root, so that it can be done again anywhere."""
        trainer = work.trainer
        if self.sender and trainer.git_commit is None:
            trainer = replace(trainer, git_commit=self.sender.git_commit)
        if not trainer.code or work.spec.code:
            return replace(work, trainer=trainer)
        code = code_uri(trainer.code, self.evidence_store, name=work.spec.name)
        return replace(work, trainer=trainer, spec=replace(work.spec, code=code))

    def _claim_run(self, identity: str, run_id: str) -> str:
        standing: str = self.evidence_store.claim(f"training-{identity}", {"run_id": run_id})["run_id"]
        return standing

    def _record(
        self, work: Work, run: TrainingRun, report: TrainingReport, model: ModelRef | None, store: ModelStore
    ) -> Outcome:
        verdict = judge_training(report, self.policy)
        version = store.version_tags(model) if model else {}
        return self.record(
            Kind.TRAINING,
            report=report,
            policy=self.policy,
            verdict=verdict,
            inputs={"dataset": work.dataset},
            dataset=work.dataset,
            model=model,
            details={
                **work.details,
                "mlflow_run_id": run.run_id,
                "label": version.get(tags.LABEL),
                "content_digest": version.get(tags.CONTENT_DIGEST),
            },
        )


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be trained, read and checked."""

    spec: ModelSpec
    trainer: Trainer
    dataset: DatasetRef
    data: TrainingData
    experiment: str | None = None

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Feature to the kind of value it holds."""
        return kinds_of(self.data.features)

    @property
    def identity(self) -> str:
        """Equal for tries that would train the same thing."""
        code = [self.trainer.sha256, *self.trainer.further_code]
        return digest([self.spec.digest, *code, self.dataset.fingerprint, self.experiment])

    @property
    def schema_hash(self) -> str:
        """Changes with what goes in and out of the model."""
        return digest([self.spec.task, self.spec.target, [list(item) for item in self.kinds.items()]])

    @property
    def recipe_hash(self) -> str:
        """Changes with the trainer's code, its parameters, and how folds and search are made."""
        spec = self.spec
        columns = [spec.group_column, spec.time_column, *([spec.weight_column] if spec.weight_column else [])]
        columns += self.trainer.further_code
        return digest([self.trainer.sha256, spec.trainer, spec.params, spec.seed, spec.split, spec.search, columns])

    @property
    def run_tags(self) -> dict[str, str]:
        """What may differ between two tries of the same training."""
        trainer, commit = self.trainer, self.trainer.git_commit
        named = {"mlflow.source.name": str(trainer.path), "mlops.dataset_uri": self.dataset.uri}
        if self.dataset.revision:
            named["mlops.dataset_revision"] = self.dataset.revision
        return {**named, "mlflow.source.git.commit": commit} if commit else named

    @property
    def details(self) -> dict[str, Any]:
        """For the evidence: everything needed to train the same again."""
        return {
            "spec": encode(self.spec),
            "metric_order": list(self.spec.metrics),  # canonical JSON sorts the mapping, and the first one decides
            "trainer": {
                "path": str(self.trainer.path),
                "sha256": self.trainer.sha256,
                "git_commit": self.trainer.git_commit,
            },
            "schema_hash": self.schema_hash,
            "recipe_hash": self.recipe_hash,
        }


def prepare(spec: ModelSpec, source: DatasetRef, *, experiment: str | None = None) -> Work:
    """Load the trainer, read the rows and check both.

    :raises BadInputError: naming the metric, trainer, dataset or column that cannot be used.
    """
    trainer = load_trainer(spec)  # brings the functions of the model's own metrics along
    metrics_of(spec)  # an unknown metric is refused before the data are read
    dataset = open_dataset(source)
    dataset.require(columns_of(spec))
    _require_sensitive(spec, dataset)
    pinned = dataset.ref  # a pinned dataset that changed is refused before it is learnt from
    data = training_data(decimals_as_floats(dataset.frame(columns_of(spec))), spec, name=dataset.uri)
    return Work(spec=spec, trainer=trainer, dataset=pinned, data=data, experiment=experiment)


def _require_sensitive(spec: ModelSpec, dataset: Dataset) -> None:
    # A misspelt one would protect nothing, and nobody would notice.
    for name in spec.sensitive:
        if name not in dataset.columns:
            raise BadInputError(
                f"model {spec.name}: 'sensitive' names {name!r}, which dataset {dataset.uri} does not have; "
                f"it has {', '.join(dataset.columns)}"
            )


@dataclass(frozen=True, kw_only=True)
class _Training:
    """One training inside its tracking run."""

    work: Work
    store: ModelStore
    run: TrainingRun
    policy: TrainingPolicy
    evidence: EvidenceStore

    def make(self, started: float) -> tuple[TrainingReport, ModelRef | None]:
        """Train, store, read back and register; the version is ``None`` when the artifact is not symmetric."""
        work, run = self.work, self.run
        _refuse_unstorable(work)
        run.log_params(_params_of(work))
        run.log_dataset(work.dataset)
        trained = measure_training(work.trainer.build, work.data, work.spec, kinds=work.kinds, started=started)
        probe = _probe(trained.estimator, work)
        if work.trainer.code:
            keep_code(work.trainer.code, self.evidence, name=work.spec.name)
        stored = run.store_model(trained.estimator, work.spec, probe, code=work.trainer.code)
        report = replace(
            trained.report,
            symmetry=measure_symmetry(
                self.store.reload(stored, work.spec), probe.frame, probe.predictions, probe.scores
            ),
            total_seconds=time.perf_counter() - started,
            artifact_bytes=stored.bytes,
        )
        run.log_metrics(_metrics_of(report), model_id=stored.model_id)
        run.attach_all(_attachments(work, trained, report))
        if judge_training(report, self.policy).status is Status.FAIL:
            run.fail()
            return report, None
        return report, run.register(stored, self._version_tags())

    def _version_tags(self) -> dict[str, str]:
        work = self.work
        return {
            tags.DATASET: canonical_json(work.dataset).decode(),
            tags.LABEL: str(self._label()),
            tags.SCHEMA_HASH: work.schema_hash,
            tags.RECIPE_HASH: work.recipe_hash,
            tags.TRAINER: work.trainer.sha256,
            tags.CODE: code_digest(work.trainer.code),
        }

    def _label(self) -> VersionLabel:
        name, experiment = self.work.spec.name, self.work.experiment or self.run.run_id[:8]
        for before in reversed(self.store.tags_of_versions(name).values()):
            if tags.LABEL in before:
                return VersionLabel.parse(before[tags.LABEL]).next(
                    experiment=experiment,
                    schema_changed=before.get(tags.SCHEMA_HASH) != self.work.schema_hash,
                    recipe_changed=before.get(tags.RECIPE_HASH) != self.work.recipe_hash,
                )
        return VersionLabel(name=name, experiment=experiment)


def point_challenger(store: ModelStore, model: ModelRef) -> None:
    """Point ``challenger`` at ``model`` unless a newer version has it: a late retry never moves it back."""
    standing = store.aliases(model.name).get(CHALLENGER)
    if model.version and (standing is None or int(standing) < int(model.version)):
        store.set_alias(model.name, CHALLENGER, model.version)


def _refuse_unstorable(work: Work) -> None:
    """Name every type that may not be stored before hours are spent on a training whose model would be refused."""
    estimator = fit_on_few_rows(work.trainer.build, work.data, work.spec)
    if estimator is not None:
        is_pickled(estimator, work.spec)


def _earlier_report(run: TrainingRun) -> TrainingReport | None:
    kept = run.attachment(REPORT)
    return decode(TrainingReport, json.loads(kept)) if kept else None


def _probe(estimator: Any, work: Work) -> Probe:
    frame = probe_rows(work.data.features, seed=work.spec.seed)
    model = Predictor(spec=work.spec, estimator=estimator, columns=work.kinds)
    scores = model.scores(frame)
    return Probe(
        frame=frame,
        predictions=tuple(model.predict(frame).tolist()),
        scores=None if scores is None else tuple(scores.tolist()),
    )


def _parameters(estimator: Any) -> dict[str, Any]:
    return dict(estimator.get_params()) if hasattr(estimator, "get_params") else {}


def _params_of(work: Work) -> dict[str, Any]:
    spec = work.spec
    return {
        **{f"param.{name}": value for name, value in spec.params.items()},
        "task": spec.task,
        "target": spec.target,
        "features": ", ".join(spec.features),
        "seed": spec.seed,
        "split": spec.split.kind,
        "folds": spec.split.folds,
        "trainer": spec.trainer,
        "trainer_sha256": work.trainer.sha256,
        "dataset_fingerprint": work.dataset.fingerprint,
        "rows": work.dataset.rows,
    }


def _metrics_of(report: TrainingReport) -> dict[str, float]:
    found: dict[str, float | None] = {
        "fit_seconds": report.fit_seconds,
        "training_seconds": report.total_seconds,
        "artifact_bytes": float(report.artifact_bytes),
        "symmetry_max_abs_difference": report.symmetry.max_abs_difference if report.symmetry else None,
    }
    for metric in report.metrics:
        parts = {"": metric.mean, "_low": metric.low, "_high": metric.high, "_dummy": metric.dummy}
        found |= {f"cv_{metric.name}{suffix}": value for suffix, value in parts.items()}
    return {name: value for name, value in found.items() if value is not None}


def _attachments(work: Work, trained: Trained, report: TrainingReport) -> dict[str, bytes]:
    found: Mapping[str, Any] = {
        REPORT: report,
        ENVIRONMENT: installed_versions(),
        "features.json": work.kinds,
        "confusion_matrix.json": report.confusion,
        "roc_curve.json": report.roc,
        "calibration_curve.json": report.calibration,
        "permutation_importance.json": report.importance,
        "model_parameters.json": {name: repr(value) for name, value in _parameters(trained.estimator).items()},
    }
    return {name: canonical_json(body) for name, body in found.items() if body} | pictures_of(report)
