"""Evidence and decisions as the jobs write them, for the page to show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow_mlops_provider.records.codec import canonical_json, sha256
from airflow_mlops_provider.records.decision_record import DecisionKind, DecisionRecord, Effect
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.promotion import Mode
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

NOW = datetime.now(UTC)


def dataset(name: str, rows: int = 1635) -> DatasetRef:
    return DatasetRef(uri=f"/data/{name}.parquet", rows=rows, fingerprint=sha256(name.encode()))


def model(version: str, name: str = "wage") -> ModelRef:
    return ModelRef(
        name=name, version=version, uri=f"models:/{name}/{version}", digest=sha256(version.encode()), run_id="4f1c2a"
    )


def origin(dag_id: str, task_id: str = "check") -> dict[str, str]:
    return {"dag_id": dag_id, "run_id": "scheduled__2026-03-01T00:00:00+00:00", "task_id": task_id, "try_number": "1"}


def verdict(status: Status, summary: str, *findings: Finding) -> Verdict:
    observed = None if status is Status.INSUFFICIENT_EVIDENCE else 1.0
    alone = Finding(subject="dataset", measure="rows_judged", observed=observed, status=status)
    return Verdict(status=status, summary=summary, findings=findings or (alone,))


def write(root: Path, kind: Kind, status: Status, summary: str, *, hours_ago: float = 0, **more: Any) -> str:
    """One piece of evidence, under a name that says when it would have been written."""
    findings = more.pop("findings", ())
    attachments = more.pop("attachments", {})
    store, when = EvidenceStore(str(root)), NOW - timedelta(hours=hours_ago)
    stamp = f"{when:%Y%m%dT%H%M%S.%fZ}"
    evidence = Evidence(
        kind=kind,
        created_at=when.isoformat(),
        verdict=verdict(status, summary, *findings),
        attachments={
            name: store.attach(f"{kind}/attachments/{stamp}-{name}", body) for name, body in attachments.items()
        },
        **more,
    )
    data = canonical_json(evidence)
    return store.attach(f"{kind}/{stamp}-{sha256(data).removeprefix('sha256:')}.json", data)


def decide(root: Path, effect: Effect, version: str, *, hours_ago: float = 0, **more: Any) -> str:
    """One link at the end of the chain of ``wage``."""
    chain = DecisionChain(EvidenceStore(str(root)), more.get("name", "wage"))
    links = chain.links()
    status = Status.PASS if effect is Effect.MOVED else Status.INSUFFICIENT_EVIDENCE
    drafted: dict[str, Any] = {
        "number": 0,
        "previous": None,
        "created_at": (NOW - timedelta(hours=hours_ago)).isoformat(),
        "kind": DecisionKind.PROMOTION,
        "effect": effect,
        "name": "wage",
        "alias": "champion",
        "model": model(version, more.get("name", "wage")),
        "champion": None,
        "verdict": verdict(status, "AUC 0.742 -> 0.771, lower bound +0.011"),
        "mode": Mode.AUTO,
    }
    return chain.commit(DecisionRecord(**{**drafted, **more}), links).uri


def drift_findings(status: Status = Status.FAIL) -> tuple[Finding, ...]:
    return (
        Finding(
            subject="exper",
            measure="ks_d",
            observed=0.57,
            limit=0.05,
            p_value=1e-30,
            status=status,
            detail="median 5 -> 8",
        ),
        Finding(subject="hours", measure="ks_d", observed=0.1807, limit=0.05, p_value=2.2e-9, status=status),
        Finding(subject="union", measure="tvd", observed=0.012, limit=0.05, p_value=0.41, status=Status.PASS),
    )


def quiet_findings(day: int) -> tuple[Finding, ...]:
    """A column that creeps towards its limit, one that is significant but immaterial once, and one that is still."""
    return (
        Finding(subject="exper", measure="ks_d", observed=0.008 + 0.005 * day, limit=0.05, status=Status.PASS),
        Finding(
            subject="hours",
            measure="ks_d",
            observed=0.031 if day == 5 else 0.02,
            limit=0.05,
            status=Status.NOTICE if day == 5 else Status.PASS,
        ),
        Finding(subject="union", measure="tvd", observed=0.004, limit=0.05, p_value=0.41, status=Status.PASS),
    )


def story(root: Path) -> None:
    """A model's life: first champion, quiet batches, drift, retraining, a promotion, and a challenger that failed."""
    first, second = dataset("wage-1980-82"), dataset("wage-1980-84", 2725)
    train, monitor = origin("wage_train", "train"), origin("wage_monitor", "drift")
    evaluated = [_lifecycle(root, "1", first, 220, train)]
    decide(root, Effect.MOVED, "1", hours_ago=219, datasets={"training": first}, evidence=evaluated[0], origin=train)
    for day in range(8):
        write(
            root,
            Kind.DRIFT,
            Status.NOTICE if day == 5 else Status.PASS,
            "8 columns compared, none drifted beyond its limit",
            hours_ago=200 - 18 * day,
            findings=quiet_findings(day),
            inputs={"reference": first, "current": dataset(f"batch-{day}", 545)},
            dataset=dataset(f"batch-{day}", 545),
            origin=monitor,
        )
    drifted = dataset("wage-1983", 545)
    write(
        root,
        Kind.DRIFT,
        Status.FAIL,
        "3 of 8 columns drifted (worst: exper, KS D 0.57 > 0.05)",
        hours_ago=30,
        findings=drift_findings(),
        inputs={"reference": first, "current": drifted},
        dataset=drifted,
        origin=monitor,
        attachments={"evidently.html": REPORT},
        report={"columns": [{"column": "exper", "ks_d": 0.57}]},
        policy={"monthly_false_alarm": 0.05, "min_ks_d": 0.05},
        versions={"python": "3.11.7", "scipy": "1.15"},
    )
    evidence = _lifecycle(root, "2", second, 28, origin("wage_retrain", "train"))
    decide(
        root,
        Effect.MOVED,
        "2",
        hours_ago=27,
        champion=model("1"),
        datasets={"training": second},
        evidence=evidence,
        origin=origin("wage_retrain", "promote"),
        person="ada",
        mode=Mode.APPROVE,
    )
    _lifecycle(root, "3", second, 2, origin("wage_retrain", "train"), unsure=True)
    decide(
        root,
        Effect.STAYS,
        "3",
        hours_ago=1,
        champion=model("2"),
        datasets={"training": second},
        reason="champion stays, because evaluation has 545 rows and its policy asks for 2,000",
        origin=origin("wage_retrain", "promote"),
    )
    write(
        root,
        Kind.VALIDATION,
        Status.FAIL,
        "hours: 12 of 545 rows below 0 (observed minimum -40)",
        hours_ago=0.3,
        dataset=dataset("shipment-17", 545),
        origin=origin("orders_ingest", "validate"),
    )


