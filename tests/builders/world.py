"""A small world for decisions: a real MLflow on SQLite, real artifacts, and evidence written as the jobs write it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.jobs.rejudge import judge_again
from airflow_mlops_provider.records.codec import canonical_json, encode
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain, Link
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.models import ModelStore, Probe, registry
from airflow_mlops_provider.stores.models import tags as version_tags
from airflow_mlops_provider.stores.specs import local_path
from tests.builders.reports import HELD_OUT, HONEST, TRAINING, bias_report, dataset, evaluation_report, verdict_of

FEATURES = ("exper", "hours")


@dataclass
class World:
    root: Path | str
    models: ModelStore
    training_data: DatasetRef = TRAINING
    held_out: DatasetRef = HELD_OUT

    @property
    def store(self) -> EvidenceStore:
        return EvidenceStore(str(self.root))

    @property
    def links(self) -> tuple[Link, ...]:
        return DecisionChain(self.store, "wage").links()

    @property
    def where(self) -> dict[str, str]:
        return {"evidence_root": str(self.root), "tracking_uri": self.models.tracking_uri}

    @property
    def chain(self) -> DecisionChain:
        return DecisionChain(self.store, "wage")

    @property
    def effects(self) -> list[str]:
        return [str(link.record.effect) for link in self.links]

    @staticmethod
    def dataset(name: str, fingerprint: str) -> DatasetRef:
        return dataset(name, fingerprint)

    def artifact_file(self, model: ModelRef) -> Path:
        """A file of the stored artifact of ``model``, to tamper with."""
        location = self.models._location(registry.version_of(self.models._client, "wage", model.version or ""))
        return local_path(location) / "model.skops"

    def register(self, seed: int = 0, training: DatasetRef = TRAINING) -> ModelRef:
        """Train and register a version, as the train job does, and call it the challenger."""
        spec = ModelSpec(
            name="wage",
            task=Task.CLASSIFICATION,
            target="high_wage",
            features=FEATURES,
            trainer="wage_model:build",
            metrics={"roc_auc": Direction.HIGHER},
            owners=("ml-team",),
            seed=seed,
        )
        random = np.random.default_rng(seed)
        frame = pd.DataFrame({name: random.normal(size=60) for name in FEATURES})
        estimator = LogisticRegression().fit(frame, (frame["exper"] + random.normal(size=60) > 0).astype(int))
        probe = Probe(
            frame=frame.head(20),
            predictions=tuple(estimator.predict(frame.head(20)).tolist()),
            scores=tuple(estimator.predict_proba(frame.head(20))[:, 1].tolist()),
        )
        with self.models.training_run("wage") as training_run:
            stored = training_run.store_model(estimator, spec, probe)
            ref = training_run.register(stored, {version_tags.DATASET: canonical_json(training).decode()})
        self.models.set_alias("wage", "challenger", ref.version or "")
        return ref

    def versions(self, count: int) -> list[ModelRef]:
        """Versions that share one artifact, which is quicker than storing as many."""
        found = [self.register()]
        first = registry.version_of(self.models._client, "wage", found[0].version or "")
        for _ in range(count - 1):
            made = self.models._client.create_model_version(
                "wage", first.source, run_id=first.run_id, tags=first.tags, model_id=first.model_id
            )
            found.append(self.models.resolve(f"models:/wage/{made.version}"))
        return found

    def write(self, kind: Kind, *, status: Status = Status.PASS, **parts: Any) -> str:
        """Evidence whose verdict follows from its report; with a report of its own, ``status`` may ask for another."""
        is_bias = kind is Kind.BIAS and "report" not in parts
        honest = (lambda: bias_report(status)) if is_bias else HONEST.get(kind)
        report, policy = honest() if "report" not in parts else (parts.pop("report"), {})
        follows = is_bias or status is Status.PASS
        verdict = judge_again(kind, encode(report), policy, where="a test") if follows else None
        parts |= {"report": encode(report), "policy": policy, "verdict": verdict or verdict_of(status)}
        evidence = Evidence(kind=kind, created_at="2025-01-01T00:00:00+00:00", **parts)
        return self.store.write(str(kind), evidence)

    def evaluate(self, model: ModelRef, *, gain: float = 0.02, **parts: Any) -> str:
        champion = parts.pop("champion", self.models.find("wage", "champion"))
        report = evaluation_report(gain=gain, champion=champion is not None)
        parts.setdefault("dataset", HELD_OUT)
        return self.write(Kind.EVALUATION, model=model, report=report, details={"champion": encode(champion)}, **parts)

    def evidence_for(
        self,
        model: ModelRef,
        *,
        gain: float = 0.02,
        training: DatasetRef = TRAINING,
        bias: Status = Status.PASS,
        **compared: Any,
    ) -> list[str]:
        """One good piece of each required kind, or of another status for ``bias``.

        :param compared: ``champion``, which is the one in force by default.
        """
        return [
            self.write(Kind.VALIDATION, dataset=training),
            self.evaluate(model, gain=gain, **compared),
            self.write(Kind.BIAS, model=model, dataset=HELD_OUT, status=bias),
            self.write(Kind.MODEL_CARD, model=model),
        ]

    def promote(self, model: Any, evidence: list[str] | None = None, **keys: Any) -> Outcome:
        given = self.evidence_for(model) if evidence is None else evidence
        return run("promote", {"model": model, "evidence": given, **self.where, **keys})

    def champions(self, count: int) -> list[ModelRef]:
        """Versions promoted one after the other, each trained on data of its own."""
        found = []
        for number in range(1, count + 1):
            training = dataset(f"train_{number}", f"{number:x}")
            found.append(self.register(seed=number, training=training))
            outcome = self.promote(found[-1], self.evidence_for(found[-1], training=training))
            assert outcome.verdict.status is Status.PASS, outcome.verdict.summary
        return found

    def champions_of_one_artifact(self, count: int) -> list[ModelRef]:
        """As :meth:`champions`, but quicker: the versions share one artifact and their training data."""
        found = self.versions(count)
        for model in found:
            assert self.promote(model).verdict.status is Status.PASS
        return found

    def rollback(self, **keys: Any) -> Outcome:
        return run("rollback", {"model": "wage", "reason": "it answers nonsense", **self.where, **keys})


def new_world(root: Path, empty_mlflow: Path) -> World:
    root.mkdir()
    shutil.copy(empty_mlflow, root / "mlflow.db")
    return World(root=root, models=ModelStore(f"sqlite:///{root / 'mlflow.db'}"))
