"""One odd file is one bad entry in its place: the page opens, and what is sound is shown."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_mlops_provider.records.codec import canonical_json, encode, sha256
from airflow_mlops_provider.records.decision_record import DecisionKind, Effect
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.specs import local_path
from airflow_mlops_provider.ui.entries import LARGEST_SHOWN
from tests.builders.page_samples import dataset, decide, drift_findings, model, write

Page = Callable[[], TestClient]
HEADERS = ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cache-Control")


def plant(root: Path, data: bytes, *, stamp: str = "20260601T000000.000000Z", kind: str = "drift") -> str:
    """A file whose name carries the hash of its bytes, so that nothing but its content is wrong."""
    digits = sha256(data).removeprefix("sha256:")
    return EvidenceStore(str(root)).attach(f"{kind}/{stamp}-{digits}.json", data)


def sound(root: Path) -> dict[str, Any]:
    """A good piece, as plain JSON to damage."""
    uri = write(root, Kind.DRIFT, Status.FAIL, "SOUND DRIFT", dataset=dataset("a"), findings=drift_findings())
    plain: dict[str, Any] = json.loads(local_path(uri).read_bytes())
    return plain


def assert_the_rest_is_shown(client: TestClient, *, says: str = "SOUND DRIFT", bad: int | None = None) -> None:
    shown, listed = client.get("/mlops/"), client.get("/mlops/api/models")
    assert (shown.status_code, listed.status_code) == (200, 200), (shown.text[-300:], listed.text[:300])
    assert says in shown.text
    if bad is not None:
        assert len(listed.json()["broken"]) == bad
    assert client.get("/mlops/api/outcomes").status_code == 200
    for broken in listed.json()["broken"]:
        for address in ("/mlops/evidence", "/mlops/api/evidence"):
            answer = client.get(address, params={"uri": broken["evidence_uri"]})
            assert answer.status_code in (400, 404, 409, 503)
            assert all(answer.headers.get(name) for name in HEADERS)
    for name in {group["name"] for group in listed.json()["models"]}:
        answer = client.get("/mlops/decision", params={"model": name, "number": 1})
        assert answer.status_code in (200, 404)


def milder(plain: dict[str, Any]) -> None:
    plain["verdict"]["status"] = "pass"


def unmeasured(plain: dict[str, Any]) -> None:
    plain["verdict"]["findings"][-1]["observed"] = None


def timeless(plain: dict[str, Any]) -> None:
    plain["created_at"] = "the day before yesterday"


def before_all_time(plain: dict[str, Any]) -> None:
    plain["created_at"] = "0001-01-01T00:00:00+14:00"


def of_no_status(plain: dict[str, Any]) -> None:
    plain["verdict"]["status"] = "great"


DEEP = b'{"report":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize("damage", [milder, unmeasured, timeless, before_all_time, of_no_status])
def test_content_that_no_job_writes_is_one_bad_entry(
    page: Page, root: Path, damage: Callable[[dict[str, Any]], None]
) -> None:
    plain = sound(root)
    damage(plain)
    uri = plant(root, canonical_json(plain))
    assert_the_rest_is_shown(page(), bad=1)
    answer = page().get("/mlops/evidence", params={"uri": uri})
    assert answer.status_code in (400, 409)
    assert all(answer.headers.get(name) for name in HEADERS)


@pytest.mark.parametrize(
    "data",
    [
        DEEP,
        b'{"report":' + b"[" * 150 + b"]" * 150 + b"}",
        json.dumps({"summary": "half \ud800"}).encode(),
        b'{"report": NaN}',
        b'{"report": 1e999}',
        b"\xff\xfe",
        b"null",
        b"",
    ],
)
def test_what_is_no_json_of_ours_is_one_bad_entry(page: Page, root: Path, data: bytes) -> None:
    plain = sound(root)
    if data.startswith(b"{"):
        data = data[:-1] + b"," + canonical_json({key: plain[key] for key in plain if key != "report"})[1:]
    plant(root, data)
    assert_the_rest_is_shown(page(), bad=1)


@pytest.mark.parametrize("stamp", ["20261331T000000.000000Z", "20260101T250000.000000Z", "00000000T000000.000000Z"])
def test_an_impossible_time_in_a_name_is_one_bad_entry(page: Page, root: Path, stamp: str) -> None:
    plant(root, canonical_json(sound(root)), stamp=stamp)
    assert_the_rest_is_shown(page(), bad=1)


def test_a_file_that_may_not_be_read_is_one_bad_entry(page: Page, root: Path) -> None:
    sound(root)
    (root / "drift" / f"20260601T000000.000000Z-{'0' * 64}.json").mkdir()
    assert_the_rest_is_shown(page(), bad=1)


def test_what_is_too_large_is_named_before_anything_of_it_is_read(page: Page, root: Path) -> None:
    sound(root)
    place = root / "drift" / f"20260601T000000.000000Z-{'0' * 64}.json"
    place.touch()
    os.truncate(place, 500 * 2**20)
    assert_the_rest_is_shown(page(), bad=1)
    answer = page().get("/mlops/evidence", params={"uri": place.as_uri()})
    assert f"at most {LARGEST_SHOWN:,} are read" in answer.text


def test_a_purge_record_of_an_unknown_shape_is_a_fault_of_its_own_chain(page: Page, root: Path) -> None:
    decide(root, Effect.MOVED, "1")
    decide(root, Effect.PURGED, "1", kind=DecisionKind.PURGE, report={"surprise": 1})
    sound(root)
    assert_the_rest_is_shown(page())
    assert "unknown key" in page().get("/mlops/").text


@pytest.mark.parametrize("name", ["...", "a:b", "back\\slash", b"half\xff"])
def test_a_folder_with_a_bad_name_among_the_decisions_harms_no_other_model(
    page: Page, root: Path, name: str | bytes
) -> None:
    decide(root, Effect.MOVED, "1")
    sound(root)
    (root / "decisions" / os.fsdecode(name)).mkdir()
    assert_the_rest_is_shown(page())


@pytest.mark.parametrize("edit", ["created_at", "observed", "deep"])
def test_an_edited_decision_is_a_fault_of_its_own_chain(page: Page, root: Path, edit: str) -> None:
    decide(root, Effect.MOVED, "1", name="rent")
    uri = decide(root, Effect.MOVED, "1")
    plain = json.loads(local_path(uri).read_bytes())
    if edit == "observed":
        plain["verdict"]["findings"][0]["observed"] = None
    data = canonical_json({**plain, "created_at": "never"} if edit == "created_at" else plain)
    local_path(uri).write_bytes(DEEP if edit == "deep" else data)
    assert_the_rest_is_shown(page(), says="The decision record is damaged")
    assert "cannot be read" in page().get("/mlops/").text
    assert "rent" in page().get("/mlops/").text


def test_a_fault_of_the_page_itself_is_an_answer_with_the_headers(page: Page, root: Path) -> None:
    client = page()
    client.app.routes[-1].app.router.routes.insert(0, _broken_route())  # type: ignore[attr-defined]
    answer = client.get("/mlops/broken")
    assert answer.status_code == 500
    assert all(answer.headers.get(name) for name in HEADERS)
    assert "division" not in answer.text


def _broken_route() -> Any:
    from starlette.routing import Route

    def broken(_request: Any) -> Any:
        return 1 / 0

    return Route("/broken", broken)


plain_json = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def replaced(plain: Any, path: list[int], value: Any) -> Any:
    """``plain`` with whatever lies at ``path`` replaced."""
    if not path or not isinstance(plain, dict | list) or not plain:
        return value
    keys = sorted(plain) if isinstance(plain, dict) else range(len(plain))
    key = list(keys)[path[0] % len(plain)]
    items = dict(plain) if isinstance(plain, dict) else list(plain)
    items[key] = replaced(plain[key], path[1:], value)
    return items


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.lists(st.integers(0, 30), min_size=1, max_size=4),
    value=plain_json,
    what=st.sampled_from(["evidence", "decision", "name", "bytes"]),
    noise=st.binary(max_size=20),
)
def test_whatever_is_damaged_the_page_opens_and_the_rest_is_shown(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: list[int], value: Any, what: str, noise: bytes
) -> None:
    root = tmp_path / uuid.uuid4().hex
    monkeypatch.setenv("AIRFLOW__MLOPS__EVIDENCE_ROOT", str(root))
    write(root, Kind.EVALUATION, Status.PASS, "SOUND EVALUATION", model=model("1", "rent"))
    plain = sound(root)
    decision = decide(root, Effect.MOVED, "1", datasets={"training": dataset("t")})
    if what == "evidence":
        plant(root, json.dumps(replaced(plain, path, value)).encode())
    elif what == "decision":
        record = replaced(json.loads(local_path(decision).read_bytes()), path, value)
        local_path(decision).write_bytes(canonical_json(encode(record)))
    elif what == "name":
        name = "".join(char for char in f"{value}{path}" if char not in "/\0")[:80]
        plant(root, canonical_json(plain), stamp=name)
    else:
        plant(root, canonical_json(plain)[: path[0] * 20] + noise)
    assert_the_rest_is_shown(page(), says="SOUND EVALUATION")
    assert DecisionChain(EvidenceStore(str(root)), "wage").examine() is not None
