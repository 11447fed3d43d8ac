from __future__ import annotations

import pytest

from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from tests.unit.stores.chains.decided import record


@pytest.fixture
def chain(tmp_path):
    return DecisionChain(EvidenceStore(str(tmp_path / "mlops")), "wage")


@pytest.fixture
def three(chain):
    for version in (1, 2, 3):
        chain.commit(record(version=version), chain.links())
    return chain
