"""The drift job on kept profiles: of the batch, and of the windows to calibrate on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs.__main__ import main
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import read_evidence

ROWS = 300


def write_day(path: Path, seed: int, *, shift: float = 0.0) -> None:
    rng = np.random.default_rng(seed)
    wind = rng.normal() + shift
    columns = {"wind": wind + rng.normal(scale=0.5, size=ROWS), "kind": rng.choice(["a", "b", "c"], ROWS)}
    pq.write_table(pa.table(columns), path)


class Days:
    """A folder of days, the profile of them all, and one of each."""

    def __init__(self, root: Path, count: int = 35) -> None:
        self.root, self.folder = root, root / "profiles"
        (root / "days").mkdir()
        self.folder.mkdir()
        for number in range(count):
            write_day(root / "days" / f"{number:02d}.parquet", number)
        self.profile("days", "whole.profile")
        for number in range(count):
            self.profile(f"days/{number:02d}.parquet", f"profiles/2026-10-{number:02d}.profile", edges=True)

    def profile(self, dataset: str, name: str, *, edges: bool = False, **keys: Any) -> str:
        spec = {"dataset": str(self.root / dataset), "output_uri": str(self.root / name), "shared": False}
        given = {"edges": str(self.root / "whole.profile")} if edges else {}
        jobs.run("profile", spec | given | keys | {"evidence_root": str(self.root / "mlops")})
        return str(self.root / name)

    def today(self, name: str, seed: int, *, shift: float = 0.0) -> str:
        write_day(self.root / f"{name}.parquet", seed, shift=shift)
        return self.profile(f"{name}.parquet", f"{name}.profile", edges=True)

    def judged(self, current: str, **keys: Any) -> Outcome:
        spec = {"reference": str(self.root / "whole.profile"), "current": current}
        return jobs.run("drift", {**spec, "evidence_root": str(self.root / "mlops"), **keys})


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Days:
    return Days(tmp_path_factory.mktemp("days"))


def test_a_kept_profile_of_the_batch_is_judged_and_pinned(days):
    outcome = days.judged(days.today("2026-12-01", 100, shift=3))
    assert outcome.verdict.status is Status.FAIL
    assert outcome.verdict.findings[0].subject == "wind"
    detail = "the reference and the current batch are profiles without rows"
    assert any(detail in finding.detail for finding in outcome.verdict.findings)
    evidence = read_evidence(outcome.evidence_uri)
    assert evidence.inputs["current"].uri.endswith("2026-12-01.profile")
    assert evidence.inputs["current"].fingerprint == outcome.dataset.fingerprint
    assert evidence.inputs["current"].rows == ROWS


def test_a_folder_of_day_profiles_is_what_a_day_is_ranked_among(days):
    quiet, shifted = days.today("2026-12-02", 101), days.today("2026-12-03", 102, shift=8)
    verdicts = [days.judged(each, windows=str(days.folder)).verdict for each in (quiet, shifted)]
    assert [verdict.status for verdict in verdicts] == [Status.PASS, Status.NOTICE]
    assert "calibrated on 35 windows" in verdicts[0].findings[0].detail


def test_two_windows_in_a_row_alarm_in_the_order_of_their_names(days):
    windows = [str(days.folder / "*.profile")]
    later = days.today("2026-12-09", 103, shift=8)
    first = days.today("2026-12-08", 104, shift=8)
    assert days.judged(later, windows=windows).verdict.status is Status.NOTICE
    assert days.judged(first, windows=windows).verdict.status is Status.NOTICE
    again = days.judged(days.today("2026-12-10", 105, shift=8), windows=windows)
    assert again.verdict.status is Status.FAIL
    assert read_evidence(again.evidence_uri).details["previous_window"] == "2026-12-09"


def test_a_list_of_profiles_does_as_well_and_the_batch_is_none_of_its_windows(days):
    profiles = [str(path) for path in sorted(days.folder.iterdir())]
    outcome = days.judged(profiles[3], windows=profiles)
    evidence = read_evidence(outcome.evidence_uri)
    assert evidence.details["windows"] == [Path(each).stem for each in profiles if each != profiles[3]]
    assert len(evidence.inputs) == 2 + len(profiles)
    assert evidence.report["windows"]["windows"] == 34


def test_the_same_batch_among_other_windows_is_another_judgement(days):
    current, windows = days.today("2026-12-04", 106), [str(days.folder)]
    one, again = (days.judged(current, windows=windows, once=True) for _ in range(2))
    assert (again.judgement, again.evidence_uri) == (one.judgement, one.evidence_uri)
    fewer = [str(path) for path in sorted(days.folder.iterdir())[:31]]
    assert days.judged(current, windows=fewer, once=True).judgement != one.judgement
    assert days.judged(current, once=True).judgement != one.judgement


def test_rows_of_the_reference_are_profiled_with_the_edges_of_the_batch(days):
    current = days.today("2026-12-05", 107, shift=3)
    outcome = days.judged(current, reference=str(days.root / "days"), windows=str(days.folder))
    assert outcome.verdict.status is Status.NOTICE
    assert days.judged(current, reference=str(days.root / "days")).verdict.status is Status.FAIL


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"windows": "nowhere"}, "no .profile file in it"),
        ({"windows": ["whole.profile", "whole.profile"]}, "both called whole"),
        ({"windows": "profiles", "window_column": "kind"}, "give 'windows' or 'window_column', not both"),
        ({"windows": "others"}, "'wind' has other edges in"),
        ({"current": "others/odd.profile"}, "column 'wind' has other edges in"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(days, monkeypatch, capsys, keys, message):
    monkeypatch.chdir(days.root)
    Path("others").mkdir(exist_ok=True)
    for number in range(30):
        target = Path("others", f"{number or 'odd'}.profile")
        if not target.exists():
            days.profile("days/05.parquet", str(target))
    with pytest.raises(BadInputError, match=message):
        days.judged(keys.pop("current", days.today("2026-12-06", 108)), **keys)


def test_windows_that_changed_since_they_were_pinned_are_refused(days):
    ref = {"uri": str(days.folder), "fingerprint": "sha256:" + "0" * 64}
    with pytest.raises(IntegrityError, match=r"windows .* changed"):
        days.judged(days.today("2026-12-07", 109), windows=[ref])


def test_bad_windows_exit_2(days, tmp_path):
    spec = tmp_path / "spec.json"
    spec.write_text('{"reference": "a.profile", "current": "b.profile", "windows": [3]}')
    assert main(["drift", str(spec)]) == 2
