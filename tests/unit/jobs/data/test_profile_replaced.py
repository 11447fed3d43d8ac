"""Kept profiles, and what a job measures when a file is replaced under it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider.exceptions import IntegrityError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.jobs.data.kept_profiles import stored_profile
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.pinned_files import fingerprint
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence
from tests.unit.jobs.replaced_files import watched_files


def test_a_profile_kept_by_content_is_not_that_of_another_content_of_equal_size_and_time(tmp_path: Path) -> None:
    place, store = tmp_path / "t.csv", EvidenceStore(str(tmp_path / "ev"))
    found = []
    for text in ("x\n1\n2\n", "x\n8\n9\n"):
        place.write_text(text)
        os.utime(place, (1, 1))
        profile, _ = stored_profile(open_dataset(str(place)), ["x"], store, by_content=True)
        found.append(int(profile.profiles["x"].below.sum()))
    assert stored_profile(open_dataset(str(place)), ["x"], store, by_content=True)[1] == 0
    assert found[0] != found[1]


def _rows(count: int) -> pd.DataFrame:
    draws = np.random.default_rng(count)
    truth = draws.integers(0, 2, count)
    answer = np.where(draws.random(count) < 0.8, truth, 1 - truth)
    return pd.DataFrame(
        {"label": truth, "answer": answer, "side": draws.choice(["l", "r"], count), "x": draws.normal(size=count)}
    )


NOW, LATER = 400, 300
JOBS: dict[str, tuple[str, dict[str, Any], Callable[[dict[str, Any]], int]]] = {
    "drift": ("current", {"reference": "reference.csv", "html_report": "never"}, lambda report: report["current_rows"]),
    "evaluate": ("predictions", {"label_column": "label", "candidate": "answer"}, lambda report: report["rows"]),
    "bias": (
        "predictions",
        {"label_column": "label", "prediction_column": "answer", "slices": ["side"]},
        lambda report: report["rows"],
    ),
}


@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.parametrize("job", JOBS)
def test_what_is_measured_is_what_is_recorded_or_the_job_stops_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: str, form: str
) -> None:
    monkeypatch.chdir(tmp_path)
    _rows(1000).to_csv("reference.csv", index=False)
    key, others, rows_of = JOBS[job]
    place, contents, counts = Path(f"batch.{form}"), {}, {}
    for count in (LATER, NOW):
        frame = _rows(count)
        frame.to_csv(place, index=False) if form == "csv" else frame.to_parquet(place, index=False)
        contents[count], counts[fingerprint(str(place))] = place.read_bytes(), count

    named: list[bool] = []

    def replace() -> None:
        Path("next").write_bytes(contents[LATER])
        Path("next").replace(place)

    def end(actions: dict[int, Callable[[], None]]) -> tuple[int, int]:
        place.write_bytes(contents[NOW])
        with watched_files(place.name, actions=actions) as moments:
            try:
                outcome = run(job, {key: str(place), "evidence_root": "ev", **others})
            except IntegrityError as error:
                named.append(place.name in str(error))
                return moments.passed, 0
        evidence = read_evidence(outcome.evidence_uri)
        judged = counts[evidence.inputs[key].fingerprint or ""]
        assert rows_of(evidence.report) == judged
        return moments.passed, judged

    moments, judged = end({})
    assert judged == NOW
    ends = [end({moment: replace})[1] for moment in range(moments)]
    assert ends[0] == LATER
    assert named
    assert all(named)
