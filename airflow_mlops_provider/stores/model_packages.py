"""A Model Package group of SageMaker: its packages and their approval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from airflow_mlops_provider.exceptions import BackendError, BadInputError, one_line

APPROVED = "Approved"
REJECTED = "Rejected"

_LONGEST = 1024
_REFUSED = ("ValidationException", "ValidationError")
_TAKEN = ("already exists", "must be unique")


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package as SageMaker describes it.

    :param arn: its address.
    :param number: its version in the group.
    :param approval: ``Approved``, ``Rejected`` or ``PendingManualApproval``.
    :param properties: what its maker noted with it.
    """

    arn: str
    number: int
    approval: str
    properties: Mapping[str, str]


class ModelPackages:
    """The packages of one group.

    :param group: its name.
    :param region: AWS region; by default that of the environment.
    """

    def __init__(self, group: str, *, region: str | None = None) -> None:
        self.group = group
        self._region = region

    def make_group(self, description: str) -> None:
        """Make the group, unless it is there."""
        try:
            with self._told("make"):
                self._client.create_model_package_group(
                    ModelPackageGroupName=self.group, ModelPackageGroupDescription=description
                )
        except BadInputError as error:
            if not any(word in str(error) for word in _TAKEN):
                raise

    def packages(self) -> tuple[Package, ...]:
        """All packages, oldest first."""
        with self._told("read"):
            pages = self._client.get_paginator("list_model_packages").paginate(ModelPackageGroupName=self.group)
            found = [each["ModelPackageArn"] for page in pages for each in page["ModelPackageSummaryList"]]
            return tuple(sorted(map(self._package, found), key=lambda package: package.number))

    def create(
        self, *, description: str, properties: Mapping[str, str], source: str, inference: Mapping[str, Any] | None
    ) -> Package:
        """Make an approved package.

        :param source: where the model comes from.
        :param inference: how it is served, as SageMaker's ``InferenceSpecification``; ``None`` for a package that says
            what is in force and cannot be deployed by itself.
        """
        served = {"InferenceSpecification": dict(inference)} if inference else {}
        with self._told("write"):
            made = self._client.create_model_package(
                ModelPackageGroupName=self.group,
                ModelPackageDescription=description[:_LONGEST],
                ModelApprovalStatus=APPROVED,
                CustomerMetadataProperties=dict(properties),
                SourceUri=source,
                **served,
            )
            return self._package(made["ModelPackageArn"])

    def set_approval(self, package: Package, approval: str, *, reason: str, properties: Mapping[str, str]) -> None:
        """Change the approval of a package, and say why.

        :param properties: in place of those it has.
        """
        with self._told("write"):
            self._client.update_model_package(
                ModelPackageArn=package.arn,
                ModelApprovalStatus=approval,
                ApprovalDescription=reason[:_LONGEST],
                CustomerMetadataProperties=dict(properties),
            )

    def _package(self, arn: str) -> Package:
        found = self._client.describe_model_package(ModelPackageName=arn)
        return Package(
            arn=arn,
            number=int(found.get("ModelPackageVersion", 0)),
            approval=str(found.get("ModelApprovalStatus", "")),
            properties=found.get("CustomerMetadataProperties") or {},
        )

    @cached_property
    def _client(self) -> Any:
        try:
            import boto3
        except ImportError as error:
            raise BackendError("SageMaker needs boto3: pip install 'airflow-mlops-provider[amazon]'") from error
        # A session of its own: boto3's default one keeps the credentials that the environment held first.
        return boto3.session.Session().client("sagemaker", region_name=self._region)

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (BackendError, BadInputError):
            raise
        except Exception as error:  # botocore raises a family of its own, made at run time
            code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
            told = f"Model Package group {self.group!r}: cannot {doing}: {one_line(error)}"
            raise BadInputError(told) if code in _REFUSED else BackendError(told) from error
