"""The mirror of a champion in SageMaker's registry as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.requests.mirror import MirrorRequest
from airflow_mlops_provider.records.requests.short_forms import given, model_ref
from airflow_mlops_provider.records.roles import CHAMPION


class MirrorChampionOperator(JobOperator):
    """Lets a SageMaker Model Package group show the champion as its only approved package; one way, by the record.

    Put it after promotions and rollbacks, or on a schedule of its own: each run repairs what an earlier one missed.

    :param model: the registered model: its name, or whatever names a version of it.
    :param group: name of the Model Package group, which is made when it is not there; by default the model's name, with
        ``-`` for every sign that such names may not hold.
    :param image: inference image in ECR, so that a package can be deployed; the model's artifacts must then lie on S3.
    :param content_types: what the image takes.
    :param response_types: what the image answers.
    :param region: AWS region; by default that of the environment, which ``aws_conn_id`` may set.
    :param alias: the alias whose version is mirrored.
    """

    request_type = MirrorRequest
    template_fields: Sequence[str] = (
        *("model", "group", "image", "content_types", "response_types", "region", "alias", "evidence_root"),
    )

    def __init__(
        self,
        *,
        model: str | ModelRef | Any,
        group: str | None = None,
        image: str | None = None,
        content_types: Sequence[str] = ("text/csv",),
        response_types: Sequence[str] = ("text/csv",),
        region: str | None = None,
        alias: str = CHAMPION,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.group = group
        self.image = image
        self.content_types = content_types
        self.response_types = response_types
        self.region = region
        self.alias = alias

    def request(self, context: Context) -> MirrorRequest:  # noqa: ARG002  # as in the base class
        """The keys of the job."""
        return MirrorRequest(
            model=model_ref(self.model),
            group=given(self.group),
            image=given(self.image),
            content_types=tuple(self.content_types),
            response_types=tuple(self.response_types),
            region=given(self.region),
            alias=self.alias,
        )
