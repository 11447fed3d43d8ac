from __future__ import annotations

from pathlib import Path

from airflow_mlops_provider.records.decision_record import DecisionKind, Effect
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.specs import local_path
from airflow_mlops_provider.ui.auth import Reader
from airflow_mlops_provider.ui.chains import read_decisions
from tests.builders.page_samples import decide, model, origin


def test_the_champion_is_what_the_record_put_in_force_last(root: Path, reader: Reader) -> None:
    decide(root, Effect.MOVED, "1")
    decide(root, Effect.MOVED, "2", champion=model("1"))
    decide(root, Effect.STAYS, "3", champion=model("2"))
    known = read_decisions(EvidenceStore(str(root)), reader)["wage"]
    assert known.champion == model("2")
    assert known.previous == model("1")
    assert [link.record.effect for link in known.links] == [Effect.MOVED, Effect.MOVED, Effect.STAYS]


def test_a_rollback_puts_the_older_version_in_force(root: Path, reader: Reader) -> None:
    decide(root, Effect.MOVED, "1")
    decide(root, Effect.MOVED, "2", champion=model("1"))
    decide(root, Effect.MOVED, "1", kind=DecisionKind.ROLLBACK, champion=model("2"), restores=1, mode=None)
    assert read_decisions(EvidenceStore(str(root)), reader)["wage"].champion == model("1")


def test_a_hidden_promotion_never_lets_an_older_version_look_like_the_champion(root: Path, reader: Reader) -> None:
    decide(root, Effect.MOVED, "1", origin=origin("wage_train"))
    decide(root, Effect.MOVED, "2", champion=model("1"), origin=origin("secret_train"))
    known = read_decisions(EvidenceStore(str(root)), reader)["wage"]
    assert known.champion is None
    assert known.hidden
    assert [link.record.number for link in known.links] == [1]


def test_a_damaged_record_is_named_and_the_rest_is_still_shown(root: Path, reader: Reader) -> None:
    first = local_path(decide(root, Effect.MOVED, "1"))
    decide(root, Effect.MOVED, "2", champion=model("1"))
    first.write_bytes(first.read_bytes().replace(b"+0.011", b"+0.911"))
    known = read_decisions(EvidenceStore(str(root)), reader)["wage"]
    assert len(known.links) == 2
    assert any("00000001.json" in fault.subject for fault in known.faults)
