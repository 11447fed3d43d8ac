"""A Model Package group shows what the record says, whatever happened there or was missed before."""

from __future__ import annotations

import boto3
import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.jobs.decisions.mirror import MirrorJob
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.requests.mirror import MirrorRequest
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.stores.specs import local_path

GROUP = "wage"


@pytest.fixture
def aws(s3_root):
    """SageMaker's registry, emptied before."""
    client = boto3.session.Session().client("sagemaker")
    from moto.sagemaker.models import sagemaker_backends

    backend = sagemaker_backends["123456789012"]["us-east-1"]
    backend.model_packages.clear()
    backend.model_package_groups.clear()
    return client


@pytest.fixture
def mirror(world, aws):
    return lambda **keys: run("mirror", {"model": "wage", **world.where, **keys})


def packages(aws):
    """Number to model version, approval and reason."""
    found = aws.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
    told = [aws.describe_model_package(ModelPackageName=each["ModelPackageArn"]) for each in found]
    return {
        each["ModelPackageVersion"]: (each["CustomerMetadataProperties"]["mlops:version"], each["ModelApprovalStatus"])
        for each in told
    }


def arn_of(aws, number):
    found = aws.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
    return next(each["ModelPackageArn"] for each in found if each["ModelPackageVersion"] == number)


def set_by_hand(aws, number, approval):
    arn = arn_of(aws, number)
    kept = aws.describe_model_package(ModelPackageName=arn)["CustomerMetadataProperties"]
    aws.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=approval, CustomerMetadataProperties=kept)


def test_the_champion_is_the_only_approved_package_and_a_repeat_changes_nothing(world, aws, mirror):
    (first,) = world.champions(1)
    outcome = mirror()
    assert (outcome.kind, outcome.verdict.status, outcome.model) == (Kind.MIRROR, Status.PASS, first)
    assert outcome.verdict.summary == "wage version 1 is approved in Model Package group wage"
    report = read_evidence(outcome.evidence_uri).report
    assert (report["decision"], report["package"], report["is_new"]) == (1, 1, True)
    told = aws.describe_model_package(ModelPackageName=arn_of(aws, 1))
    assert told["CustomerMetadataProperties"] == {
        "mlops:model": "wage",
        "mlops:version": "1",
        "mlops:digest": first.digest,
        "mlops:decision": "1",
        "mlops:decision-digest": world.links[0].digest,
    }
    assert "champion by decision 1, promotion: " in told["ModelPackageDescription"]
    assert read_evidence(mirror().evidence_uri).report["is_new"] is False
    assert packages(aws) == {1: ("1", "Approved")}


def test_a_promotion_and_a_rollback_are_followed_also_when_runs_in_between_were_missed(world, aws, mirror):
    world.champions(1)
    mirror()
    third = [world.register(seed=seed) for seed in (2, 3)][-1]
    world.promote(third)
    outcome = mirror()
    assert packages(aws) == {1: ("1", "Rejected"), 2: ("3", "Approved")}
    assert [finding.subject for finding in outcome.verdict.findings] == ["wage", "package 1"]
    world.rollback()
    assert mirror().verdict.status is Status.PASS
    assert packages(aws) == {1: ("1", "Approved"), 2: ("3", "Rejected")}


def test_what_somebody_changed_by_hand_shows_the_record_again_and_is_told(world, aws, mirror):
    world.champions(2)
    mirror()
    world.rollback()
    mirror()
    set_by_hand(aws, 1, "Approved")
    set_by_hand(aws, 2, "Rejected")
    outcome = mirror()
    assert outcome.verdict.status is Status.NOTICE
    told = {finding.subject: finding.measure for finding in outcome.verdict.findings}
    assert told["package 1"] == told["package 2"] == "package_changed_by_hand"
    assert packages(aws) == {1: ("2", "Rejected"), 2: ("1", "Approved")}
    assert mirror().verdict.status is Status.PASS


def test_packages_of_others_in_the_group_are_told_and_left_alone(world, aws, mirror):
    world.champions(1)
    mirror()
    aws.create_model_package(
        ModelPackageGroupName=GROUP, ModelApprovalStatus="Approved", CustomerMetadataProperties={"mlops:version": "x"}
    )
    outcome = mirror()
    assert outcome.verdict.status is Status.NOTICE
    assert "package 2 is approved as well and is none of this mirror's" in outcome.verdict.findings[0].detail
    assert packages(aws)[2] == ("x", "Approved")


def test_of_two_packages_of_one_version_made_at_once_the_first_stands(world, aws, mirror):
    world.champions(1)
    mirror()
    kept = aws.describe_model_package(ModelPackageName=arn_of(aws, 1))["CustomerMetadataProperties"]
    aws.create_model_package(
        ModelPackageGroupName=GROUP, ModelApprovalStatus="Approved", CustomerMetadataProperties=kept
    )
    mirror()
    assert packages(aws) == {1: ("1", "Approved"), 2: ("1", "Rejected")}


def test_without_a_champion_nothing_is_approved(world, aws, mirror):
    world.register()
    outcome = mirror()
    assert (outcome.verdict.status, outcome.model) == (Status.NOTICE, None)
    assert packages(aws) == {}


def test_a_record_that_was_tampered_with_is_not_mirrored(world, aws, mirror):
    world.champions(1)
    mirror()
    path = local_path(world.links[-1].uri)
    path.write_text(path.read_text().replace("promotion", "promoti0n"))
    with pytest.raises(IntegrityError):
        mirror()
    assert packages(aws) == {1: ("1", "Approved")}


def test_a_record_that_goes_on_meanwhile_is_followed_to_its_end(world, aws, monkeypatch):
    world.champions(1)
    second = world.register(seed=2)
    mirrored = MirrorJob._mirrored

    def overtaken(self, *given):
        report = mirrored(self, *given)
        if len(world.links) == 1:
            world.promote(second)
        return report

    monkeypatch.setattr(MirrorJob, "_mirrored", overtaken)
    outcome = run("mirror", {"model": "wage", **world.where})
    assert outcome.model == second
    assert packages(aws) == {1: ("1", "Rejected"), 2: ("2", "Approved")}


def test_an_image_needs_artifacts_that_sagemaker_reaches(world, aws, mirror):
    world.champions(1)
    with pytest.raises(BadInputError, match="'image' needs artifacts on S3, and those of wage version 1 lie at"):
        mirror(image="123456789012.dkr.ecr.us-east-1.amazonaws.com/serve:1")


def test_a_registry_that_is_not_reached_is_a_failed_backend_and_the_decision_stands(world, mirror, monkeypatch):
    world.champions(1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(BackendError, match="Model Package group 'wage': cannot make: Could not connect"):
        mirror()
    assert world.effects == ["moved"]


@pytest.mark.parametrize(
    ("model", "group"), [("wage", "wage"), ("high_wage.v2", "high-wage-v2"), ("models:/my model/3", "my-model")]
)
def test_a_group_is_named_after_its_model_in_letters_that_aws_allows(model, group):
    assert MirrorRequest(model=model).group_name == group


@pytest.mark.parametrize("keys", [{"model": "---"}, {"model": "wage", "group": "a_b"}, {"model": "x" * 64}])
def test_a_name_that_no_group_can_have_is_refused(keys):
    with pytest.raises(BadInputError, match=r"'group' .* is no name of a Model Package group"):
        MirrorRequest(**keys)