def _lifecycle(
    root: Path, version: str, data: DatasetRef, hours_ago: float, made_by: dict[str, str], *, unsure: bool = False
) -> dict[str, str]:
    """Validation, training, evaluation, slices and card of one version; what a promotion puts forward."""
    judged = Status.INSUFFICIENT_EVIDENCE if unsure else Status.PASS
    common: dict[str, Any] = {"inputs": {"dataset": data}, "dataset": data, "origin": made_by}
    about = {**common, "model": model(version)}
    slices = (
        Finding(
            subject="black=1 & hisp=0",
            measure="accuracy_gap",
            observed=0.031,
            limit=0.05,
            p_value=0.2,
            status=Status.PASS,
        ),
        Finding(
            subject="hisp=1 & married=0",
            measure="accuracy_gap",
            observed=None,
            limit=0.05,
            status=Status.NOTICE,
            detail="31 rows, 50 needed",
        ),
    )
    made = [
        write(root, Kind.VALIDATION, Status.PASS, "14 rules hold on every row", hours_ago=hours_ago, **common),
        write(
            root, Kind.TRAINING, Status.PASS, "cross-validated AUC 0.758 ± 0.021", hours_ago=hours_ago - 0.1, **about
        ),
        write(
            root,
            Kind.EVALUATION,
            judged,
            "545 rows are too few to tell; 2,000 needed" if unsure else "AUC 0.742 -> 0.771, lower bound +0.011",
            hours_ago=hours_ago - 0.2,
            **about,
        ),
        write(
            root,
            Kind.BIAS,
            Status.NOTICE,
            "no slice lags by more than 5 points; 1 too small to judge",
            hours_ago=hours_ago - 0.3,
            findings=slices,
            **about,
        ),
        write(
            root,
            Kind.MODEL_CARD,
            Status.PASS,
            "all required sections are there",
            hours_ago=hours_ago - 0.4,
            attachments={"card.md": b"# wage\n", "card.html": REPORT},
            **about,
        ),
    ]
    return {uri: f"sha256:{uri[-69:-5]}" for uri in made}


REPORT = b"""<!doctype html><html><body><h1>A report</h1><p id="script">without script</p>
<script>document.getElementById("script").textContent = "with script, origin " + self.origin</script></body></html>"""
