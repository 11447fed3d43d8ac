"""Keys of the ``mirror`` job."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.refs import ModelRef, registered_name
from airflow_mlops_provider.records.requests.request import JobRequest
from airflow_mlops_provider.records.requests.short_forms import MODEL
from airflow_mlops_provider.records.roles import CHAMPION, require_alias

_GROUP = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


@dataclass(frozen=True, kw_only=True)
class MirrorRequest(JobRequest):
    """Let a SageMaker Model Package group show the version in force as its only approved package.

    :param model: the registered model: its name, or whatever names a version of it.
    :param group: name of the Model Package group, which is made when it is not there; by default the model's name, with
        ``-`` for every sign that such names may not hold.
    :param image: inference image in ECR, so that a package can be deployed; the model's artifacts must then lie on S3.
    :param content_types: what the image takes.
    :param response_types: what the image answers.
    :param region: AWS region; by default that of the environment.
    :param alias: the alias whose version is mirrored.
    :param tracking_uri: of MLflow.
    """

    job: ClassVar[str] = "mirror"

    model: str | ModelRef = field(metadata=MODEL)
    group: str | None = None
    image: str | None = None
    content_types: tuple[str, ...] = ("text/csv",)
    response_types: tuple[str, ...] = ("text/csv",)
    region: str | None = None
    alias: str = CHAMPION
    tracking_uri: str | None = None

    @property
    def name(self) -> str:
        """The name that the model is registered under."""
        return registered_name(self.model)

    @property
    def group_name(self) -> str:
        """The name of the Model Package group."""
        return self.group or re.sub(r"[^a-zA-Z0-9]+", "-", self.name).strip("-")

    def check(self) -> None:
        """Raise ``BadInputError`` for a name that no Model Package group can have."""
        require_alias(self.alias)
        if not _GROUP.fullmatch(self.group_name):
            raise BadInputError(
                f"mirror spec: 'group' {self.group_name!r} is no name of a Model Package group: "
                "1 to 63 letters, digits and hyphens, with a letter or digit first and last"
            )
