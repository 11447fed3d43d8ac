"""Decision records and links as jobs commit them."""

from __future__ import annotations

from airflow_mlops_provider.records.decision_record import DecisionKind, DecisionRecord, Effect
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict
from airflow_mlops_provider.stores.chains.decision_chain import Link
from airflow_mlops_provider.stores.chains.in_force import restorable

PASSED = Verdict.of(
    [Finding(subject="it", measure="number", observed=1.0, status=Status.PASS)], summary="as it should be"
)


def ref(version):
    return ModelRef(name="wage", version=str(version), digest=f"sha256:{version}")


def record(number=0, *, version=1, kind=DecisionKind.PROMOTION, effect=Effect.MOVED, **parts):
    return DecisionRecord(
        number=number,
        previous=None,
        created_at="2025-01-01T00:00:00+00:00",
        kind=kind,
        effect=effect,
        name="wage",
        alias=parts.pop("alias", "champion"),
        model=ref(version),
        champion=parts.pop("champion", None),
        datasets={"training": DatasetRef(uri=f"train_{version}.parquet")},
        verdict=PASSED,
        **parts,
    )


def promotion(number, version, **parts):
    return Link(record=record(number, version=version, **parts), uri=f"{number:08d}.json", digest=f"sha256:{number}")


def rollback(links):
    """The link that a rollback of ``links`` would add."""
    model, restored = restorable(links)[0]
    made = record(
        len(links) + 1,
        version=model.version,
        kind=DecisionKind.ROLLBACK,
        restores=restored.record.number if restored else None,
    )
    return Link(record=made, uri="", digest="")
