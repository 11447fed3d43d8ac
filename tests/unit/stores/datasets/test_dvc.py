"""Versions of data under DVC, against a real repository on disk: found, pinned, fallen back to, and named when not."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.decisions.alerts import alert_of_outcome
from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError
from airflow_mlops_provider.jobs.__main__ import main
from airflow_mlops_provider.records.alert import Severity
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.dvc import is_dvc_uri
from airflow_mlops_provider.stores.datasets.listing import exists
from airflow_mlops_provider.stores.datasets.pinned_files import fingerprint
from airflow_mlops_provider.stores.datasets.stamps import stamp
from airflow_mlops_provider.stores.datasets.writing import write_dataset
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.stores.specs import local_path
from tests.builders.dvc_repository import DvcRepository

SUITE = {"name": "s", "expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "hours"}}]}


@pytest.fixture(autouse=True)
def _apart(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")


@pytest.fixture
def repository(tmp_path):
    return DvcRepository(tmp_path)


def people(hours):
    return pd.DataFrame({"hours": [float(hours)] * 300, "nr": range(300)})


def hours_of(data):
    return data.frame()["hours"].iloc[0]


def validated(uri, root):
    return jobs.run("validate", {"dataset": uri, "suite": SUITE, "evidence_root": str(root)})


def test_without_a_revision_the_newest_data_are_read_and_pinned_by_commit_and_content(repository):
    repository.commit({"latest/people.parquet": people(1)}, tracked="latest/people.parquet", tag="last-stable")
    newest = repository.commit({"latest/people.parquet": people(2)}, tracked="latest/people.parquet")
    data = open_dataset(repository.uri("people.parquet"))
    assert hours_of(data) == 2
    assert (data.ref.revision, data.ref.fallback, data.ref.rows) == (newest, None, 300)
    assert data.ref.uri == repository.uri("latest/people.parquet", rev=newest)
    assert data.ref.fingerprint == fingerprint(str(repository.folder / "latest" / "people.parquet"))


def test_a_pinned_version_stays_what_it_was_when_newer_data_come(repository):
    repository.commit({"latest/people.parquet": people(1)}, tracked="latest/people.parquet")
    pinned = open_dataset(repository.uri("people.parquet")).ref
    repository.commit({"latest/people.parquet": people(2)}, tracked="latest/people.parquet")
    assert open_dataset(pinned).ref == pinned
    assert hours_of(open_dataset(pinned)) == 1


@pytest.mark.parametrize("rev", ["v1", "main", "HEAD~1"])
def test_a_tag_a_branch_and_an_expression_of_git_name_revisions(repository, rev):
    first = repository.commit({"people.csv": people(1)}, tracked="people.csv", tag="v1")
    second = repository.commit({"people.csv": people(2)}, tracked="people.csv")
    data = open_dataset(repository.uri("people.csv", rev=rev))
    assert data.ref.revision == (second if rev == "main" else first)
    assert data.format == "csv"
    assert hours_of(data) == (2 if rev == "main" else 1)


def test_uncommitted_data_are_no_version(repository):
    repository.commit({"latest/people.parquet": people(1)}, tracked="latest/people.parquet")
    people(2).to_parquet(repository.folder / "latest" / "people.parquet")
    assert hours_of(open_dataset(repository.uri("people.parquet"))) == 1


def test_a_folder_is_read_file_by_file_and_so_is_one_file_of_it(repository):
    days = {f"latest/days/{day}.parquet": people(day) for day in range(3)}
    repository.commit(days, tracked="latest/days")
    folder = open_dataset(repository.uri("days"))
    assert (folder.rows, [hours_of(folder.only([file])) for file in folder.files]) == (900, [0, 1, 2])
    assert folder.ref.fingerprint == fingerprint(str(repository.folder / "latest" / "days"))
    assert hours_of(open_dataset(repository.uri("days/2.parquet"))) == 2


def test_a_repository_at_an_address_is_cloned_and_its_clone_removed(repository, tmp_path, monkeypatch):
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    commit = repository.commit({"latest/people.parquet": people(1)}, tracked="latest/people.parquet")
    data = open_dataset(f"dvc+file://{repository.folder}?path=people.parquet")
    assert data.ref.uri == f"dvc+file://{repository.folder}?path=latest/people.parquet&rev={commit}"
    assert hours_of(data) == 1
    assert not list((tmp_path / "scratch").iterdir())


# -- the fallback -------------------------------------------------------------------------------------------------


def test_damaged_newest_data_fall_back_as_absent_ones_do(repository):
    stable = repository.commit({"latest/people.parquet": people(1)}, tracked="latest/people.parquet", tag="last-stable")
    repository.commit({"latest/people.parquet": people(2)}, tracked="latest/people.parquet")
    uri = repository.uri("people.parquet")
    place = Path(open_dataset(uri).files[0])
    for damage in (b"no parquet at all", place.read_bytes()[:-200], people(3).to_parquet(index=False)):
        place.write_bytes(damage)
        data = open_dataset(uri)
        assert (hours_of(data), data.ref.revision) == (1, stable)
        assert "latest/people.parquet at HEAD" in data.ref.fallback
        assert "is damaged: the bytes at" in data.ref.fallback


@pytest.mark.parametrize("damage", [b"x", None])
def test_a_folder_of_which_one_file_is_damaged_or_lost_falls_back_whole(repository, damage):
    def days(hours):
        return {f"latest/days/{day}.parquet": people(hours) for day in range(3)}

    stable = repository.commit(days(1), tracked="latest/days", tag="last-stable")
    repository.commit({**days(2), "latest/days/1.parquet": people(4)}, tracked="latest/days")
    whole = open_dataset(repository.uri("days"))
    assert hours_of(whole) == 2
    place = Path(whole.files[1])
    place.unlink() if damage is None else place.write_bytes(damage)
    data = open_dataset(repository.uri("days"))
    assert (hours_of(data), data.ref.revision, data.ref.rows) == (1, stable, 900)


def test_damaged_data_without_a_fallback_are_an_error(repository):
    repository.commit({"latest/people.parquet": people(1)}, tracked="latest/people.parquet", tag="last-stable")
    uri = repository.uri("people.parquet", fallback="")
    Path(open_dataset(uri).files[0]).write_bytes(b"no parquet at all")
    with pytest.raises(BadInputError, match="cannot be read as parquet"):
        open_dataset(uri)


@pytest.mark.parametrize(
    ("clean", "expectation"), [("clean.parquet", "all"), ("clean.csv", "all"), ("c.parquet", "some")]
)
def test_the_commit_stays_with_the_clean_rows_and_with_what_reads_them(repository, tmp_path, clean, expectation):
    frame = people(1).assign(nr=range(300))
    commit = repository.commit({"latest/people.parquet": frame}, tracked="latest/people.parquet")
    kwargs = {"column": "nr", "min_value": 0 if expectation == "all" else 3}
    suite = {"name": "s", "expectations": [{"type": "expect_column_values_to_be_between", "kwargs": kwargs}]}
    place, root = str(tmp_path / clean), str(tmp_path / "mlops")
    places = {"clean_uri": place, "quarantine_uri": str(tmp_path / "bad.parquet"), "evidence_root": root}
    spec = {"dataset": repository.uri("people.parquet"), "suite": suite, "policy": {"max_quarantine_share": 0.1}}
    validated_rows = jobs.run("validate", spec | places).dataset
    assert (validated_rows.uri, validated_rows.revision) == (place, commit)
    drift = {"reference": encode(validated_rows), "current": place, "evidence_root": root, "html_report": "never"}
    assert read_evidence(jobs.run("drift", drift).evidence_uri).inputs["reference"].revision == commit


@pytest.mark.parametrize("fault", ["bytes never pushed", "no longer tracked"])
def test_what_cannot_be_had_falls_back_to_the_last_stable_version(repository, fault):
    stable = repository.commit({"latest/people.parquet": people(1)}, tracked="latest/people.parquet", tag="last-stable")
    if fault == "bytes never pushed":
        repository.commit({"latest/people.parquet": people(2)}, tracked="latest/people.parquet", push=False)
    else:
        repository.git("rm", "--quiet", "latest/people.parquet.dvc")
        repository.git("commit", "--quiet", "--message", "gone")
    data = open_dataset(repository.uri("people.parquet"))
    assert (hours_of(data), data.ref.revision) == (1, stable)
    assert f"read at the fallback revision last-stable ({stable[:12]}) instead" in data.ref.fallback
    assert fault.split()[-1] in data.ref.fallback


def test_a_stable_version_outside_the_folder_of_the_newest_is_found_too(repository):
    repository.commit({"people.parquet": people(1)}, tracked="people.parquet", tag="last-stable")
    data = open_dataset(repository.uri("people.parquet"))
    assert hours_of(data) == 1
    assert "latest/people.parquet is not tracked by DVC at HEAD" in data.ref.fallback


def test_a_fallback_is_recorded_in_the_outcome_and_the_evidence_and_told(repository, tmp_path):
    stable = repository.commit({"latest/people.parquet": people(1)}, tracked="latest/people.parquet", tag="last-stable")
    repository.commit({"latest/people.parquet": people(2)}, tracked="latest/people.parquet", push=False)
    outcome = validated(repository.uri("people.parquet"), tmp_path / "mlops")
    [finding] = outcome.verdict.of_status(Status.NOTICE)
    assert finding.measure == "fallback_revision"
    assert "never pushed" in finding.detail
    assert "dataset is not the newest version" in outcome.verdict.findings[0].detail
    assert outcome.dataset.revision == stable
    evidence = read_evidence(outcome.evidence_uri)
    assert evidence.inputs["dataset"].fallback == outcome.dataset.fallback
    assert "never pushed" in local_path(evidence.attachments["report.html"]).read_text(encoding="utf-8")
    alert = alert_of_outcome(outcome, where="a.b", links={})
    assert (alert.severity, alert.title) == (Severity.WARNING, "Older data were read in a.b")
    assert any("last-stable" in line for line in alert.lines)
    root = {"evidence_root": str(tmp_path / "mlops")}
    assert jobs.run("verify", {"evidence": outcome.to_json(), **root}).verdict.status is Status.PASS
    replayed = jobs.run("replay", {"evidence": outcome.to_json(), "policy": {"max_quarantine_share": 1.0}, **root})
    assert replayed.verdict.status is Status.PASS


def test_a_profile_names_the_version_that_it_was_made_of_and_reads_no_file_twice(repository, tmp_path):
    spec = {"output_uri": str(tmp_path / "p.profile"), "evidence_root": str(tmp_path / "mlops")}
    repository.commit({f"days/{day}.parquet": people(day) for day in range(3)}, tracked="days")
    assert (
        "3 files, 3 of them read now"
        in jobs.run("profile", spec | {"dataset": repository.uri("days", rev="main")}).verdict.summary
    )
    commit = repository.commit({"days/3.parquet": people(3)}, tracked="days")
    again = jobs.run("profile", spec | {"dataset": repository.uri("days", rev="main")})
    assert "4 files, 1 of them read now" in again.verdict.summary
    assert read_evidence(again.evidence_uri).inputs["dataset"].revision == commit


def test_drift_on_data_that_fell_back_is_a_notice(repository, tmp_path):
    repository.commit({"latest/people.parquet": people(1)}, tracked="latest/people.parquet", tag="last-stable")
    repository.git("rm", "--quiet", "latest/people.parquet.dvc")
    repository.git("commit", "--quiet", "--message", "gone")
    spec = {
        "reference": repository.uri("latest/people.parquet", rev="last-stable"),
        "current": repository.uri("people.parquet"),
        "columns": ["nr"],
        "html_report": "never",
        "evidence_root": str(tmp_path / "mlops"),
    }
    outcome = jobs.run("drift", spec)
    assert [(f.subject, f.measure) for f in outcome.verdict.of_status(Status.NOTICE)] == [
        ("current", "fallback_revision")
    ]


def test_a_revision_that_is_named_has_no_fallback_unless_one_is_named_too(repository):
    first = repository.commit({"people.parquet": people(1)}, tracked="people.parquet", tag="last-stable")
    repository.commit({"people.parquet": people(2)}, tracked="people.parquet", tag="v2", push=False)
    with pytest.raises(BadInputError, match=r"people\.parquet at v2 \(.*\) of .* was never pushed"):
        open_dataset(repository.uri("people.parquet", rev="v2"))
    data = open_dataset(repository.uri("people.parquet", rev="v2", fallback="last-stable"))
    assert data.ref.revision == first


def test_an_empty_fallback_means_none(repository):
    repository.commit({"people.parquet": people(1)}, tracked="people.parquet", tag="last-stable")
    with pytest.raises(BadInputError, match=r"latest/people\.parquet is not tracked"):
        open_dataset(repository.uri("people.parquet", fallback=""))


# -- waiting ------------------------------------------------------------------------------------------------------


def test_a_version_can_be_waited_for_and_its_mark_changes_with_the_data_alone(repository):
    repository.commit({"other.csv": people(1)}, tracked="other.csv")
    uri = repository.uri("people.parquet")
    assert (exists(uri), stamp(uri)) == (False, None)
    repository.commit({"latest/people.parquet": people(1)}, tracked="latest/people.parquet")
    first = stamp(uri)
    repository.commit({"other.csv": people(3)}, tracked="other.csv")
    assert stamp(uri) == first
    repository.commit({"latest/people.parquet": people(2)}, tracked="latest/people.parquet")
    assert exists(uri)
    assert stamp(uri) not in (None, first)


# -- what is wrong ------------------------------------------------------------------------------------------------


def test_what_is_not_there_is_named(repository, tmp_path):
    repository.commit({"people.parquet": people(1)}, tracked="people.parquet")
    plain = tmp_path / "plain"
    plain.mkdir()
    wrong = {
        repository.uri("women.parquet", rev="main"): "women.parquet is not tracked by DVC at main",
        repository.uri("people.parquet", rev="v9"): "has no revision v9",
        repository.uri("women.parquet"): "nor can it fall back: .* has no revision last-stable",
        f"dvc://{tmp_path}/nowhere?path=people.parquet": "nowhere: no such folder, so no DVC repository",
        f"dvc://{plain}?path=people.parquet": "plain cannot be read as a DVC repository: .*not a git repository",
        f"dvc://{repository.folder}": "write dvc://FOLDER",
        f"dvc://{repository.folder}?file=people.parquet": "'file'; keys are path, rev, fallback",
        f"dvc://{repository.folder}?path": "not key=value",
    }
    for uri, message in wrong.items():
        with pytest.raises(BadInputError) as caught:
            open_dataset(uri)
        assert re.search(message, str(caught.value))


def test_bytes_that_the_remote_lost_are_named_by_path_and_revision(repository, tmp_path, capsys):
    commit = repository.commit({"people.parquet": people(1)}, tracked="people.parquet")
    repository.lose_the_bytes()
    (tmp_path / "spec.json").write_text(
        f'{{"dataset": "{repository.uri("people.parquet", rev="main")}", "suite": {{"expectations": []}}}}'
    )
    with pytest.raises(BadInputError, match=rf"people\.parquet at main \({commit[:12]}\).*there is nothing at"):
        open_dataset(repository.uri("people.parquet", rev="main"))
    assert main(["validate", str(tmp_path / "spec.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_of_a_folder_that_the_remote_lost_is_named(repository):
    days = {f"days/{day}.parquet": people(day) for day in range(3)}
    repository.commit(days, tracked="days")
    whole = open_dataset(repository.uri("days", rev="main"))
    Path(whole.files[1]).write_bytes(b"")
    with pytest.raises(BadInputError, match=r"days/1\.parquet is empty"):
        open_dataset(repository.uri("days", rev="main"))


def test_a_damaged_file_is_called_by_its_name_not_by_its_hash(repository):
    repository.commit({"people.parquet": people(1)}, tracked="people.parquet")
    uri = repository.uri("people.parquet", rev="main")
    Path(open_dataset(uri).files[0]).write_bytes(b"no parquet at all")
    with pytest.raises(BadInputError, match=r"^people\.parquet cannot be read as parquet"):
        open_dataset(uri)


def test_bytes_that_were_replaced_in_the_remote_do_not_pass_for_the_pinned_ones(repository):
    repository.commit({"people.parquet": people(1)}, tracked="people.parquet")
    pinned = open_dataset(repository.uri("people.parquet", rev="main")).ref
    people(2).to_parquet(open_dataset(pinned).files[0])
    with pytest.raises(IntegrityError, match="changed"):
        assert open_dataset(pinned).ref


def test_a_version_is_no_place_to_write(repository, tmp_path):
    with pytest.raises(BadInputError, match="not written"):
        write_dataset(open_dataset_of(tmp_path), repository.uri("people.parquet"))


def open_dataset_of(folder):
    people(1).to_parquet(folder / "p.parquet")
    return open_dataset(str(folder / "p.parquet")).table()


@pytest.mark.parametrize("address", ["https://me:secret@example.com/data.git", "https://token@example.com/data.git"])
def test_credentials_in_an_address_are_refused_and_not_repeated(address):
    with pytest.raises(BadInputError, match="leave them to Git") as caught:
        open_dataset(f"dvc+{address}?path=people.parquet")
    assert "secret" not in str(caught.value)
    assert "token" not in str(caught.value)


def test_an_address_that_cannot_be_reached_is_a_failed_backend():
    with pytest.raises(BackendError, match=r"ssh://127\.0\.0\.1:1/x cannot be read"):
        open_dataset("dvc+ssh://127.0.0.1:1/x?path=people.parquet")


def test_a_missing_dvc_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "dvc.exceptions", None)
    with pytest.raises(BackendError, match=r"pip install 'airflow-mlops-provider\[dvc\]'"):
        open_dataset("dvc:///srv/registry?path=people.parquet")


@pytest.mark.skipif(find_spec("dvc_s3") is not None, reason="the plugin is installed")
def test_a_remote_that_needs_a_plugin_of_dvc_says_which(repository):
    repository.commit({"people.parquet": people(1)}, tracked="people.parquet")
    config = repository.folder / ".dvc" / "config"
    config.write_text(config.read_text().replace(str(repository.remote), "s3://bucket/data"))
    repository.git("commit", "--all", "--quiet", "--message", "elsewhere")
    with pytest.raises(BackendError, match="requires 'dvc-s3' to be installed"):
        open_dataset(repository.uri("people.parquet", rev="main"))


def test_dvc_is_not_loaded_by_who_does_not_use_it(tmp_path):
    people(1).to_parquet(tmp_path / "p.parquet")
    script = (
        "import sys; from airflow_mlops_provider.stores.datasets.dataset import open_dataset; "
        f"open_dataset({str(tmp_path / 'p.parquet')!r}).ref; assert 'dvc' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [("dvc:///a?path=b", True), ("dvc+git@host:a/b.git?path=c", True), ("dvcs/a.parquet", False), ("s3://a/b", False)],
)
def test_only_dvc_uris_are_versions(uri, expected):
    assert is_dvc_uri(uri) is expected
