"""``mirror``: a SageMaker Model Package group shows the version in force, by the record and one way only."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from airflow_mlops_provider.decisions.mirror import judge_mirror
from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.reports.mirror import MirroredPackage, MirrorReport
from airflow_mlops_provider.records.requests.mirror import MirrorRequest
from airflow_mlops_provider.stores.chains.aliases import read_chain
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain, Link
from airflow_mlops_provider.stores.model_packages import APPROVED, REJECTED, ModelPackages, Package
from airflow_mlops_provider.stores.models import ModelStore

log = logging.getLogger(__name__)

MODEL, VERSION, DIGEST = "mlops:model", "mlops:version", "mlops:digest"
DECISION, DECISION_DIGEST = "mlops:decision", "mlops:decision-digest"
_ATTEMPTS = 5


class MirrorJob(Job, MirrorRequest):
    """Approve the package of the version in force, and no other of this model's."""

    def run(self) -> Outcome:
        """Read the record, make the group say the same, and look whether the record has gone on meanwhile.

        :raises IntegrityError: when the decision record was tampered with; then nothing is changed.
        :raises BackendError: when the group cannot be read or written; the decision stands, and a later run mirrors it.
        """
        models = ModelStore(self.tracking_uri, evidence_root=self.evidence_root)
        chain, packages = (
            DecisionChain(self.evidence_store, self.name),
            ModelPackages(self.group_name, region=self.region),
        )
        packages.make_group(f"Versions of {self.name} in force, mirrored from MLflow.")
        for _ in range(_ATTEMPTS):
            links = read_chain(models, chain)
            report = self._mirrored(models, packages, links)
            if len(chain.links()) == len(links):
                return self._recorded(report)
        raise BackendError(f"the record of {self.name} grew during each of {_ATTEMPTS} attempts to mirror it")

    def _recorded(self, report: MirrorReport) -> Outcome:
        verdict = judge_mirror(report)
        return self.record(Kind.MIRROR, report=report, policy=None, verdict=verdict, inputs={}, model=report.champion)

    def _mirrored(self, models: ModelStore, packages: ModelPackages, links: Sequence[Link]) -> MirrorReport:
        moves = [link for link in links if link.record.moved and link.record.alias == self.alias]
        found = packages.packages()
        ours = [each for each in found if each.properties.get(MODEL) == self.name]
        strangers = tuple(each.number for each in found if each not in ours and each.approval == APPROVED)
        if not moves:
            rejected = tuple(_reject(packages, each, reason="no version is in force") for each in _approved(ours))
            return MirrorReport(
                name=self.name, group=packages.group, champion=None, rejected=rejected, strangers=strangers
            )
        force = _InForce(link=moves[-1], model=moves[-1].record.model)
        mine, is_new = self._package_in_force(models, packages, ours, force)
        others = [each for each in _approved(ours) if each.arn != mine.arn]
        by_hand = [each for each in (mine, *others) if force.was_mirrored_in(each) and not _shows(each, mine)]
        if mine.approval != APPROVED or not force.was_mirrored_in(mine):
            packages.set_approval(mine, APPROVED, reason=force.reason, properties=force.properties)
        rejected = tuple(
            _reject(packages, each, reason=f"not in force since decision {force.number}", properties=force.mark)
            for each in others
        )
        return MirrorReport(
            name=self.name,
            group=packages.group,
            champion=force.model,
            decision=force.number,
            package=mine.number,
            package_arn=mine.arn,
            is_new=is_new,
            rejected=tuple(each for each in rejected if each.number not in {hand.number for hand in by_hand}),
            by_hand=tuple(map(_as_found, by_hand)),
            strangers=strangers,
        )

    def _package_in_force(
        self, models: ModelStore, packages: ModelPackages, ours: Sequence[Package], force: _InForce
    ) -> tuple[Package, bool]:
        """The package of the version in force, and whether it is new; the oldest, if two runs have made one each."""
        standing = [each for each in ours if each.properties.get(DIGEST) == force.model.digest]
        if standing:
            return standing[0], False
        made = packages.create(
            description=f"{self.name} version {force.model.version}: {force.reason}",
            properties=force.properties,
            source=f"models:/{self.name}/{force.model.version}",
            inference=self._inference(models, force.model),
        )
        return made, True

    def _inference(self, models: ModelStore, model: ModelRef) -> dict[str, Any] | None:
        if self.image is None:
            return None
        location = models.location(model)
        if not location.startswith("s3://"):
            raise BadInputError(
                f"mirror spec: 'image' needs artifacts on S3, and those of {self.name} version {model.version} lie at "
                f"{location}; leave it out, or let MLflow keep artifacts at s3://"
            )
        data = {"S3Uri": f"{location.rstrip('/')}/", "S3DataType": "S3Prefix", "CompressionType": "None"}
        return {
            "Containers": [{"Image": self.image, "ModelDataSource": {"S3DataSource": data}}],
            "SupportedContentTypes": list(self.content_types),
            "SupportedResponseMIMETypes": list(self.response_types),
        }


@dataclass(frozen=True, kw_only=True)
class _InForce:
    """The version in force, and the record that says so."""

    link: Link
    model: ModelRef

    @property
    def number(self) -> int:
        return self.link.record.number

    @property
    def reason(self) -> str:
        record = self.link.record
        return f"{record.alias} by decision {record.number}, {record.kind.value}: {record.verdict.summary}"

    @property
    def mark(self) -> dict[str, str]:
        """Which record the package was mirrored from."""
        return {DECISION: str(self.number), DECISION_DIGEST: self.link.digest}

    @property
    def properties(self) -> dict[str, str]:
        version = {VERSION: str(self.model.version), DIGEST: str(self.model.digest)}
        return {MODEL: self.model.name, **version, **self.mark}

    def was_mirrored_in(self, package: Package) -> bool:
        """Whether an earlier run has made the package say what this record says."""
        return self.mark.items() <= package.properties.items()


def _approved(packages: Sequence[Package]) -> list[Package]:
    return [each for each in packages if each.approval != REJECTED]


def _shows(package: Package, champion: Package) -> bool:
    return package.approval == (APPROVED if package.arn == champion.arn else REJECTED)


def _reject(
    packages: ModelPackages, package: Package, *, reason: str, properties: dict[str, str] | None = None
) -> MirroredPackage:
    packages.set_approval(package, REJECTED, reason=reason, properties={**package.properties, **(properties or {})})
    return _as_found(package)


def _as_found(package: Package) -> MirroredPackage:
    return MirroredPackage(
        number=package.number, model_version=package.properties.get(VERSION, "?"), was=package.approval
    )
