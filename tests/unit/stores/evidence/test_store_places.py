from __future__ import annotations

from pathlib import Path

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.stores.evidence.store import EvidenceStore


@pytest.mark.parametrize("place", ["../outside", "drift/../../outside", "drift/%2e%2e/%2e%2e/outside"])
def test_a_uri_that_climbs_out_of_the_root_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "outside").write_text("secret")
    store = EvidenceStore(str(tmp_path / "mlops"))
    with pytest.raises(BadInputError, match="does not lie under the evidence root"):
        store.read_bytes(f"{store.root}/{place}")


def test_the_newest_uris_are_the_last_ones_written(tmp_path: Path) -> None:
    store = EvidenceStore(str(tmp_path))
    written = [store.write("drift", {"batch": number}) for number in range(4)]
    assert store.uris("drift") == written
    assert store.uris("drift", newest=2) == written[2:]
