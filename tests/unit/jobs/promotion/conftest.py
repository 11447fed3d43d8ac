"""A small world for decisions: a real MLflow on SQLite, real artifacts, and evidence written as the jobs write it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.codec import canonical_json, encode
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.model_spec import Direction, ModelSpec, Task
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.evaluation import Bound, Comparison, EvaluationReport
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict
from airflow_mlops_provider.stores.decisions import DecisionChain, Link
from airflow_mlops_provider.stores.evidence import EvidenceStore
from airflow_mlops_provider.stores.models import ModelStore, Probe
from airflow_mlops_provider.stores.models import tags as version_tags

FEATURES = ("exper", "hours")
ALPHAS = (0.1, 0.05, 0.025, 0.01, 0.001)


def comparison(other: str, *, gain: float, half_width: float = 0.003, rows: int = 5000) -> Comparison:
    return Comparison(
        other=other,
        metric="roc_auc",
        value=0.77,
        other_value=0.77 - gain,
        gain=gain,
        bounds=tuple(Bound(alpha=alpha, lower=gain - half_width, upper=gain + half_width) for alpha in ALPHAS),
        p_value=1e-6 if gain > half_width else 0.6,
        method="delong",
        rows=rows,
        units=rows,
    )


def evaluation_report(*, gain: float = 0.02, champion: bool = False, rows: int = 5000) -> EvaluationReport:
    return EvaluationReport(
        task=Task.CLASSIFICATION,
        metric="roc_auc",
        direction=Direction.HIGHER,
        rows=rows,
        groups=None,
        candidate=(),
        against_dummy=comparison("dummy", gain=0.27, rows=rows),
        against_champion=comparison("champion", gain=gain, rows=rows) if champion else None,
    )


def verdict_of(status: Status, text: str = "said by a test") -> Verdict:
    finding = Finding(subject="it", measure="number", observed=1.0, limit=1.0, status=status, detail=text)
    return Verdict.of([finding], summary=text)


def dataset(name: str, fingerprint: str) -> DatasetRef:
    return DatasetRef(
        uri=f"{name}.parquet", fingerprint=f"sha256:{fingerprint * 64}", rows=5000, schema_hash="sha256:s"
    )


TRAINING, HELD_OUT = dataset("train", "a"), dataset("held_out", "b")


@dataclass
class World:
    root: Path
    models: ModelStore
    training: dict[str, DatasetRef] = field(default_factory=dict)

    @property
    def store(self) -> EvidenceStore:
        return EvidenceStore(str(self.root))

    @property
    def links(self) -> tuple[Link, ...]:
        return DecisionChain(self.store, "wage").links()

    @property
    def where(self) -> dict[str, str]:
        return {"evidence_root": str(self.root), "tracking_uri": self.models.tracking_uri}

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

    def write(self, kind: Kind, *, status: Status = Status.PASS, **parts: Any) -> str:
        parts.setdefault("verdict", verdict_of(status))
        evidence = Evidence(kind=kind, created_at="2025-01-01T00:00:00+00:00", **parts)
        return self.store.write(str(kind), evidence)

    def evaluate(self, model: ModelRef, *, gain: float = 0.02, **parts: Any) -> str:
        champion = parts.pop("champion", self.models.find("wage", "champion"))
        report = evaluation_report(gain=gain, champion=champion is not None)
        parts.setdefault("dataset", HELD_OUT)
        return self.write(
            Kind.EVALUATION, model=model, report=encode(report), details={"champion": encode(champion)}, **parts
        )

    def evidence_for(self, model: ModelRef, *, gain: float = 0.02, **statuses: Status) -> list[str]:
        """One good piece of each required kind."""
        return [
            self.write(Kind.VALIDATION, dataset=TRAINING, status=statuses.get("validation", Status.PASS)),
            self.evaluate(model, gain=gain, status=statuses.get("evaluation", Status.PASS)),
            self.write(Kind.BIAS, model=model, dataset=HELD_OUT, status=statuses.get("bias", Status.PASS)),
            self.write(Kind.MODEL_CARD, model=model, status=statuses.get("model_card", Status.PASS)),
        ]

    def promote(self, model: Any, evidence: list[str] | None = None, **keys: Any) -> Outcome:
        given = self.evidence_for(model) if evidence is None else evidence
        return run("promote", {"model": model, "evidence": given, **self.where, **keys})

    def rollback(self, **keys: Any) -> Outcome:
        return run("rollback", {"name": "wage", "reason": "it answers nonsense", **self.where, **keys})


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without content; making one takes seconds, copying it does not."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    ModelStore(f"sqlite:///{path}")
    return path


@pytest.fixture
def world(tmp_path: Path, empty_mlflow: Path) -> World:
    root = tmp_path / "mlops"
    root.mkdir()
    shutil.copy(empty_mlflow, root / "mlflow.db")
    return World(root=root, models=ModelStore(f"sqlite:///{root / 'mlflow.db'}"))
