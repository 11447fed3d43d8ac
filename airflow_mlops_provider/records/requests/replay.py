"""Keys of the ``replay`` job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.requests.request import JobRequest, former
from airflow_mlops_provider.records.requests.short_forms import EVIDENCE, MODEL


@dataclass(frozen=True, kw_only=True)
class ReplayRequest(JobRequest):
    """Judge the promotions of a model, or one piece of evidence, under another policy; nothing is changed.

    :param model: the registered model, by its name or whatever names a version of it; ``policy`` then holds keys of the
        promotion policy.
    :param evidence: URI of one piece of evidence, or the Outcome that points at it, instead of ``model``; ``policy``
        then holds keys of its own policy.
    :param policy: the keys to change; the others stay as they were at the time.
    """

    job: ClassVar[str] = "replay"

    policy: Mapping[str, Any]
    model: str | ModelRef | None = field(default=None, metadata={**MODEL, **former("name")})
    evidence: str | None = field(default=None, metadata=EVIDENCE)

    def check(self) -> None:
        """Raise ``BadInputError`` unless there is either a model or evidence."""
        if (self.model is None) is (self.evidence is None):
            raise BadInputError("replay spec: give either 'model' or 'evidence'")
